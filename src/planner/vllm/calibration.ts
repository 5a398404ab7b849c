/**
 * What earlier starts of this model on this card teach the next plan (product.md 5). A start that printed its figures
 * replaces estimates: exactly under the same settings, in proportion to the estimates where a setting differs. A failed one
 * is a one-sided constraint: whatever it asked for was too much.
 */
import type { PlanRequest } from '../../shared/planRequest';
import { MIB } from '../../shared/units';
import { learnedOutcomes } from '../learnedOutcomes';
import { freeFor, heldBytes, poolBytes } from './budget';
import { demandOf, kvNeeded, type Demand, type DemandOptions } from './demand';
import type { Estimate } from './overheads';
import { isAsDemanding, isGood, lackOf, type FailedStart } from './pastFailure';
import { estimatedBytes, startOf, TERMS, type Start, type Term } from './pastStart';
import { parseVllmVersion } from './versions';

/** What holds for this model, version and card, newest last; does not depend on the settings asked for now. */
export interface Lessons {
  readonly measured: readonly Start[];
  readonly failed: readonly FailedStart[];
}

/** More of the newest than this would only repeat what they say. */
const MOST_STARTS = 12;

export interface CalibrationOptions extends DemandOptions {
  /** Read before for the same model and cards; null: there are none. */
  readonly lessons?: Lessons | null;
}

/** The demand of a request, with what was learned in place of what would be estimated. */
export function calibratedDemand(request: PlanRequest, given: CalibrationOptions = {}): Demand {
  const plain = demandOf(onVisible(request), given);
  const lessons = given.lessons === undefined ? lessonsFor(plain, given) : given.lessons;
  return lessons ? applied(plain, lessons) : plain;
}

/** The request with the GPUs that the server will see. */
export function onVisible(request: PlanRequest): PlanRequest {
  const { visibleDevices } = request.options;
  if (!visibleDevices?.length) return request;
  return { ...request, gpus: visibleDevices.flatMap((index) => request.gpus[index] ?? []) };
}

function lessonsFor(plain: Demand, given: DemandOptions): Lessons | null {
  const { request, settings } = plain;
  const all = learnedOutcomes(request, settings.version, parseVllmVersion);
  const outcomes = all.slice(-MOST_STARTS);
  if (outcomes.length === 0) return null;
  const starts = outcomes.map((outcome) => startOf(outcome, plain, given));
  const measured = starts.filter((start) => TERMS.some((term) => start.measured[term] !== null));
  const failed = starts.flatMap((start, index): FailedStart[] => {
    const lack = lackOf(start.outcome);
    if (lack === null) return [];
    // What has worked since speaks louder.
    const overtaken = starts
      .slice(index + 1)
      .some((later) => isGood(later.outcome) && isAsDemanding(later, start));
    if (overtaken) return [];
    return [{ ...start, lack, lackedBytes: lackedBytes(start, lack, measured) }];
  });
  return { measured, failed };
}

function applied(plain: Demand, lessons: Lessons): Demand {
  const now = estimatedBytes(plain);
  const nearest = lessons.measured
    .map((start) => ({ start, distance: distance(plain, now, start) }))
    // Sorting is stable: among equals the newest.
    .reverse()
    .sort((a, b) => a.distance - b.distance);
  const sourceOf = (term: Term): Start | undefined =>
    nearest.find(
      ({ start }) => start.measured[term] !== null && isComparable(plain, now, start, term),
    )?.start;
  const sources = {
    weights: sourceOf('weights'),
    activation: sourceOf('activation'),
    graphs: sourceOf('graphs'),
    nonTorch: sourceOf('nonTorch'),
  };
  const calibrated = (term: Term, estimate: Estimate): Estimate =>
    sources[term] ? scaled(estimate, sources[term], term) : estimate;
  const demand: Demand = {
    ...plain,
    basis: sources.weights ? 'learned' : plain.basis,
    weightsAt: plain.weightsAt.map((weights) => calibrated('weights', weights)),
    activation: calibrated('activation', plain.activation),
    graphs: calibrated('graphs', plain.graphs),
    nonTorch: calibrated('nonTorch', plain.nonTorch),
    learned: {
      lessons,
      estimated: plain,
      measured: new Set(TERMS.filter((term) => sources[term])),
    },
  };
  return constrained(demand, lessons.failed);
}

