/** Looks at a vLLM's metrics while it is under load: peaks, and what was preempted meanwhile. */
import { metricsRequest } from '../../engines/vllm/api';
import { readVllmMetrics, type VllmMetrics } from '../../engines/vllm/metrics';
import type { AppContext } from '../appContext';
import { endpointOf } from '../servers/serverText';
import type { Server } from '../state';

const LOOK_MS = 500;
const TIMEOUT_MS = 3_000;
const MAX_BYTES = 4_000_000;

export interface LoadPeaks {
  /** 0 to 1. */
  readonly kvUse: number | null;
  readonly waiting: number | null;
  /** Since the first look. */
  readonly preemptions: number | null;
}

export interface LoadLooks {
  /** Of the first look; null: it tells nothing. */
  readonly first: VllmMetrics | null;
  /** Of the last look, 0 to 1. */
  kvUse(): number | null;
  peaks(): LoadPeaks;
  look(): Promise<void>;
}

/** Goes on looking until `signal` falls. */
export async function startLoadLooks(
  { http, clock }: Pick<AppContext, 'http' | 'clock'>,
  server: Server,
  signal: AbortSignal,
): Promise<LoadLooks> {
  const seen: VllmMetrics[] = [];

  async function look(): Promise<void> {
    if (server.wish.engine !== 'vllm') return;
    const request = metricsRequest(endpointOf(server));
    const answer = await http.request({ ...request, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES });
    if (answer.ok && answer.value.status === 200) seen.push(readVllmMetrics(answer.value.body));
  }

  async function goOn(): Promise<void> {
    await clock.sleep(LOOK_MS, signal);
    if (signal.aborted) return;
    await look();
    await goOn();
  }

  await look();
  void goOn();
  const [first = null] = seen;
  const peak = (of: (metrics: VllmMetrics) => number | null): number | null => {
    const values = seen.map(of).filter((value) => value !== null);
    return values.length === 0 ? null : Math.max(...values);
  };
  return {
    first,
    look,
    kvUse: () => seen.at(-1)?.kvCacheUsage ?? null,
    peaks() {
      const preempted = peak(({ preemptions }) => preemptions);
      return {
        kvUse: peak(({ kvCacheUsage }) => kvCacheUsage),
        waiting: peak(({ waitingRequests }) => waitingRequests),
        preemptions: preempted === null ? null : preempted - (first?.preemptions ?? 0),
      };
    },
  };
}
