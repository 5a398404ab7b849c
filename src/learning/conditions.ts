/** What makes two starts alike: engine, version, model, card, settings, and whether they came up. */
import type { PlanOptions } from '../shared/planRequest';
import { isSameModel } from './modelIdentity';
import type { LearnedRecord, ModelIdentity } from './learnedRecord';

/** Cards of one name differ by a few MiB with driver and reserved memory; a slice of one differs by far more. */
const SAME_SIZE_WITHIN = 0.02;

/**
 * Of two records with the same key the newer one counts. A failure and a success are kept side by side: they say
 * different things, "more than" and "exactly".
 */
export function conditionKey(record: LearnedRecord): string {
  const { outcome, fingerprint, gpuTotalBytes, otherFlags, simulated } = record;
  return JSON.stringify([
    outcome.engine,
    minorVersion(outcome.engineVersion),
    outcome.model,
    fingerprint,
    outcome.gpuName,
    // to the nearest GiB: what a driver reserves changes from one to the next
    gpuTotalBytes === null ? null : Math.round(gpuTotalBytes / 2 ** 30),
    settingsKey(outcome.options),
    otherFlags,
    simulated,
    isFailure(record),
  ]);
}

/** Failed, or ran worse than asked. */
export function isFailure({ outcome }: LearnedRecord): boolean {
  return outcome.result === 'failed' || outcome.result === 'degraded';
}

/** Its output told what the start took. */
export function hasSizes({ outcome }: LearnedRecord): boolean {
  const { weightsBytes, activationBytes, graphBytes, kvCacheBytes } = outcome.facts;
  return [weightsBytes, activationBytes, graphBytes, kvCacheBytes].some((bytes) => bytes !== null);
}

/** `0.19.1+cu128` → `0.19`: rules of memory change with minor versions. null stays. */
export function minorVersion(version: string | null): string | null {
  return version === null ? null : (/\d+\.\d+/.exec(version)?.[0] ?? version);
}

export interface Card {
  readonly name: string | null;
  readonly totalBytes: number | null;
}

/** Same name and size; what one of them does not tell is taken as the same. */
export function isOnCard({ outcome, gpuTotalBytes }: LearnedRecord, card: Card): boolean {
  if (outcome.gpuName !== null && card.name !== null && outcome.gpuName !== card.name) return false;
  if (gpuTotalBytes === null || card.totalBytes === null) return true;
  return Math.abs(gpuTotalBytes - card.totalBytes) <= SAME_SIZE_WITHIN * card.totalBytes;
}

/** By name, and by fingerprint where both have one. */
export function isOfModel({ outcome, fingerprint }: LearnedRecord, model: ModelIdentity): boolean {
  return isSameModel({ name: outcome.model ?? '', fingerprint }, model);
}

/** In one order, without what says no more than the default: `null`, `auto`, `false`, one GPU. */
function settingsKey(options: PlanOptions): unknown {
  return Object.entries(options)
    .filter(
      ([key, value]) => value != null && value !== 'auto' && value !== false && !isOne(key, value),
    )
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => [key, value]);
}

const isOne = (key: string, value: unknown): boolean =>
  value === 1 && /^(tensor|pipeline|data|decodeContext)Parallel/.test(key);
