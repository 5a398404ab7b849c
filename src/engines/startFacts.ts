/** How the figures of a start are put together: ranks and devices print their own. */
import type { StartFacts } from './engine';

export const noFacts: StartFacts = {
  weightsBytes: null,
  activationBytes: null,
  nonTorchBytes: null,
  graphBytes: null,
  kvCacheBytes: null,
  kvCacheTokens: null,
  maxConcurrency: null,
  loadSeconds: null,
  freeBytesAtStart: null,
  wantedBytes: null,
};

/** Numbers that limit: the smallest rank counts. The others: the rank that needs most. */
const smallestCounts: ReadonlySet<keyof StartFacts> = new Set([
  'kvCacheBytes',
  'kvCacheTokens',
  'maxConcurrency',
  'freeBytesAtStart',
]);

/** Of several ranks the one that limits is kept. */
export function mergeFacts(known: StartFacts, said: Partial<StartFacts>): StartFacts {
  const merged: Record<keyof StartFacts, number | null> = { ...known };
  for (const [key, value] of Object.entries(said) as [keyof StartFacts, number | null][]) {
    if (value === null || !Number.isFinite(value)) continue;
    const before = merged[key];
    merged[key] =
      before === null
        ? value
        : smallestCounts.has(key)
          ? Math.min(before, value)
          : Math.max(before, value);
  }
  return merged;
}

/** What a measurement replaces. */
export const withoutSizes = (facts: StartFacts): StartFacts => ({
  ...facts,
  weightsBytes: null,
  kvCacheBytes: null,
  graphBytes: null,
});

/** One more device. */
export function addFacts(known: StartFacts, said: Partial<StartFacts>): StartFacts {
  const sum: Record<keyof StartFacts, number | null> = { ...known };
  for (const [key, value] of Object.entries(said) as [keyof StartFacts, number | null][])
    if (value !== null && Number.isFinite(value)) sum[key] = (sum[key] ?? 0) + value;
  return sum;
}
