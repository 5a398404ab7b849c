/** From plain data to a plan's answer, the model's headers read where the request names a path. */
import { withCardTotals } from '../../planner/cardNames';
import type { PlanAnswer } from '../../shared/planAnswer';
import {
  parsePlanRequest,
  type EngineId,
  type InvalidField,
  type PlanRequest,
} from '../../shared/planRequest';
import { fail, ok, type Result } from '../../shared/failure';
import { withArguments } from '../../engines/vllm/argumentOptions';
import { wordProblem } from '../../engines/vllm/argumentWords';
import { ollamaShowRequest } from '../../engines/ollama/api';
import { readOllamaShow } from '../../models/ollamaShow';
import { completeFromHub } from '../models/completeFromHub';
import { createHub, type Hub } from '../models/hub';
import { hubCacheFolders, userCacheFolder } from '../models/hubEnvironment';
import { readModel } from '../models/modelReader';
import { answerRequest } from '../planning/planService';
import type { CommandDoors } from './command';

export interface PlannedAnswer {
  readonly request: PlanRequest;
  readonly answer: PlanAnswer;
}

export interface PlanSettings {
  /** Appended to the command as they are; those that are options of a plan win over the request's, as in vLLM. */
  readonly extraArguments?: readonly string[];
  /** The facts of `model.path` are in the request already. */
  readonly headersRead?: boolean;
}

/** `invalid`: a field of the request; otherwise the failure of the model's path. */
export type PlannedResult =
  | { readonly ok: true; readonly value: PlannedAnswer }
  | { readonly ok: false; readonly invalid: InvalidField }
  | { readonly ok: false; readonly failure: { reason: 'missing' | 'invalid'; detail: string } };

export async function answerPlan(
  input: unknown,
  doors: CommandDoors,
  { extraArguments = [], headersRead = false }: PlanSettings = {},
): Promise<PlannedResult> {
  const parsed = parsePlanRequest(withCardTotals(input));
  if (!parsed.ok) return { ok: false, invalid: parsed.error };
  const filled = headersRead ? ok(parsed.value) : await withHeaders(parsed.value, doors);
  if (!filled.ok) {
    const { reason, detail } = filled.failure;
    const missing = reason === 'notFound' || reason === 'unreadable';
    return { ok: false, failure: { reason: missing ? 'missing' : 'invalid', detail } };
  }
  const request = withArguments(filled.value, extraArguments);
  const answer = answerRequest(request, {
    file: request.engine,
    host: '127.0.0.1',
    port: null,
    servedModelName: null,
    extraArguments,
    environment: {},
  });
  return { ok: true, value: { request, answer } };
}

/**
 * Values that this version of vLLM does not know: it would end at once. Unknown flags are the extension's to find: their
 * table would be a fortieth of the CLI.
 */
export function unknownWords({ request, answer }: PlannedAnswer): string[] {
  if (request.engine !== 'vllm') return [];
  const { args } = answer.command;
  return args.flatMap((flag, index) => {
    const value = args[index + 1];
    const problem =
      flag.startsWith('--') && value !== undefined
        ? wordProblem(flag.slice(2), value, answer.engineVersion)
        : null;
    return problem ? [problem.text] : [];
  });
}

/** Facts given in the request win over those read at `model.path`. */
async function withHeaders(
  request: PlanRequest,
  doors: CommandDoors,
): Promise<Result<PlanRequest>> {
  const { model } = request;
  if (!model.path) return ok(request);
  const reading = await readModel(doors.files, model.path, { cacheFolders: [] });
  if (!reading.ok) return fail(reading.failure.reason, `model.path: ${reading.failure.detail}`);
  const given = Object.fromEntries(Object.entries(model).filter(([, value]) => value != null));
  return ok({ ...request, model: { ...reading.value.facts, ...given } });
}

/** A daemon on this machine answers at once; one that does not must not hold up the plan. */
const SHOW_TIMEOUT_MS = 2000;

/** Ollama's own answer about a tag; null where no daemon is there, or it does not know the tag. */
async function shownByOllama(
  tag: string,
  doors: CommandDoors,
): Promise<PlanRequest['model'] | null> {
  const base = ollamaBase(doors.environment.OLLAMA_HOST ?? '');
  const answer = await doors.http.request({
    ...ollamaShowRequest(base, tag),
    timeoutMs: SHOW_TIMEOUT_MS,
  });
  if (!answer.ok || answer.value.status !== 200) return null;
  const shown = readOllamaShow(answer.value.body);
  return shown && { name: tag, gguf: shown.gguf };
}

/** OLLAMA_HOST as clients read it: without a port 11434, and an any-address means this machine. */
function ollamaBase(host: string): string {
  const [, address, port] =
    /^(?:https?:\/\/)?([^/:]*|\[[^\]]*\])(?::(\d+))?\/?$/.exec(host.trim()) ?? [];
  const isLocal = !address || address === '0.0.0.0' || address === '[::]';
  return `http://${isLocal ? '127.0.0.1' : address}:${port ?? '11434'}`;
}

export interface HubUse {
  /** false: said instead, where it would help. */
  readonly isAllowed: boolean;
}

/**
 * What is known here about a model by its path or name, for `plan NAME_OR_PATH` and profiles. With `ollama` the daemon
 * of this machine is asked about a tag first. Without `hubUse` no hub is asked or spoken of.
 */
export async function modelFacts(
  pathOrName: string,
  engine: string,
  doors: CommandDoors,
  hubUse: HubUse | null = null,
): Promise<Result<PlanRequest['model']>> {
  if (engine === 'ollama' && !/^[./~]/.test(pathOrName) && !(await doors.files.stat(pathOrName))) {
    const shown = await shownByOllama(pathOrName, doors);
    if (shown) return ok(shown);
  }
  const cacheFolders = hubCacheFolders(doors.files, doors.environment);
  const engineId: EngineId = engine === 'ollama' ? 'ollama' : 'vllm';
  const here = await readModel(doors.files, pathOrName, { cacheFolders });
  if (!here.ok) return here;
  const reading = hubUse
    ? await completeFromHub(hubFor(doors, hubUse), engineId, pathOrName, here.value, HUB_HINT)
    : here.value;
  for (const note of reading.notes) doors.tell(note);
  return ok(reading.facts);
}

const HUB_HINT = 'Sizes from the hub need --hub.';

function hubFor(doors: CommandDoors, { isAllowed }: HubUse): Hub {
  return createHub({
    ...doors,
    environment: () => doors.environment,
    isAllowed: () => isAllowed,
    storedToken: () => Promise.resolve(null),
    cacheFolder: userCacheFolder(doors.files, doors.environment),
  });
}
