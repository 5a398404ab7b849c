/**
 * Looks at the GPUs: one look at a time, time-outs, back-off on failure (1 → 60 s), asleep while nobody looks and
 * nothing of ours runs. Failures change the state; they never toast.
 */
import type { GpuSample } from '../../gpu/gpu';
import type { GpuFamily } from '../../gpu/source';
import { keepSame } from '../../gpu/sameSample';
import { MIB } from '../../shared/units';
import { createGpuLooker } from './gpuLooker';
import type { Clock, Exec, Files, Log } from '../ports';
import { createRepeatedCalls } from './repeatedCalls';
import type { SharedSampling } from './sharedSampling';
import { liveServers } from '../state';
import type { AppStore } from '../store';

/** Processes change less often than totals, and asking for them costs a spawn (10 ms of CPU). */
const PROCESS_EVERY_MS = 10_000;
/** Somebody came, went or grew: who it was is asked at once. */
const MOVED_BYTES = 64 * MIB;
const MAX_BACKOFF_MS = 60_000;
/** Without a tool, how often to look whether one was installed meanwhile. */
const ABSENT_RETRY_MS = 60_000;

export interface SamplerOptions {
  readonly intervalMs: () => number;
  readonly warnPercent: () => number;
  /** Absolute path from the settings; empty: search. */
  readonly executable: () => string;
  /** True while a window is in front or a view of ours is open. */
  readonly isWatched: () => boolean;
}

export interface Sampler {
  /** Runs until aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** One look now, processes included. */
  lookNow(): Promise<void>;
  /** Ends the pause: somebody looks again, a setting changed, a server started. */
  wake(): void;
}

/** `fresh`: of this moment, processes included. */
type Look = 'fresh' | 'processes' | 'totals';

export function createSampler(
  deps: {
    exec: Exec;
    files: Files;
    clock: Clock;
    log: Log;
    store: AppStore;
    families: () => readonly GpuFamily[];
    /** Absent: this window looks for itself. */
    sharing?: SharedSampling;
  },
  options: SamplerOptions,
): Sampler {
  const { clock, log, store } = deps;
  const calls = createRepeatedCalls(deps, options.intervalMs);
  let isFresh = false;
  const looker = createGpuLooker({
    ...deps,
    ask: (call) => calls.run(call, { isFresh }),
    executable: options.executable,
  });
  let looking: Promise<boolean> | null = null;
  let nextFresh: Promise<void> | null = null;
  let processesAtMs = -Infinity;
  /** When processes were last asked for. */
  let sampleThen: GpuSample | null = null;
  let pause = new AbortController();

  /** True if it went well. */
  async function look(wanted: Look): Promise<boolean> {
    const processes = wanted !== 'totals';
    // also where they don't come: their time-out must not hold up every look
    if (processes) processesAtMs = clock.elapsedMs();
    isFresh = wanted === 'fresh';
    const outcome = await looker.look({ processes });
    if (outcome.kind === 'absent') {
      if (store.state().gpu.status !== 'absent') {
        log.info('sampler', 'no GPU tool found');
        store.dispatch({ type: 'noGpuTool' });
      }
      return true;
    }
    if (outcome.kind === 'failed') {
      failed(outcome.problem.text);
      return false;
    }
    const isFirst = !processes && store.state().gpu.sample === null;
    if (processes) sampleThen = outcome.sample;
    if (!isFirst) deps.sharing?.offer(outcome.sample);
    const sample = isFirst
      ? { ...outcome.sample, processesPending: true as const }
      : outcome.sample;
    tell(sample, clock.now(), outcome.simulated);
    return true;
  }

  function tell(sample: GpuSample, atMs: number, simulated: boolean): void {
    store.dispatch({
      type: 'sampled',
      sample: keepSame(store.state().gpu.sample, sample),
      atMs,
      simulated,
      warnPercent: options.warnPercent(),
    });
  }

  function failed(text: string): void {
    if (store.state().gpu.failure === null) log.warn('sampler', 'look failed', { why: text });
    store.dispatch({ type: 'samplingFailed', text, atMs: clock.now() });
  }

  /** A bug in one look must not end all of them: the figures grow old, which is shown, and the next look may do better. */
  function broke(error: unknown): false {
    log.error('sampler', 'look broke', { error: String(error) });
    return false;
  }

  function lookOnce(wanted: Look): Promise<boolean> {
    looking ??= look(wanted).finally(() => {
      looking = null;
    });
    return looking;
  }

  /** All who ask before it begins get the same; a look under way may have begun before what they wait for. */
  async function lookFresh(): Promise<void> {
    do {
      calls.hurry();
      await looking;
    } while (looking);
    nextFresh = null;
    await lookOnce('fresh');
  }

  async function lookInTurn(): Promise<boolean> {
    const shared = looking ? null : await deps.sharing?.read();
    if (shared) {
      calls.stop();
      const knownAtMs = store.state().gpu.sampledAtMs ?? -Infinity;
      // a look of this window may be newer, unless the clock was set back since
      if (shared.atMs > knownAtMs || knownAtMs > clock.now())
        tell(shared.sample, shared.atMs, false);
      return true;
    }
    const isDue = clock.elapsedMs() - processesAtMs >= PROCESS_EVERY_MS;
    // the first figures don't wait for the second question, which a driver may answer late or never
    if (isDue && store.state().gpu.sample) return lookOnce('processes');
    const isGood = await lookOnce('totals');
    const { sample } = store.state().gpu;
    const wantsProcesses = sample?.processesPending ?? hasMoved(sampleThen, sample);
    return isGood && !nextFresh && wantsProcesses ? lookOnce('processes') : isGood;
  }

  return {
    async run(signal) {
      let failures = 0;
      signal.addEventListener('abort', () => {
        pause.abort();
        calls.stop();
      });
      while (!signal.aborted) {
        // made before the look: who wakes us during it wants another one, not the pause after it
        pause = new AbortController();
        if (options.isWatched() || liveServers(store.state()).length > 0)
          failures = (await lookInTurn().catch(broke)) ? 0 : failures + 1;
        else calls.stop();
        const regularMs =
          store.state().gpu.status === 'absent' ? ABSENT_RETRY_MS : options.intervalMs();
        const backoffMs = failures === 0 ? 0 : Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (failures - 1));
        await clock.sleep(Math.max(regularMs, backoffMs), pause.signal);
      }
    },
    lookNow: () => (nextFresh ??= lookFresh()),
    wake() {
      // who looks again sees who holds what now
      processesAtMs = -Infinity;
      calls.hurry();
      pause.abort();
    },
  };
}

function hasMoved(before: GpuSample | null, now: GpuSample | null): boolean {
  return (now?.gpus ?? []).some(({ index, usedBytes }) => {
    const then = before?.gpus.find((gpu) => gpu.index === index)?.usedBytes ?? null;
    return then !== null && usedBytes !== null && Math.abs(usedBytes - then) > MOVED_BYTES;
  });
}
