/**
 * Asks ready vLLM servers how busy they are and how full their KV pool is: every few seconds while somebody looks or
 * requests are under way, else seldom. What they do with that memory, no GPU tool can tell: vLLM holds all of it.
 */
import {
  isSleepingRequest,
  metricsRequest,
  offersSleep,
  readIsSleeping,
  sleepRequest,
  wakeUpRequest,
} from '../../engines/vllm/api';
import { readVllmMetrics, type VllmMetrics } from '../../engines/vllm/metrics';
import { fail, ok, type Result } from '../../shared/failure';
import type { AppContext } from '../appContext';
import { liveUseOf, type LiveUse } from './liveUse';
import { endpointOf } from './serverText';
import type { Server } from '../state';

const LOOK_MS = 5_000;
/** Nobody looks and nothing was under way: often enough to notice when that changes. */
const SELDOM_MS = 60_000;
/** The peak that is shown is the one of this time. */
const PEAK_OF_MS = 10 * 60_000;
const TIMEOUT_MS = 3_000;
/** 60 kB by default; adapters and many models make it longer. */
const MAX_BYTES = 4_000_000;
/** Weights go to the computer's memory, or come back from there. */
const SLEEP_TIMEOUT_MS = 120_000;

export interface ServerMetrics {
  /** Asks from now on. Returns the way out. */
  follow(): () => void;
  /** Where the server offers it: its weights leave the GPU, its KV cache is dropped; or back again. */
  setAsleep(id: string, asleep: boolean): Promise<Result<void>>;
}

/** Of one time that a server was ready. */
interface Watched {
  readonly readyAtMs: number | null;
  askedAtMs: number;
  isAsking: boolean;
  looks: readonly { readonly atMs: number; readonly kvUse: number }[];
}

export function createServerMetrics(context: AppContext, isWatched: () => boolean): ServerMetrics {
  const { store, clock, http, log } = context;
  const watched = new Map<string, Watched>();
  const over = new AbortController();
  let isRunning = false;

  const serverOf = (id: string) => store.state().servers.find((server) => server.id === id);
  const readyOnes = () => store.state().servers.filter(isReadyVllm);

  function everyMs({ origin, live }: Server): number {
    const isBusy = (live?.runningRequests ?? 0) + (live?.waitingRequests ?? 0) > 0;
    if (isWatched() || (origin === 'started' && isBusy)) return LOOK_MS;
    return origin === 'started' ? SELDOM_MS : Infinity;
  }

  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    while (!over.signal.aborted) {
      const ready = readyOnes();
      if (ready.length === 0) break;
      for (const server of ready) {
        const own = watchedOf(server);
        // one that hangs holds up nobody else
        if (!own.isAsking && own.askedAtMs + everyMs(server) <= clock.elapsedMs())
          void ask(server, own);
      }
      await clock.sleep(LOOK_MS, over.signal);
    }
    isRunning = false;
  }

  function watchedOf({ id, readyAtMs }: Server): Watched {
    const known = watched.get(id);
    if (known?.readyAtMs === readyAtMs) return known;
    const fresh = { readyAtMs, askedAtMs: -Infinity, isAsking: false, looks: [] };
    watched.set(id, fresh);
    return fresh;
  }

  async function ask(server: Server, own: Watched): Promise<void> {
    own.isAsking = true;
    own.askedAtMs = clock.elapsedMs();
    const [metrics, asleep] = await Promise.all([askMetrics(server), askSleep(server)]);
    own.isAsking = false;
    const now = serverOf(server.id);
    if (over.signal.aborted || !now || !isReadyVllm(now)) return;
    // figures that come no more are not known any more
    const live = metrics && liveUseOf(now, metrics, peakOf(own, metrics), store.state());
    tell(now, live, asleep);
  }

  function peakOf(own: Watched, { kvCacheUsage }: VllmMetrics): number | null {
    const atMs = clock.elapsedMs();
    const recent = own.looks.filter((look) => atMs - look.atMs <= PEAK_OF_MS);
    own.looks = kvCacheUsage === null ? recent : [...recent, { atMs, kvUse: kvCacheUsage }];
    return own.looks.length === 0 ? null : Math.max(...own.looks.map(({ kvUse }) => kvUse));
  }

  function tell(server: Server, live: LiveUse | null, asleep: boolean | null): void {
    const isSame = JSON.stringify(live) === JSON.stringify(server.live);
    if (isSame && asleep === server.asleep) return;
    store.dispatch({ type: 'serverChanged', id: server.id, change: { live, asleep } });
  }

  async function askMetrics(server: Server): Promise<VllmMetrics | null> {
    const answer = await http.request({
      ...metricsRequest(endpointOf(server)),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      signal: over.signal,
    });
    if (!answer.ok || answer.value.status !== 200) return null;
    const metrics = readVllmMetrics(answer.value.body);
    return metrics.kvCacheUsage === null && metrics.runningRequests === null ? null : metrics;
  }

  /** null: it does not offer to sleep. */
  async function askSleep(server: Server): Promise<boolean | null> {
    if (!offersSleep(server.command.args)) return null;
    const answer = await http.request({
      ...isSleepingRequest(endpointOf(server)),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      signal: over.signal,
    });
    return answer.ok && answer.value.status === 200 ? readIsSleeping(answer.value.body) : null;
  }

  return {
    follow() {
      const unwatch = store.watch(
        (state) => state.servers.some(isReadyVllm),
        () => void run(),
      );
      void run();
      return () => {
        unwatch();
        over.abort();
      };
    },
    async setAsleep(id, asleep) {
      const server = serverOf(id);
      if (!server || !isReadyVllm(server)) return fail('notFound', 'It is not ready.');
      if (server.asleep === null)
        return fail(
          'notSupported',
          'It offers no sleep: that takes --enable-sleep-mode and VLLM_SERVER_DEV_MODE=1.',
        );
      // they would wait for it to wake, or be lost
      const metrics = asleep ? await askMetrics(server) : null;
      const busy = (metrics?.runningRequests ?? 0) + (metrics?.waitingRequests ?? 0);
      if (busy > 0) return fail('refused', `It is answering ${String(busy)} requests.`);
      log.info('metrics', asleep ? 'put to sleep' : 'wake up', { id });
      const request = asleep ? sleepRequest : wakeUpRequest;
      const answer = await http.request({
        ...request(endpointOf(server)),
        timeoutMs: SLEEP_TIMEOUT_MS,
        maxBytes: MAX_BYTES,
        signal: over.signal,
      });
      if (!answer.ok) return answer;
      // its own word about it: the request alone is answered also where nothing sleeps
      const isAsleep = await askSleep(server);
      const now = serverOf(id);
      if (now && isReadyVllm(now)) tell(now, now.live, isAsleep);
      void context.lookAtGpus();
      return answer.value.status === 200 && isAsleep === asleep
        ? ok(undefined)
        : fail('failed', `It answered ${String(answer.value.status)}, and is ${wordOf(isAsleep)}.`);
    },
  };
}

const wordOf = (asleep: boolean | null): string =>
  asleep === null ? 'in a state that it does not tell' : asleep ? 'asleep' : 'awake';

function isReadyVllm({ phase, wish }: Server): boolean {
  return phase === 'ready' && wish.engine === 'vllm';
}
