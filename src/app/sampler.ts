/**
 * Looks at the GPUs: one look at a time, time-outs, back-off on failure (1 → 60 s), asleep while nobody looks and
 * nothing of ours runs. Failures change the state; they never toast.
 */
import type { GpuSource, GpuSourceState } from '../gpu/source';
import type { ToolOutput } from '../gpu/gpu';
import type { Clock, Exec, Files, Log } from './ports';
import { liveServers } from './state';
import type { AppStore } from './store';

/** Processes change less often than totals, and a spawn costs 2–4 ms of CPU. */
const PROCESS_EVERY_MS = 6_000;
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

export function createSampler(
  deps: {
    exec: Exec;
    files: Files;
    clock: Clock;
    log: Log;
    store: AppStore;
    source: () => GpuSource;
  },
  options: SamplerOptions,
): Sampler {
  const { exec, files, clock, log, store } = deps;
  let state: { source: GpuSource; executable: string; memory: GpuSourceState } | null = null;
  let looking: Promise<boolean> | null = null;
  let processesAtMs = -Infinity;
  let pause = new AbortController();

  async function findTool(source: GpuSource): Promise<string | null> {
    if (source.simulated) return '';
    const configured = options.executable();
    if (configured !== '') return configured;
    for (const name of source.executables) {
      const isPath = /[\\/]/.test(name);
      const found = isPath ? ((await files.stat(name)) ? name : null) : await exec.find(name);
      if (found !== null) return found;
    }
    return null;
  }

  /** True if it went well. */
  async function look(withProcesses: boolean): Promise<boolean> {
    const source = deps.source();
    const executable = await findTool(source);
    if (executable === null) {
      state = null;
      if (store.state().gpu.status !== 'absent') {
        log.info('sampler', 'no GPU tool found', { source: source.id });
        store.dispatch({ type: 'noGpuTool' });
      }
      return true;
    }
    const isNew = state?.source !== source || state.executable !== executable;
    if (isNew || !state) state = { source, executable, memory: source.start(executable) };
    // rows of another tool (or of the simulated GPU) are never shown beside this one's totals
    const processes = withProcesses || isNew;
    // a tool that doesn't know a field is asked again without it
    for (let attempt = 0; attempt < 8; attempt++) {
      const outputs: ToolOutput[] = [];
      for (const call of source.calls(state.memory, { processes })) {
        const result = await exec.run(call);
        if (!result.ok) {
          failed(result.failure.detail);
          return false;
        }
        outputs.push(result.value);
      }
      const reading = source.read(state.memory, outputs);
      state = { source, executable, memory: reading.state };
      if (reading.retry) continue;
      const problem = reading.sample.gpus.length === 0 ? reading.sample.problems[0] : undefined;
      if (problem) {
        failed(problem.text);
        return false;
      }
      if (reading.hasProcesses) processesAtMs = clock.now();
      const last = store.state().gpu.sample;
      const sample = reading.hasProcesses
        ? reading.sample
        : { ...reading.sample, processes: last?.processes ?? [] };
      store.dispatch({
        type: 'sampled',
        sample,
        atMs: clock.now(),
        simulated: source.simulated,
        warnPercent: options.warnPercent(),
      });
      return true;
    }
    failed(`${source.label} refuses every set of fields`);
    return false;
  }

  function failed(text: string): void {
    if (store.state().gpu.failure === null) log.warn('sampler', 'look failed', { why: text });
    store.dispatch({ type: 'samplingFailed', text, atMs: clock.now() });
  }

  function lookOnce(withProcesses: boolean): Promise<boolean> {
    looking ??= look(withProcesses).finally(() => {
      looking = null;
    });
    return looking;
  }

  return {
    async run(signal) {
      let failures = 0;
      signal.addEventListener('abort', () => pause.abort());
      while (!signal.aborted) {
        // made before the look: who wakes us during it wants another one, not the pause after it
        pause = new AbortController();
        if (options.isWatched() || liveServers(store.state()).length > 0) {
          const due = clock.now() - processesAtMs >= PROCESS_EVERY_MS;
          failures = (await lookOnce(due)) ? 0 : failures + 1;
        }
        const regularMs =
          store.state().gpu.status === 'absent' ? ABSENT_RETRY_MS : options.intervalMs();
        const backoffMs = failures === 0 ? 0 : Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (failures - 1));
        await clock.sleep(Math.max(regularMs, backoffMs), pause.signal);
      }
    },
    async lookNow() {
      // a look under way may have begun before what the caller waits for
      if (looking) await looking;
      await lookOnce(true);
    },
    wake: () => pause.abort(),
  };
}
