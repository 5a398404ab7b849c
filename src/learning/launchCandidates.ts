/**
 * What could be launched in place of a failed start, best first: what started before, what the output allows to compute,
 * what the planner finds, the rungs of a ladder. Which of it is offered is decided in `correctedLaunch.ts`.
 */
import type { Outcome } from '../engines/diagnose';
import type { Diagnosis, Remedy } from '../engines/engine';
import { cardOf } from '../planner/cards';
import { plan } from '../planner/plan';
import { sameOptions } from '../planner/sameOptions';
import type { PlanOptions, PlanRequest } from '../shared/planRequest';
import { lessonKind } from './causes';
import {
  stepsAfterLoadFailure,
  stepsAfterServingFailure,
  stepsAfterStartFailure,
  stepsUp,
  type Defaults,
  type Rung,
} from './ladders';
import { isSameStart, WANTS_MORE } from './triedBefore';

export interface FailedStart {
  /** What was launched, on the GPUs as they are now. */
  readonly request: PlanRequest;
  readonly diagnosis: Diagnosis;
  /** Of this machine, oldest first; the failed start itself may be among them. */
  readonly outcomes: readonly Outcome[];
}

/** Causes whose remedy follows from figures the engine printed or from its own words: no plan knows better. */
const SAID_BY_ENGINE: ReadonlySet<string> = new Set([
  'kv_cache_too_small',
  'mamba_blocks_too_few',
  'cpu_ram_too_small',
  'multimodal_reserve_too_large',
]);
/** The remedy is the share that is free. Whether the model goes into it is another question, which a plan answers. */
const SHARE_THAT_IS_FREE: ReadonlySet<string> = new Set([
  'free_memory_check',
  'oom_init_gpu_shared',
]);
const START_MEMORY: ReadonlySet<string> = new Set([
  'oom_init_gpu_shared',
  'oom_cuda_graph_capture',
  'oom_sampler_warmup',
  'oom_kv_cache_allocation',
  'oom_profile_run',
  'oom_weight_load',
  'kv_cache_no_blocks',
  'kv_cache_too_small',
]);

export interface Candidate {
  readonly change: PlanOptions;
  readonly why: string;
  /**
   * `output`: by the engine's own figures; `planner`: computed from them; `ladder`: the next cautious step; `known`: what
   * started here before.
   */
  readonly source: 'output' | 'planner' | 'ladder' | 'known';
  /** Offered even where the planner says that it does not fit. */
  readonly certain: boolean;
}

/** @param learned what the planner is to know, this failure among it */
export function* candidates(
  failed: FailedStart,
  learned: readonly Outcome[],
): Generator<Candidate> {
  const { request, diagnosis } = failed;
  const { cause, remedy } = diagnosis;
  const id = cause?.id ?? '';
  const isMemory = START_MEMORY.has(id) || id === 'oom_runtime';
  const back = lessonKind(id) === 'memory' ? wayBack(failed) : null;
  if (back) yield back;
  if (remedy && SHARE_THAT_IS_FREE.has(id)) yield* withinFreeShare(request, remedy, learned);
  else if (remedy && Object.keys(remedy.change).length > 0)
    yield {
      change: remedy.change,
      why: remedy.why,
      source: 'output',
      // A server that ran out while serving had started: smaller settings start as well.
      certain: SAID_BY_ENGINE.has(id) || !isMemory || id === 'oom_runtime',
    };
  const isLoad = request.engine === 'ollama' && lessonKind(id) === 'memory';
  if (!isMemory && !isLoad) return;
  yield* plannedChanges(request, learned);
  for (const { change, why } of rungsAfter(id, request))
    yield { change, why, source: 'ladder', certain: false };
}

/** What the planner advises, alone where that is enough, else two pieces together; what fits well before what is tight. */
function* plannedChanges(request: PlanRequest, learned: readonly Outcome[]): Generator<Candidate> {
  const adviceFor = (options: PlanOptions) =>
    plan({ ...request, options, learned: asRecords(learned) }).advice.filter(
      ({ change }) => Object.keys(change).length > 0,
    );
  const candidate = (change: PlanOptions, why: string): Candidate => ({
    change,
    why,
    source: 'planner',
    certain: false,
  });
  const single = adviceFor(request.options);
  for (const wanted of ['fits', 'tight'] as const)
    for (const { change, why, verdictAfter } of single)
      if (verdictAfter === wanted) yield candidate(change, why);
  const pairs = single
    .filter(({ verdictAfter }) => verdictAfter === 'doesNotFit')
    .flatMap((first) =>
      adviceFor(merged(request.options, first.change)).map((second) => ({ first, second })),
    );
  for (const wanted of ['fits', 'tight'] as const)
    for (const { first, second } of pairs)
      if (second.verdictAfter === wanted)
        yield candidate({ ...first.change, ...second.change }, `${first.why} ${second.why}`);
}

