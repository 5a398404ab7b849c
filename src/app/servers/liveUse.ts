/** What the answers of a running vLLM add up to: how full its pool is and was, and what could be given back. */
import { optionsInArguments } from '../../engines/vllm/argumentOptions';
import type { VllmMetrics } from '../../engines/vllm/metrics';
import { giveBack, smallerPool } from '../../planner/vllm/giveBack';
import type { PlanOptions } from '../../shared/planRequest';
import { plannableGpus } from '../planning/plannableGpus';
import type { AppState, Server } from '../state';

/** What a ready vLLM tells of itself. Looked at every few seconds: a peak between two looks is not seen. */
export interface LiveUse {
  readonly runningRequests: number | null;
  readonly waitingRequests: number | null;
  /** Part of the KV pool that holds something now, 0 to 1; and the most of it in the last minutes. */
  readonly kvUse: number | null;
  readonly kvUsePeak: number | null;
  /** Reserved for KV on each GPU. */
  readonly poolBytes: number | null;
  /** On each GPU, and with which flag; null: not known, or not worth a restart. */
  readonly giveBack: { readonly bytes: number; readonly flag: string } | null;
}

export function liveUseOf(
  server: Server,
  metrics: VllmMetrics,
  kvUsePeak: number | null,
  { gpu }: Pick<AppState, 'gpu'>,
): LiveUse {
  const options = optionsInArguments(server.command.args);
  const poolBytes = options.kvCacheMemoryBytes ?? server.facts?.kvCacheBytes ?? null;
  const use = {
    runningRequests: metrics.runningRequests,
    waitingRequests: metrics.waitingRequests,
    kvUse: metrics.kvCacheUsage,
    kvUsePeak,
    poolBytes,
  };
  const maxConcurrency = server.facts?.maxConcurrency ?? perEngine(metrics, options);
  // nobody has asked it anything yet: how much it needs is not known
  if (!kvUsePeak || poolBytes === null || maxConcurrency === null)
    return { ...use, giveBack: null };
  const pool = { poolBytes, peakShare: kvUsePeak, maxConcurrency };
  if (options.kvCacheMemoryBytes != null) {
    const smaller = smallerPool(pool);
    const flag = `--kv-cache-memory-bytes ${String(smaller?.poolBytes)}`;
    return { ...use, giveBack: smaller && { bytes: smaller.bytes, flag } };
  }
  const utilization = options.gpuMemoryUtilization ?? metrics.gpuMemoryUtilization;
  const totalBytes = cardBytes(server, gpu);
  if (utilization == null || totalBytes === null) return { ...use, giveBack: null };
  const smaller = giveBack({ ...pool, utilization, totalBytes });
  const flag = `--gpu-memory-utilization ${smaller?.utilization.toFixed(2) ?? ''}`;
  return { ...use, giveBack: smaller && { bytes: smaller.bytes, flag } };
}

/** The gauges add up the engines of data parallel; each has a pool of its own. */
function perEngine(
  { maxConcurrency }: VllmMetrics,
  { dataParallelSize }: PlanOptions,
): number | null {
  return maxConcurrency === null ? null : maxConcurrency / (dataParallelSize ?? 1);
}

/** Of its GPUs, where they are one size; null: not known. */
function cardBytes({ gpus }: Server, { sample }: AppState['gpu']): number | null {
  const own = plannableGpus(sample?.gpus ?? []).filter(
    ({ index }) => gpus === null || gpus.includes(index),
  );
  const sizes = new Set(
    own.map((card) => ('cudaBytes' in card ? card.cudaBytes : null) ?? card.totalBytes),
  );
  const [size] = sizes;
  return sizes.size === 1 && size !== undefined ? size : null;
}
