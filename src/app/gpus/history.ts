/** Keeps what the GPUs showed during the last fifteen minutes, beside the state: for trends, and for diagnostics. */
import { remember, type HistoryEntry, type RecentSample } from '../../gpu/history';
import { trendOf, type GpuTrend } from '../../gpu/trend';
import type { Clock } from '../ports';
import type { AppStore } from '../store';

/** By GPU index. */
export type Trends = ReadonlyMap<number, GpuTrend>;

export const NO_TRENDS: Trends = new Map();

export interface GpuHistory {
  /** Oldest first. */
  readonly list: () => readonly RecentSample[];
  readonly trends: () => Trends;
  readonly stop: () => void;
}

export function keepHistory(store: AppStore, clock: Clock): GpuHistory {
  let entries: HistoryEntry[] = [];
  let isSimulated = false;
  let trends: Trends | null = null;
  const stop = store.watch(
    (state) => state.gpu.sampledAtMs,
    (atMs) => {
      const { sample, simulated } = store.state().gpu;
      // made-up figures are no past of real ones, nor the other way round
      if (simulated !== isSimulated) entries = [];
      isSimulated = simulated;
      trends = null;
      if (sample && atMs !== null)
        remember(entries, sample, { atMs, elapsedMs: clock.elapsedMs() });
    },
  );
  return {
    list: () => entries.map(({ atMs, gpus, processes }) => ({ atMs, gpus, processes })),
    trends: () => {
      const indexes = entries.at(-1)?.gpus.map(({ index }) => index) ?? [];
      return (trends ??= new Map(indexes.map((index) => [index, trendOf(entries, index)])));
    },
    stop,
  };
}
