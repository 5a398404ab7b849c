/** What earlier loads of this model on this machine measured, as far as it holds for the load asked for now. */
import type { PlanOptions, PlanRequest } from '../../shared/planRequest';
import { learnedOutcomes, type LearnedOutcome } from '../learnedOutcomes';
import { sameOptions } from '../sameOptions';
import { parseOllamaVersion } from './ollamaVersions';

/** What the planner makes of a load by itself, under some options. */
export interface EstimatedLoad {
  /** Compute buffer with every layer on a GPU. */
  readonly graphBytes: number;
  /** All that the load takes, on GPUs and the host. */
  readonly neededBytes: number;
}

export interface LearnedLoad {
  /** Weights on the GPU with every layer there; null: not measured. */
  readonly weightsBytes: number | null;
  /** Compute buffer: measured under these options, or in proportion to the estimates under others. */
  readonly graphBytes: number | null;
  /** A load that needed no more than this one failed, or ended on the CPU. */
  readonly failedAlike: boolean;
}

/** A load that came up with all of the model where it belongs; `degraded` ones ran on the CPU. */
const GOOD: ReadonlySet<string> = new Set(['ready', 'running', 'stopped']);
/** Failures that say something about memory. */
const MEMORY_CAUSE =
  /oom|memory_insufficient|insufficient_vram|partial_offload|buffer_limit|killed/;

/**
 * null: nothing learned holds here. Several GPUs share one set of figures in a log, so only one GPU is learned from.
 * @param estimate of the same model and machine under other options
 */
export function learnedLoad(
  request: PlanRequest,
  estimate: (options: PlanOptions) => EstimatedLoad,
): LearnedLoad | null {
  if (request.gpus.length !== 1) return null;
  const outcomes = learnedOutcomes(request, request.engineVersion, parseOllamaVersion);
  if (outcomes.length === 0) return null;
  // The newest record comes last.
  const good = outcomes.filter(({ result }) => GOOD.has(result)).toReversed();
  return {
    weightsBytes: good.find(({ facts }) => facts?.weightsBytes)?.facts?.weightsBytes ?? null,
    graphBytes: graphBytesOf(good, request, estimate),
    failedAlike: hasFailedAlike(outcomes, request, estimate),
  };
}

/** Of the load whose settings are nearest to those asked for; among equals the newest. */
function graphBytesOf(
  good: readonly LearnedOutcome[],
  request: PlanRequest,
  estimate: (options: PlanOptions) => EstimatedLoad,
): number | null {
  const measured = good.filter(({ facts }) => facts?.graphBytes);
  if (measured.length === 0) return null;
  const alike = measured.find(({ options }) => sameOptions(options, request.options));
  if (alike) return alike.facts?.graphBytes ?? null;
  const now = estimate(request.options).graphBytes;
  const compared = measured.map(({ options, facts }) => ({
    then: estimate(options).graphBytes,
    bytes: facts?.graphBytes ?? 0,
  }));
  const [nearest] = compared.toSorted((a, b) => Math.abs(a.then - now) - Math.abs(b.then - now));
  return nearest && nearest.then > 0 ? Math.round((nearest.bytes * now) / nearest.then) : null;
}

/** One-sided: what needed no more than this and failed. A later load that came up under the same options takes it back. */
function hasFailedAlike(
  outcomes: readonly LearnedOutcome[],
  request: PlanRequest,
  estimate: (options: PlanOptions) => EstimatedLoad,
): boolean {
  const failed = outcomes.filter(
    ({ result, causeId, options }, index) =>
      (result === 'degraded' || (result === 'failed' && MEMORY_CAUSE.test(causeId ?? 'oom'))) &&
      !outcomes
        .slice(index + 1)
        .some((later) => GOOD.has(later.result) && sameOptions(later.options, options)),
  );
  if (failed.length === 0) return false;
  const free = request.gpus[0]?.freeBytes ?? null;
  const now = estimate(request.options).neededBytes;
  return failed.some(({ options, facts }) => {
    const before = facts?.freeBytesAtStart ?? null;
    if (free !== null && before !== null && free > before * 1.02) return false;
    return now >= estimate(options).neededBytes * 0.999;
  });
}
