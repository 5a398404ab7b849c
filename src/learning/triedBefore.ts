/** Which starts count when the next one is chosen, and which settings they rule out. */
import type { Outcome } from '../engines/diagnose';
import { sameOptions } from '../planner/sameOptions';
import type { PlanOptions, PlanRequest } from '../shared/planRequest';
import { lessonKind } from './causes';

/** More utilization is what these lack; everywhere else it is what there was too much of. */
export const WANTS_MORE: ReadonlySet<string> = new Set([
  'kv_cache_no_blocks',
  'kv_cache_too_small',
]);
/** Ended without a word about its settings: nothing is ruled out by it, but it is one more failure in a row. */
const WORDLESS: ReadonlySet<string> = new Set([
  'engine_killed',
  'server_killed',
  'server_gone',
  'server_crashed',
  'unknown',
]);

/** A taken port or a missing program says nothing about the launch itself. */
export function isAttempt({ result, causeId }: Pick<Outcome, 'result' | 'causeId'>): boolean {
  return (
    result === 'failed' &&
    (causeId === null || WORDLESS.has(causeId) || lessonKind(causeId) !== null)
  );
}

/** Of the same model, version and card; a version or card that is not known may be any. */
export function isSameStart(outcome: Outcome, request: PlanRequest): boolean {
  const model = request.model.name ?? request.model.path ?? null;
  if (outcome.engine !== request.engine || outcome.model !== model) return false;
  const version = request.engineVersion ?? null;
  if (outcome.engineVersion !== null && version !== null && outcome.engineVersion !== version)
    return false;
  const gpuName = request.gpus[0]?.name ?? null;
  return outcome.gpuName === null || gpuName === null || outcome.gpuName === gpuName;
}

/** Same settings, same end. */
export function isSameOutcome(a: Outcome, b: Outcome): boolean {
  return a.result === b.result && a.causeId === b.causeId && sameOptions(a.options, b.options);
}

/** Failures since the last good start of the same model, version and card; newest last, `last` among them. */
export function failuresInARow(
  outcomes: readonly Outcome[],
  request: PlanRequest,
  last: Outcome,
): readonly Outcome[] {
  const same = outcomes.filter((one) => isSameStart(one, request));
  const lastGood = same.findLastIndex((one) => one.result === 'ready');
  const failures = same.slice(lastGood + 1).filter(isAttempt);
  const newest = failures.at(-1);
  return newest && isSameOutcome(newest, last) ? failures : [...failures, last];
}

/** Settings whose larger value never needs less. */
const GROWING = [
  'maxModelLen',
  'maxNumSeqs',
  'maxNumBatchedTokens',
  'numCtx',
  'numParallel',
] as const;

/** What these failed for comes before these settings have any effect, so that changing them alone helps nothing. */
const WITHOUT_EFFECT: Readonly<Record<string, readonly (keyof PlanOptions)[]>> = {
  // vLLM compares share × total with what is free, before anything is loaded
  free_memory_check: [
    ...GROWING,
    'enforceEager',
    'kvCacheDtype',
    'quantization',
    'kvCacheMemoryBytes',
  ],
  // weights are loaded before anything is set aside; the share does not limit them
  oom_weight_load: [
    'maxModelLen',
    'maxNumSeqs',
    'maxNumBatchedTokens',
    'gpuMemoryUtilization',
    'kvCacheMemoryBytes',
    'kvCacheDtype',
    'enforceEager',
  ],
  // nothing at all was left for blocks, however many one request would need
  kv_cache_no_blocks: ['maxModelLen', 'kvCacheDtype'],
};

/** Differs from a failed start only in what makes it harder, or has no effect, or not at all: it would fail again. */
export function isNoEasier(wanted: PlanOptions, failed: Outcome): boolean {
  if (failed.causeId !== null && lessonKind(failed.causeId) === null) return false;
  const idle = WITHOUT_EFFECT[failed.causeId ?? ''] ?? [];
  const then: Readonly<Record<string, unknown>> = failed.options;
  const kept = Object.fromEntries(idle.map((key) => [key, then[key] ?? null]));
  return isNoEasierThan({ ...wanted, ...kept }, failed);
}

function isNoEasierThan(options: PlanOptions, failed: Outcome): boolean {
  const neutral: PlanOptions = {};
  for (const key of GROWING) {
    const [now, then] = [options[key] ?? null, failed.options[key] ?? null];
    // Left to the engine: it may be anything, so only the same counts as no easier.
    if (now !== then && (now === null || then === null || now < then)) return false;
    neutral[key] = null;
  }
  const [share, failedShare] = [options.gpuMemoryUtilization, failed.options.gpuMemoryUtilization];
  if (share != null && failedShare != null && share !== failedShare) {
    const isMore = share > failedShare;
    if (isMore === WANTS_MORE.has(failed.causeId ?? '')) return false;
  } else if ((share ?? null) !== (failedShare ?? null)) return false;
  if (options.enforceEager === true && failed.options.enforceEager !== true) return false;
  const rest = { ...neutral, gpuMemoryUtilization: null, enforceEager: null };
  return sameOptions({ ...options, ...rest }, { ...failed.options, ...rest });
}
