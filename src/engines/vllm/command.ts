/** The command line of `vllm serve` for a plan. Bundled into the planner page: keep it and its imports small. */
import type { Command, Plan } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import type { CommandSettings } from '../engine';
import { launchOptions, type LaunchOption } from './options';
import { lastPart, toolParserFor } from './toolParsers';

/** Stands where no model is chosen yet, so that a preview can be shown. */
export const MODEL_PLACEHOLDER = 'MODEL';

/** Deploy runs exactly this. Nothing goes through a shell; `extraArguments` come last, and argparse lets the last one win. */
export function vllmCommand(request: PlanRequest, plan: Plan, settings: CommandSettings): Command {
  const model = modelArgument(request);
  const args = ['serve', model, '--host', settings.host];
  if (settings.port !== null) args.push('--port', String(settings.port));
  args.push('--served-model-name', settings.servedModelName ?? servedModelName(request));
  for (const option of launchOptions(request, plan)) args.push(...flagArguments(option));
  args.push(...toolArguments(request, settings.extraArguments), ...settings.extraArguments);
  return { file: settings.file, args, env: { ...settings.environment } };
}

/**
 * The name on the Hub where the path is only its local copy (vLLM finds that copy itself), else the path, else the name.
 */
export function modelArgument(request: PlanRequest): string {
  const { name, path } = request.model;
  if (path) return hubName(path) ?? path;
  return name ?? MODEL_PLACEHOLDER;
}

/** What clients ask for when nothing else is set: the Hub name, or the last part of a folder (vLLM's default is the whole path). */
export function servedModelName(request: PlanRequest): string {
  const model = modelArgument(request);
  const isPath = /^(?:[/\\~.]|[A-Za-z]:[/\\])/.test(model);
  return isPath ? lastPart(model) : model;
}

/** `…/hub/models--Qwen--Qwen3-4B/snapshots/<hash>` → `Qwen/Qwen3-4B`; null for any other path. */
function hubName(path: string): string | null {
  const folder = /[/\\]hub[/\\]models--([^/\\]+)[/\\]snapshots[/\\][^/\\]+[/\\]?$/.exec(path)?.[1];
  return folder?.split('--').join('/') ?? null;
}

function toolArguments(request: PlanRequest, extraArguments: readonly string[]): string[] {
  const userDecides = extraArguments.some((argument) =>
    /^--(?:no-)?(?:enable-auto-tool|tool-call-parser)/.test(argument.replaceAll('_', '-')),
  );
  if (userDecides) return [];
  const version = request.engineVersion ?? null;
  const parser =
    toolParserFor(modelArgument(request), version) ??
    toolParserFor(request.model.name ?? '', version);
  return parser === null ? [] : ['--enable-auto-tool-choice', '--tool-call-parser', parser];
}

function flagArguments({ flag, value }: LaunchOption): string[] {
  if (value === true) return [flag];
  if (value === false) return [flag.replace(/^--/, '--no-')];
  return [flag, typeof value === 'object' ? JSON.stringify(value) : String(value)];
}