/** The free share alone, else with what the planner needs to fit into it, else (where no plan can tell) alone again. */
function* withinFreeShare(
  request: PlanRequest,
  { change, why }: Remedy,
  learned: readonly Outcome[],
): Generator<Candidate> {
  if (Object.keys(change).length === 0) return;
  yield { change, why, source: 'output', certain: false };
  const within = { ...request, options: merged(request.options, change) };
  const share = change.gpuMemoryUtilization ?? 1;
  for (const one of plannedChanges(within, learned))
    if ((one.change.gpuMemoryUtilization ?? 0) <= share)
      yield { ...one, change: { ...change, ...one.change }, why: `${why} ${one.why}` };
  const { basis } = plan(within);
  const isGuess = basis === 'name' || basis === 'default';
  if (isGuess) yield { change, why, source: 'output', certain: true };
}

function rungsAfter(id: string, request: PlanRequest): Rung[] {
  if (request.engine === 'ollama') return stepsAfterLoadFailure(request.options);
  const defaults = defaultsOf(request);
  return id === 'oom_runtime'
    ? stepsAfterServingFailure(request.options, defaults, hasFp8(request))
    : WANTS_MORE.has(id) || id === 'oom_weight_load'
      ? []
      : stepsAfterStartFailure(request.options, defaults);
}

/** Settings that started here, of which these were one step up: what the step took is given back at once. */
function wayBack({ request, outcomes }: FailedStart): Candidate | null {
  const good = outcomes.findLast(
    (one) =>
      one.result === 'ready' &&
      isSameStart(one, request) &&
      stepsUp(one.options, request.options.maxModelLen ?? null).some(({ change }) =>
        sameOptions(merged(one.options, change), request.options),
      ),
  );
  if (!good) return null;
  return {
    change: differenceOf(good.options, request.options),
    why: 'It started here with these settings; what failed now was one step up from them.',
    source: 'known',
    certain: true,
  };
}

/** The settings of `wanted` that `now` has otherwise; null for those that only `now` has. */
function differenceOf(wanted: PlanOptions, now: PlanOptions): PlanOptions {
  const settings: Readonly<Record<string, unknown>> = wanted;
  const others: Readonly<Record<string, unknown>> = now;
  const keys = Object.keys({ ...now, ...wanted });
  const valueOf = (of: typeof settings, key: string) => of[key] ?? null;
  return Object.fromEntries(
    keys
      .filter(
        (key) => JSON.stringify(valueOf(settings, key)) !== JSON.stringify(valueOf(others, key)),
      )
      .map((key) => [key, valueOf(settings, key)]),
  );
}

/** Below 8.9 another attention backend is needed for an fp8 KV cache, and may not be found. */
function hasFp8({ engine, gpus: [gpu], environment }: PlanRequest): boolean {
  return (
    engine === 'vllm' &&
    gpu !== undefined &&
    (cardOf(gpu, environment?.platform).capability ?? 0) >= 8.9
  );
}

/** The planner knows what this version takes where nothing is said; figures it does not print are vLLM's usual ones. */
function defaultsOf(request: PlanRequest): Defaults {
  const { utilization, kvCache } = plan(request);
  return {
    utilization: utilization?.effective ?? 0.9,
    maxModelLen: kvCache.atLength,
    maxNumSeqs: 256,
  };
}

/** Options with a change. */
export function merged(options: PlanOptions, change: PlanOptions): PlanOptions {
  const all: Record<string, unknown> = { ...options, ...change };
  // A pool fixed in bytes and a share exclude each other: the newer word counts.
  if (change.gpuMemoryUtilization != null) all.kvCacheMemoryBytes = null;
  return all;
}

/** As a plan request takes them. */
export const asRecords = (outcomes: readonly Outcome[]): Record<string, unknown>[] =>
  outcomes.map((outcome) => ({ ...outcome }));
