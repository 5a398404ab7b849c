/** What the GPUs showed during the last minutes: bounded plain data, oldest first, and how it is drawn as text. */
import type { GpuSample } from './gpu';

export interface RecentSample {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly gpus: readonly {
    readonly index: number;
    readonly usedBytes: number | null;
    readonly totalBytes: number | null;
  }[];
  readonly processes: readonly {
    readonly pid: number;
    readonly usedBytes: number | null;
    readonly gpus: readonly number[];
    readonly name: string | null;
  }[];
}

export interface HistoryEntry extends RecentSample {
  /** Of the clock that never jumps: spans are measured with it. */
  readonly elapsedMs: number;
}

const HISTORY_MS = 15 * 60_000;
/** Fifteen minutes at the default interval of 2 s. */
const MAX_ENTRIES = 450;
const COLUMN_MS = 60_000;
const BLOCKS = '▁▂▃▄▅▆▇█';

/** Appends in place. What says the same as the entry before shares its arrays: a quiet hour costs nothing. */
export function remember(
  entries: HistoryEntry[],
  sample: GpuSample,
  at: Pick<HistoryEntry, 'atMs' | 'elapsedMs'>,
): void {
  const last = entries.at(-1);
  const gpus = sample.gpus.map(({ index, usedBytes, totalBytes }) => ({
    index,
    usedBytes,
    totalBytes,
  }));
  const processes = sample.processes.map((one) => ({
    pid: one.pid,
    usedBytes: one.usedBytes,
    gpus: one.gpus,
    name: one.name,
  }));
  entries.push({
    ...at,
    gpus: shared(last?.gpus, gpus),
    processes: shared(last?.processes, processes),
  });
  const kept = entries.findIndex((one) => at.elapsedMs - one.elapsedMs <= HISTORY_MS);
  entries.splice(0, Math.max(kept, entries.length - MAX_ENTRIES));
}

function shared<T>(before: T | undefined, now: T): T {
  return JSON.stringify(before) === JSON.stringify(now) && before !== undefined ? before : now;
}

/** Entries of the last `spanMs`, counted from the newest. */
export function lastOf(entries: readonly HistoryEntry[], spanMs: number): readonly HistoryEntry[] {
  const fromMs = (entries.at(-1)?.elapsedMs ?? 0) - spanMs;
  const first = entries.findIndex((one) => one.elapsedMs >= fromMs);
  return first === -1 ? [] : entries.slice(first);
}

/** Bytes used of the GPU with that index; null: not told, or the GPU was not in that sample. */
export function usedOf(entry: HistoryEntry, index: number): number | null {
  return entry.gpus.find((gpu) => gpu.index === index)?.usedBytes ?? null;
}

/**
 * One block per minute, at most 15, from empty to full: the most that was used in it; `·` for a minute that nobody
 * watched. Minutes begin at fixed times, so that the text of a quiet GPU changes seldom. "" before the second minute.
 */
export function sparkline(entries: readonly HistoryEntry[], index: number): string {
  const highest = new Map<number, number>();
  for (const entry of entries) {
    const gpu = entry.gpus.find((one) => one.index === index);
    if (gpu?.usedBytes == null || !gpu.totalBytes) continue;
    const minute = Math.floor(entry.elapsedMs / COLUMN_MS);
    highest.set(minute, Math.max(highest.get(minute) ?? 0, gpu.usedBytes / gpu.totalBytes));
  }
  if (highest.size < 2) return '';
  const newest = Math.max(...highest.keys());
  const oldest = Math.max(Math.min(...highest.keys()), newest - HISTORY_MS / COLUMN_MS + 1);
  return Array.from({ length: newest - oldest + 1 }, (_, at) => {
    const share = highest.get(oldest + at);
    return share === undefined ? '·' : BLOCKS[Math.min(7, Math.floor(share * 8))];
  }).join('');
}
