/** How much smaller the share of a running server could be, judged by how full its KV pool ever was. */

/** On one GPU; all of them are alike. */
export interface RunningPool {
  /** It runs with. */
  readonly utilization: number;
  /** Of which the utilization is a share. */
  readonly totalBytes: number;
  readonly poolBytes: number;
  /** Fullest that the pool was seen, 0 to 1. */
  readonly peakShare: number;
  /** Requests of full length that fit the pool at once, by the engine's own figure. */
  readonly maxConcurrency: number;
}

export interface GiveBack {
  readonly utilization: number;
  /** That come free on each GPU. */
  readonly bytes: number;
}

/** What was seen is not the most that will come: looks miss peaks, and a full pool preempts requests. */
const HEAD_ROOM = 1.2;
/** Less is not worth a restart, 256 MiB. */
const WORTH_BYTES = 2 ** 28;

/**
 * Bytes of KV that have to stay: the peak with head room, and never less than one request of full length, which vLLM
 * refuses to start without. null: the figures can't be.
 */
export function neededPoolBytes(
  pool: Omit<RunningPool, 'utilization' | 'totalBytes'>,
): number | null {
  const { poolBytes, peakShare, maxConcurrency } = pool;
  if (poolBytes <= 0 || peakShare < 0 || peakShare > 1 || maxConcurrency <= 0) return null;
  return Math.min(poolBytes, poolBytes * Math.max(peakShare * HEAD_ROOM, 1 / maxConcurrency));
}

/**
 * The smallest two-digit utilization that leaves such a pool. All else in the budget stays what it is, so each byte less
 * of the budget is at most one byte less of the pool. null: nothing worth giving back.
 */
export function giveBack(pool: RunningPool): GiveBack | null {
  const needed = neededPoolBytes(pool);
  const { utilization, totalBytes, poolBytes } = pool;
  if (needed === null || totalBytes <= 0) return null;
  const exact = utilization - (poolBytes - needed) / totalBytes;
  const smaller = Math.max(0.01, Math.ceil(exact * 100 - 1e-9) / 100);
  const bytes = Math.floor((utilization - smaller) * totalBytes);
  return bytes >= WORTH_BYTES ? { utilization: smaller, bytes } : null;
}

/** The same where the pool was fixed in bytes: its smaller size, in whole MiB. */
export function smallerPool(
  pool: Omit<RunningPool, 'utilization' | 'totalBytes'>,
): { readonly poolBytes: number; readonly bytes: number } | null {
  const needed = neededPoolBytes(pool);
  if (needed === null) return null;
  const poolBytes = Math.ceil(needed / 2 ** 20) * 2 ** 20;
  const bytes = pool.poolBytes - poolBytes;
  return bytes >= WORTH_BYTES ? { poolBytes, bytes } : null;
}
