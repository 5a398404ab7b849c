/**
 * Looks at the Ollama beside our servers: every ten seconds while one of them runs, else only when something happened.
 * A daemon on another machine is left alone: its models are on another card.
 */
import { addressOf, daemonUrl } from '../../engines/ollama/address';
import { ollamaPsRequest, readOllamaPs, type LoadedModel } from '../../engines/ollama/api';
import { isAboutOthers, readWorkerConfig, WORKER_CONFIG_FILE } from '../../planner/workerSettings';
import { oneAtATime } from '../../shared/turns';
import type { AppContext } from '../appContext';
import { foreignModels, isOllamaHolder, loadedBytes, workerSettingsOf } from './coexistence';
import { NO_OLLAMA, type CoexistenceState, type OllamaSeen } from './coexistenceState';
import { isLoopback } from '../ollama/ollamaDaemon';
import { liveServers, type AppState } from '../state';

const LOOK_MS = 10_000;
const TIMEOUT_MS = 3_000;
const MAX_BYTES = 4_000_000;
const MAX_CONFIG_BYTES = 1_000_000;
/** Below this a runner only breathes. */
const WORTH_A_WORD_BYTES = 64 * 2 ** 20;
/** How containers call the machine they run on, and whose GPU they share. */
const HOST_OF_CONTAINERS = /^host\.(?:docker|containers)\.internal$/;

export interface CoexistenceWatch {
  /** At the workspace's file, and at the daemon. */
  look(): Promise<void>;
  /** Looks from now on. Returns the way out. */
  follow(): () => void;
}

export function createCoexistenceWatch(
  context: AppContext,
  workspaceFolder: string | null,
): CoexistenceWatch {
  const { store, clock, http, files, log } = context;
  const over = new AbortController();
  let isRunning = false;

  function tell(change: Partial<CoexistenceState>): void {
    const now = store.state().coexistence;
    const next = { ...now, ...change };
    if (JSON.stringify(next) === JSON.stringify(now)) return;
    if (next.ollama.change !== now.ollama.change && next.ollama.change)
      log.info('coexistence', 'Ollama changed', {
        fromBytes: next.ollama.change.fromBytes,
        toBytes: next.ollama.change.toBytes,
      });
    store.dispatch({ type: 'coexistenceSeen', change });
  }

  /** The file in the workspace wins over the settings; a broken one is said, and the settings are used. */
  async function readFile(): Promise<void> {
    if (workspaceFolder === null) return;
    const path = files.join(workspaceFolder, WORKER_CONFIG_FILE);
    if (!(await files.stat(path))) {
      tell({ file: null, fileProblem: null });
      return;
    }
    const text = await files.readText(path, MAX_CONFIG_BYTES);
    if (text.ok && isAboutOthers(text.value)) {
      tell({ file: null, fileProblem: null });
      return;
    }
    const base = workerSettingsOf(context.settings());
    const read = text.ok ? readWorkerConfig(text.value, base, WORKER_CONFIG_FILE) : text;
    tell(
      read.ok
        ? { file: read.value, fileProblem: null }
        : { file: null, fileProblem: read.failure.detail },
    );
  }

  async function askDaemon(): Promise<void> {
    const { coexistence, gpu } = store.state();
    const settings = context.settings();
    const { detectsOllama } = coexistence.file ?? workerSettingsOf(settings);
    const base = daemonUrl(settings['ollama.host']);
    const { host } = addressOf(base);
    const isHere = isLoopback(host) || HOST_OF_CONTAINERS.test(host);
    if (!detectsOllama || !isHere || gpu.simulated) {
      tell({ ollama: NO_OLLAMA });
      return;
    }
    const answer = await http.request({
      ...ollamaPsRequest(base),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
      signal: over.signal,
    });
    if (over.signal.aborted) return;
    // one that is busy is still there
    if (!answer.ok && answer.failure.reason === 'timedOut') return;
    const models = answer.ok ? readOllamaPs(answer.value.body) : null;
    const { ollama } = store.state().coexistence;
    tell({ ollama: models ? seenNow(ollama, models, store.state(), clock.now()) : NO_OLLAMA });
  }

  const look = oneAtATime(() =>
    readFile()
      .then(askDaemon)
      .catch((error: unknown) => log.error('coexistence', 'look broke', { error: String(error) })),
  );

  async function run(): Promise<void> {
    if (isRunning) return;
    isRunning = true;
    while (!over.signal.aborted && liveServers(store.state()).length > 0) {
      await look();
      await clock.sleep(LOOK_MS, over.signal);
    }
    isRunning = false;
  }

  return {
    look,
    follow() {
      const unwatchers = [
        store.watch(
          (state) => liveServers(state).length > 0,
          (hasServers) => void (hasServers ? run() : look()),
        ),
        store.watch(ollamaPids, () => void look()),
      ];
      void look();
      return () => {
        over.abort();
        for (const unwatch of unwatchers) unwatch();
      };
    },
  };
}

/** As one text, because listeners compare by identity. */
function ollamaPids({ holders }: AppState): string {
  return holders
    .filter(isOllamaHolder)
    .map(({ pid }) => pid)
    .join();
}

function seenNow(
  before: OllamaSeen,
  listed: readonly LoadedModel[],
  { servers }: AppState,
  nowMs: number,
): OllamaSeen {
  const models = listed.map(({ name, sizeBytes, gpuBytes }) => {
    const known = before.models.find(
      (one) => one.name === name && one.sizeBytes === sizeBytes && one.gpuBytes === gpuBytes,
    );
    return { name, sizeBytes, gpuBytes, sinceMs: known?.sinceMs ?? nowMs };
  });
  const [fromBytes, toBytes] = [loadedBytes(before.models), loadedBytes(models)];
  const hasChanged = before.answers && Math.abs(toBytes - fromBytes) >= WORTH_A_WORD_BYTES;
  return {
    answers: true,
    models,
    isInUse: before.isInUse || foreignModels(models, servers, nowMs).length > 0,
    change: hasChanged ? { atMs: nowMs, fromBytes, toBytes } : before.change,
  };
}
