/** One earlier start of this model on this card: what the planner makes of its settings, and what it measured. */
import type { LearnedOutcome } from '../learnedOutcomes';
import { budgetBytes, fixedPool, overchargeShare } from './budget';
import { demandOf, othersOf, type Demand, type DemandOptions } from './demand';
import type { Estimate } from './overheads';

/** Parts of a start beside the KV pool. */
export const TERMS = ['weights', 'activation', 'graphs', 'nonTorch'] as const;
export type Term = (typeof TERMS)[number];
type Measured = Readonly<Record<Term, number | null>>;

export interface Start {
  readonly outcome: LearnedOutcome;
  /** As estimated. */
  readonly demand: Demand;
  readonly utilization: number;
  /** Bytes of each part as estimated, on the fullest GPU. */
  readonly estimated: Readonly<Record<Term, number>>;
  readonly measured: Measured;
}

/** Plans that start again under its own settings and the memory that was free then. */
export function startOf(outcome: LearnedOutcome, plain: Demand, given: DemandOptions): Start {
  const { request } = plain;
  const free = outcome.facts?.freeBytesAtStart ?? null;
  const demand = demandOf(
    {
      ...request,
      engineVersion: outcome.engineVersion ?? request.engineVersion,
      options: outcome.options,
      gpus: request.gpus.map((gpu) => ({ ...gpu, freeBytes: free })),
    },
    given,
  );
  const asked = outcome.options.gpuMemoryUtilization;
  const utilization = asked != null && asked > 0 ? asked : demand.settings.rules.defaultUtilization;
  return {
    outcome,
    demand,
    utilization,
    estimated: estimatedBytes(demand),
    measured: measuredOf(outcome, demand, utilization),
  };
}

/** The estimate of a term on the fullest GPU, as the engine's log tells of several ranks. */
export function estimateOf(demand: Demand, term: Term): Estimate {
  if (term !== 'weights') return demand[term];
  return demand.weightsAt.reduce((most, one) => (one.bytes > most.bytes ? one : most), NOTHING);
}

const NOTHING: Estimate = { bytes: 0, low: 0, high: 0 };

/** Bytes of each part on the fullest GPU. */
export const estimatedBytes = (demand: Demand): Record<Term, number> => ({
  weights: estimateOf(demand, 'weights').bytes,
  activation: demand.activation.bytes,
  graphs: demand.graphs.bytes,
  nonTorch: demand.nonTorch.bytes,
});

/** What the log printed, and what follows from its pool for the parts that it did not print. */
function measuredOf(outcome: LearnedOutcome, demand: Demand, utilization: number): Measured {
  const { weightsBytes, activationBytes, nonTorchBytes, graphBytes } = outcome.facts ?? {};
  const plausible = (bytes: number | null | undefined, least: number): number | null =>
    bytes != null && Number.isFinite(bytes) && bytes >= least ? Math.round(bytes) : null;
  const printed: Record<Term, number | null> = {
    weights: plausible(weightsBytes, 1),
    activation: plausible(activationBytes, 0),
    nonTorch: plausible(nonTorchBytes, 0),
    graphs: plausible(graphBytes, 0),
  };
  const beside = besideMeasured(outcome, demand, utilization);
  return beside === null ? printed : withRest(printed, demand, beside);
}

/** Bytes beside the pool that the budget left over; null where pool or budget are not known for sure. */
function besideMeasured(
  { facts, options }: LearnedOutcome,
  demand: Demand,
  utilization: number,
): number | null {
  const pool = facts?.kvCacheBytes;
  const { settings } = demand;
  if (pool == null || fixedPool(demand) !== null || options.gpuMemoryUtilization === 0) return null;
  if (settings.cards.length === 0) return null;
  const budget = budgetBytes(demand, 0, utilization);
  const beside = budget - othersOf(demand, 0) - pool / (1 - overchargeShare(demand, 'bytes'));
  // Otherwise these are not the settings it ran with.
  const sum = TERMS.reduce((all, term) => all + estimateOf(demand, term).high, 0);
  const weights = facts?.weightsBytes ?? estimateOf(demand, 'weights').low;
  return beside >= 0.98 * weights && beside <= Math.max(2 * sum, 1.5 * weights) ? beside : null;
}

/** Shares what the printed parts leave of `beside` among the others, by how uncertain each is. */
function withRest(
  printed: Readonly<Record<Term, number | null>>,
  demand: Demand,
  beside: number,
): Measured {
  const inside = TERMS.filter((term) => term !== 'graphs' || demand.graphsInside);
  const found: Record<Term, number | null> = { ...printed };
  const open = inside.filter((term) => printed[term] === null);
  const rest =
    beside -
    inside.reduce((sum, term) => sum + (printed[term] ?? estimateOf(demand, term).bytes), 0);
  const width = (term: Term): number => {
    const { low, high } = estimateOf(demand, term);
    return high - low + 1;
  };
  const widths = open.reduce((sum, term) => sum + width(term), 0);
  let left = rest;
  for (const term of open) {
    const guess = estimateOf(demand, term).bytes + (rest * width(term)) / widths;
    found[term] = Math.max(0, Math.round(guess));
    left -= found[term] - estimateOf(demand, term).bytes;
  }
  // Rounding of the log, and slack that no line names; the pool counts more than the sum of the parts.
  for (const term of ['nonTorch', 'activation'] as const) {
    const before = found[term] ?? 0;
    found[term] = Math.max(0, Math.round(before + left));
    left -= found[term] - before;
  }
  return found;
}