/** How far the settings of a start are from those asked for, in estimated bytes. */
function distance(plain: Demand, now: Readonly<Record<Term, number>>, start: Start): number {
  const format = isSameFormat(plain, start.demand) ? 0 : OTHER_FORMAT;
  return TERMS.reduce((sum, term) => sum + Math.abs(now[term] - start.estimated[term]), format);
}

/** Bytes; farther than any difference of settings. */
const OTHER_FORMAT = 1e12;

const isSameFormat = (a: Demand, b: Demand): boolean =>
  a.weights.format?.id === b.weights.format?.id &&
  a.settings.elementBytes === b.settings.elementBytes;

/** Measured 16-bit weights say little about 4-bit ones; all else follows the estimates. */
function isComparable(
  plain: Demand,
  now: Readonly<Record<Term, number>>,
  start: Start,
  term: Term,
): boolean {
  if (start.estimated[term] <= 0) return now[term] <= 0;
  return term !== 'weights' || isSameFormat(plain, start.demand);
}

/** A measured figure is printed with two digits; another start of the same varies by a percent or two. */
const SPREAD: Readonly<Record<Term, number>> = {
  weights: 0,
  activation: 0.03,
  graphs: 0.03,
  nonTorch: 0.03,
};

/**
 * The measured figure, times what the estimate grew by since; under other settings half of its uncertainty stays. What
 * vLLM adds to the weights (rotary tables, padding) does not grow with them.
 */
function scaled(estimate: Estimate, start: Start, term: Term): Estimate {
  const then = start.estimated[term];
  const measured = start.measured[term] ?? 0;
  const factor = then > 0 ? measured / then : 1;
  const grows = term !== 'weights' || Math.abs(factor - 1) > 0.02;
  const bytes = Math.round(
    grows || estimate.bytes < then ? estimate.bytes * factor : estimate.bytes + measured - then,
  );
  const spread = SPREAD[term];
  const grown = then > 0 ? Math.abs(estimate.bytes / then - 1) : 0;
  const doubt = (bound: number): number =>
    grown < 1e-6 ? 0 : Math.min(0.5, grown) * Math.abs(bound * factor - bytes);
  return {
    bytes,
    low: Math.max(0, Math.round(bytes * (1 - spread) - doubt(estimate.low))),
    high: Math.round(bytes * (1 + spread) + doubt(estimate.high)),
  };
}

/** Failed starts that should have gone through by these figures raise them, so that the same plan is no fit again. */
function constrained(demand: Demand, failed: readonly FailedStart[]): Demand {
  let { activation, context } = demand;
  for (const { lack, lackedBytes, demand: then } of failed) {
    if (lackedBytes === null || lackedBytes < 0) continue;
    const grown = demand.learned
      ? demand.learned.estimated.activation.bytes / Math.max(1, then.activation.bytes)
      : 1;
    const more = Math.round(lackedBytes * Math.min(1, grown)) + LEAST_LACK_BYTES;
    if (lack === 'pool') activation = raised(activation, demand.activation, more);
    else context = raised(context, demand.context, more);
  }
  return { ...demand, activation, context };
}

/** How much more than there was it must have needed. */
const LEAST_LACK_BYTES = 16 * MIB;

function raised(now: Estimate, before: Estimate, more: number): Estimate {
  return {
    low: now.low,
    bytes: Math.max(now.bytes, before.bytes + more),
    high: Math.max(now.high, before.high + more),
  };
}

function lackedBytes(
  { demand, outcome, utilization }: Start,
  lack: FailedStart['lack'],
  measured: readonly Start[],
): number | null {
  // State blocks fail for another reason than bytes.
  if (outcome.options.gpuMemoryUtilization === 0 || (outcome.causeId ?? '').includes('mamba'))
    return null;
  const then = applied(demand, { measured, failed: [] });
  const spare = then.settings.cards.map((_, gpu) => {
    if (lack === 'pool')
      return (
        poolBytes(then, gpu, utilization, 'bytes') -
        kvNeeded(then, gpu, then.settings.maxModelLen, 1)
      );
    const free = freeFor(then, gpu);
    return free === null ? null : free - heldBytes(then, gpu, utilization, 'bytes');
  });
  const known = spare.filter((bytes) => bytes !== null);
  return known.length === 0 ? null : Math.min(...known);
}
