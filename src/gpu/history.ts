/** How full each GPU was: the newest samples per GPU in a ring of fixed length. Plain data, never changed in place. */
import type { Gpu, GpuSample } from './gpu';

export interface HistoryPoint {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** null: a gap, the GPU was not in that sample or did not say. */
  readonly usedBytes: number | null;
}

export interface GpuHistory {
  /** Points kept per GPU. */
  readonly capacity: number;
  /** Oldest first; by `historyKey`. */
  readonly series: Readonly<Record<string, readonly HistoryPoint[]>>;
}

export function emptyHistory(capacity: number): GpuHistory {
  return { capacity: Math.max(1, Math.floor(capacity)), series: {} };
}

/** Indices may change between boots and uuids don't. */
export function historyKey(gpu: Pick<Gpu, 'uuid' | 'index'>): string {
  return gpu.uuid ?? `index ${gpu.index}`;
}

/**
 * Adds one sample. A GPU that is missing from it gets a gap, and is forgotten once only gaps are left. A sample that is
 * not newer than the last one (the clock was set back) starts the series over: a chart can't run backwards.
 */
export function remember(history: GpuHistory, sample: GpuSample, atMs: number): GpuHistory {
  const used = new Map(sample.gpus.map((gpu) => [historyKey(gpu), gpu.usedBytes]));
  const series: Record<string, readonly HistoryPoint[]> = {};
  for (const key of new Set([...Object.keys(history.series), ...used.keys()])) {
    const last = history.series[key] ?? [];
    const older = last.every((point) => point.atMs < atMs) ? last : [];
    const points = [...older, { atMs, usedBytes: used.get(key) ?? null }].slice(-history.capacity);
    if (used.has(key) || points.some((point) => point.usedBytes !== null)) series[key] = points;
  }
  return { capacity: history.capacity, series };
}

/** Empty where nothing is known yet. */
export function historyOf(history: GpuHistory, gpu: Gpu): readonly HistoryPoint[] {
  return history.series[historyKey(gpu)] ?? [];
}
