/** Where a GPU's memory is going: who grew, and when it will be full if that goes on. Says nothing where it is not sure. */
import { MIB } from '../shared/units';
import { lastOf, sparkline, usedOf, type HistoryEntry } from './history';

export interface Growth {
  /** null: more is in use, and the tool doesn't say whose it is. */
  readonly pid: number | null;
  /** As the tool prints it. */
  readonly name: string | null;
  readonly grewBytes: number;
  /** From its lowest figure of the last minute to the first as high as now. */
  readonly overMs: number;
}

export interface GpuTrend {
  readonly sparkline: string;
  /** Within the last minute, the largest first. */
  readonly growth: readonly Growth[];
  /** null: it does not grow, or not surely so. */
  readonly fullInMs: number | null;
}

const GROWTH_MS = 60_000;
/** A desktop breathes by less. */
const GROWTH_BYTES = 256 * MIB;

const SLOPE_MS = 120_000;
const SLOPE_POINTS = 60;
const SLOPE_BLOCKS = 5;
const LEAST_PER_BLOCK = 3;
const LEAST_RISE_BYTES = 64 * MIB;
/** Nobody plans further ahead by the slope of two minutes. */
const LONGEST_MS = 30 * 60_000;

/** @param entries the samples of the last minutes, oldest first. @param index of the GPU. */
export function trendOf(entries: readonly HistoryEntry[], index: number): GpuTrend {
  return {
    sparkline: sparkline(entries, index),
    growth: growthOf(entries, index),
    fullInMs: fullInMs(entries, index),
  };
}

/**
 * A process that is not listed comes from nothing. Nobody grew by more than the GPU's use did: where one gives back what
 * another takes nothing got tighter, and a list that was missing for a while would make everybody new.
 */
export function growthOf(entries: readonly HistoryEntry[], index: number): readonly Growth[] {
  const recent = lastOf(entries, GROWTH_MS);
  const last = recent.at(-1);
  if (!last) return [];
  const ofAll = climb(
    recent.map((entry) => ({ elapsedMs: entry.elapsedMs, bytes: usedOf(entry, index) })),
  );
  if (ofAll.grewBytes < GROWTH_BYTES) return [];
  const grown = last.processes
    .filter((process) => process.gpus.includes(index))
    .map(({ pid, name }) => {
      const rows = recent.map((entry) => {
        const row = entry.processes.find((one) => one.pid === pid);
        return { elapsedMs: entry.elapsedMs, bytes: row ? row.usedBytes : 0 };
      });
      const { grewBytes, overMs } = climb(rows);
      return { pid, name, grewBytes: Math.min(grewBytes, ofAll.grewBytes), overMs };
    });
  const explained = grown.reduce((sum, one) => sum + one.grewBytes, 0);
  const hidden = { pid: null, name: null, ...ofAll, grewBytes: ofAll.grewBytes - explained };
  return [...grown, hidden]
    .filter(({ grewBytes }) => grewBytes >= GROWTH_BYTES)
    .sort((a, b) => b.grewBytes - a.grewBytes);
}

/** From the last lowest figure to the newest one. */
function climb(rows: readonly { readonly elapsedMs: number; readonly bytes: number | null }[]): {
  readonly grewBytes: number;
  readonly overMs: number;
} {
  const now = rows.at(-1)?.bytes ?? null;
  let from: { elapsedMs: number; bytes: number } | null = null;
  for (const { elapsedMs, bytes } of rows)
    if (bytes !== null && (!from || bytes <= from.bytes)) from = { elapsedMs, bytes };
  if (now === null || !from) return { grewBytes: 0, overMs: 0 };
  const start = from.elapsedMs;
  const reached = rows.find(
    ({ elapsedMs, bytes }) => elapsedMs >= start && bytes !== null && bytes >= now,
  );
  return { grewBytes: now - from.bytes, overMs: (reached?.elapsedMs ?? start) - start };
}

/**
 * The slope of the last two minutes (Theil–Sen: the median over all pairs, which single jumps don't move), and only if
 * it is significant: the medians of five blocks in a row must rise. Of figures without a trend one order in 120 does
 * (p < 0.01), and a single step, however high, does not.
 */
export function fullInMs(entries: readonly HistoryEntry[], index: number): number | null {
  const points = lastOf(entries, SLOPE_MS).flatMap((entry) => {
    const bytes = usedOf(entry, index);
    return bytes === null ? [] : [{ atMs: entry.elapsedMs, bytes }];
  });
  const [first] = points;
  const last = points.at(-1);
  const totalBytes = entries.at(-1)?.gpus.find((gpu) => gpu.index === index)?.totalBytes ?? null;
  if (!first || !last || totalBytes === null) return null;
  const blockMs = SLOPE_MS / SLOPE_BLOCKS;
  const blocks = Array.from({ length: SLOPE_BLOCKS }, (_, at) => {
    const fromMs = last.atMs - SLOPE_MS + at * blockMs;
    const isLast = at === SLOPE_BLOCKS - 1;
    return points
      .filter(({ atMs }) => atMs >= fromMs && (isLast || atMs < fromMs + blockMs))
      .map(({ bytes }) => bytes);
  });
  if (blocks.some((block) => block.length < LEAST_PER_BLOCK)) return null;
  const medians = blocks.map(median);
  if (medians.some((each, at) => at > 0 && each <= (medians[at - 1] ?? 0))) return null;
  if ((medians.at(-1) ?? 0) - (medians[0] ?? 0) < LEAST_RISE_BYTES) return null;
  const bytesPerMs = slopeOf(points);
  const leftMs = Math.max(0, totalBytes - last.bytes) / bytesPerMs;
  return bytesPerMs > 0 && leftMs <= LONGEST_MS ? leftMs : null;
}

function slopeOf(points: readonly { readonly atMs: number; readonly bytes: number }[]): number {
  const step = Math.ceil(points.length / SLOPE_POINTS);
  const some = points.filter((_, at) => at % step === 0);
  const slopes: number[] = [];
  for (const [at, from] of some.entries())
    for (const to of some.slice(at + 1))
      if (to.atMs > from.atMs) slopes.push((to.bytes - from.bytes) / (to.atMs - from.atMs));
  return median(slopes);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
