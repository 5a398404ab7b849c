/** The command line of `vllm serve` for a plan. Bundled into the planner page: keep it and its imports small. */
import type { Command, Plan } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import type { CommandSettings } from '../engine';
import { launchOptions, optionOfFlag, type LaunchOption } from './options';
import { shortForms } from './shortForms';
import { lastPart, toolParserFor } from './toolParsers';

/** Stands where no model is chosen yet, so that a preview can be shown. */
const MODEL_PLACEHOLDER = 'MODEL';

/**
 * Deploy runs exactly this. Nothing goes through a shell; `extraArguments` come last, and argparse lets the last one win.
 * @param request with the options in `extraArguments` taken over (`withArguments`), as the plan counts them
 */
export function vllmCommand(request: PlanRequest, plan: Plan, settings: CommandSettings): Command {
  const model = modelArgument(request);
  const said = new Set(settings.extraArguments.map(flagName));
  const args = ['serve', model];
  if (!said.has('--host')) args.push('--host', settings.host);
  if (settings.port !== null) args.push('--port', String(settings.port));
  args.push('--served-model-name', settings.servedModelName ?? servedModelName(request));
  for (const option of launchOptions(request, plan))
    if (!said.has(flagName(option.flag))) args.push(...flagArguments(option));
  args.push(...toolArguments(request, settings.extraArguments), ...settings.extraArguments);
  return {
    file: settings.file,
    args,
    env: { ...settings.environment, ...deviceVariables(request) },
  };
}

/** `-ep`, `--no-enable_expert_parallel` → one name: the user's own word for an option replaces the planned one. */
function flagName(argument: string): string {
  const [asked = ''] = argument.split('=');
  const long = shortForms[asked];
  const name = long ? `--${long}` : asked.replaceAll('_', '-').replace(/^--no-/, '--');
  return optionOfFlag(name) ?? name;
}

/**
 * The name on the Hub where the path is only its local copy (vLLM finds that copy itself), else the path, else the name.
 */
export function modelArgument(request: PlanRequest): string {
  const { name, path } = request.model;
  if (path) return hubName(path) ?? path;
  return name ?? MODEL_PLACEHOLDER;
}

/**
 * What clients ask for when nothing else is set: the Hub name, or the last part of a folder (vLLM's default is the whole
 * path). `.` and `..` name nothing: there the name read with the model stands in.
 */
function servedModelName(request: PlanRequest): string {
  const { name, path } = request.model;
  const model = modelArgument(request);
  const isPath = model === path || /^(?:[/\\~.]|[A-Za-z]:[/\\])/.test(model);
  if (!isPath) return model;
  const last = lastPart(model);
  return /^\.*$/.test(last) ? lastPart(name ?? MODEL_PLACEHOLDER) : last;
}

/** `…/hub/models--Qwen--Qwen3-4B/snapshots/<hash>` → `Qwen/Qwen3-4B`; null for any other path. */
function hubName(path: string): string | null {
  const folder = /[/\\]hub[/\\]models--([^/\\]+)[/\\]snapshots[/\\][^/\\]+[/\\]?$/.exec(path)?.[1];
  return folder?.split('--').join('/') ?? null;
}

/** The chosen GPUs; CUDA counts them by speed unless told to count as the driver's tools do. */
function deviceVariables({ options }: PlanRequest): Record<string, string> {
  const { visibleDevices } = options;
  if (!visibleDevices?.length) return {};
  return { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: visibleDevices.join(',') };
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
