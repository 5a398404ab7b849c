/** Starts that failed for lack of memory: one-sided constraints, whatever they asked for was too much. */
import type { LearnedOutcome } from '../learnedOutcomes';
import { heldBytes, poolBytes } from './budget';
import { kvNeeded, type Demand } from './demand';
import { estimateOf, TERMS, type Start } from './pastStart';

/** `pool`: KV had too little of the budget. `device`: the card had too little memory. */
export interface FailedStart extends Start {
  readonly lack: 'pool' | 'device';
  /** Bytes by which the figures would have let it through; null: its conditions are not known well enough. */
  readonly lackedBytes: number | null;
}

const CAUSES: readonly (readonly [RegExp, FailedStart['lack']])[] = [
  [/kv_cache_(no_blocks|too_small)|mamba_blocks/, 'pool'],
  [/oom/, 'device'],
];

/** It came up; how it ended later is another matter. */
export const isGood = ({ result }: LearnedOutcome): boolean =>
  result === 'ready' || result === 'running' || result === 'stopped';

/** null: the failure says nothing about memory. */
export function lackOf({ result, causeId }: LearnedOutcome): FailedStart['lack'] | null {
  if (result !== 'failed') return null;
  return CAUSES.find(([pattern]) => pattern.test(causeId ?? ''))?.[1] ?? null;
}

/**
 * The failed start whose demand a plan repeats or exceeds, in words; null: none. Compared by estimates, so that settings
 * written differently are still the same.
 */
export function failedAlike(demand: Demand, utilization: number): string | null {
  const { learned } = demand;
  if (!learned) return null;
  const now = { demand: learned.estimated, utilization };
  const failed = learned.lessons.failed.find((start) =>
    start.lack === 'device'
      ? isAsDemanding(now, start) && !isRoomier(now, start)
      : isAsShort(now, start),
  );
  return failed
    ? `a start that needed no more ran out of memory here before (${failed.outcome.causeId ?? 'unknown cause'})`
    : null;
}

type Compared = Pick<Start, 'demand' | 'utilization'>;

const atLeast = (a: number, b: number): boolean => a >= b * 0.995 - 1;

/** Takes as much of the card as the other, in every part. */
export function isAsDemanding(now: Compared, then: Compared): boolean {
  const held = (one: Compared): number => heldBytes(one.demand, 0, one.utilization, 'bytes');
  return (
    atLeast(held(now), held(then)) &&
    TERMS.every((term) =>
      atLeast(estimateOf(now.demand, term).bytes, estimateOf(then.demand, term).bytes),
    )
  );
}

/** More is free than there was then. */
function isRoomier(now: Compared, then: Start): boolean {
  const free = now.demand.settings.cards[0]?.freeBytes ?? null;
  const before = then.outcome.facts?.freeBytesAtStart ?? null;
  return free !== null && before !== null && free > before * 1.02;
}

/** Has no more for KV than the other had, and asks for as much of it. */
function isAsShort(now: Compared, then: Compared): boolean {
  const pool = (one: Compared): number => poolBytes(one.demand, 0, one.utilization, 'bytes');
  const need = (one: Compared): number =>
    kvNeeded(one.demand, 0, one.demand.settings.maxModelLen, 1);
  return (
    atLeast(pool(then), pool(now)) &&
    atLeast(need(now), need(then)) &&
    // Each sequence may take a block of state.
    (!now.demand.kv?.hasState || now.demand.settings.maxNumSeqs >= then.demand.settings.maxNumSeqs)
  );
}
