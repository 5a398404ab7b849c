/**
 * Watches servers: reads what they print, asks over HTTP whether they answer, keeps the list of their processes, and
 * says how they ended. Ready means that the server answers, never that a line appeared.
 */
import { createOllamaLogReader } from '../engines/ollama/log';
import { createVllmLogReader } from '../engines/vllm/log';
import type { LogReader } from '../engines/engine';
import type { LifeEvent } from '../engines/lifecycle';
import { launchFamily, type LaunchFamily } from '../processes/family';
import type { GpuProcess } from '../gpu/gpu';
import type { LaunchRecord, ProcessInfo } from '../processes/process';
import { formatGib } from '../shared/units';
import type { AppContext } from './appContext';
import { askReadiness } from './readiness';
import type { Server, ServerFacts } from './state';

const STARTING_EVERY_MS = 1_000;
const READY_EVERY_MS = 5_000;
/** How long the launcher's end event may lag behind the process table before we end the server ourselves. */
const END_EVENT_GRACE_MS = 3_000;
/** How often, a second apart, to look whether the processes of an ended launch are gone. */
const GONE_LOOKS = 10;

export interface Observer {
  /** Follows one server until it has ended. */
  watch(id: string): void;
  output(id: string, chunk: string): void;
  /** Its main process ended. `exitCode` null: not known. */
  ended(id: string, exitCode: number | null): Promise<void>;
  dispose(): void;
}

export function createObserver(context: AppContext): Observer {
  const { store, clock, log, registry } = context;
  const readers = new Map<string, LogReader>();
  const over = new AbortController();

  const isOver = () => over.signal.aborted;
  const serverOf = (id: string) => store.state().servers.find((server) => server.id === id);
  const change = (id: string, changed: ServerFacts) =>
    store.dispatch({ type: 'serverChanged', id, change: changed });
  const live = (id: string, event: LifeEvent, changed: ServerFacts) =>
    store.dispatch({ type: 'serverLived', id, event, change: changed });

  function readerOf(server: Server): LogReader {
    const known = readers.get(server.id);
    if (known) return known;
    const reader = server.wish.engine === 'vllm' ? createVllmLogReader() : createOllamaLogReader();
    readers.set(server.id, reader);
    return reader;
  }

  async function follow(id: string): Promise<void> {
    let goneSinceMs: number | null = null;
    for (;;) {
      const server = serverOf(id);
      if (isOver() || !server || server.phase === 'ended') return;
      const family = await refreshFamily(context, server);
      if (server.record && family && !family.main) {
        goneSinceMs ??= clock.now();
        if (clock.now() - goneSinceMs > END_EVENT_GRACE_MS) await ended(id, null);
      } else {
        goneSinceMs = null;
        await askHealth(server, family);
      }
      const now = serverOf(id);
      const everyMs = now?.phase === 'ready' ? READY_EVERY_MS : STARTING_EVERY_MS;
      await clock.sleep(everyMs, over.signal);
    }
  }

  async function askHealth(server: Server, family: LaunchFamily | null): Promise<void> {
    // a model in somebody else's daemon has no process of ours whose end would tell: it is asked for on and on
    const isOnlyAnswered = server.phase === 'ready' && !server.record;
    if (server.phase !== 'starting' && server.phase !== 'lost' && !isOnlyAnswered) return;
    const { isReady, warnings } = await askReadiness(context, server, over.signal);
    if (isOver()) return;
    const phase = serverOf(server.id)?.phase;
    if (isOnlyAnswered) {
      if (phase === 'ready' && !isReady) live(server.id, { type: 'notFound' }, { usedBytes: null });
      return;
    }
    if (!isReady || (family && !(await isListening(context, server, family)))) return;
    if (phase !== 'starting' && phase !== 'lost') return;
    const readyAtMs = server.readyAtMs ?? clock.now();
    live(server.id, { type: 'healthOk' }, { stage: 'ready', progress: null, readyAtMs, warnings });
    log.info('observer', 'ready', { id: server.id, afterMs: readyAtMs - server.startedAtMs });
    const saved = serverOf(server.id);
    if (saved) await registry.save(saved);
    void context.lookAtGpus();
  }

  async function ended(id: string, exitCode: number | null): Promise<void> {
    const server = serverOf(id);
    if (!server || server.phase === 'ended') return;
    const { stopRequested } = server;
    const diagnosis = readerOf(server).diagnose({ exitCode, ended: true, stopRequested });
    const { result } = diagnosis;
    live(
      id,
      { type: 'processEnded', result },
      { exitCode, diagnosis, endedAtMs: clock.now(), progress: null, usedBytes: null },
    );
    log.info('observer', 'ended', {
      id,
      why: serverOf(id)?.endReason,
      exitCode,
      cause: diagnosis.cause?.id,
    });
    readers.delete(id);
    await forgetWhenGone(context, id);
  }

  return {
    watch: (id) => void follow(id),
    output(id, chunk) {
      const server = serverOf(id);
      if (!server || server.phase === 'ended') return;
      const reader = readerOf(server);
      if (!reader.push(chunk)) return;
      const reading = reader.reading();
      change(id, {
        facts: reading.facts,
        engineVersion: reading.engineVersion ?? server.engineVersion,
        ...(server.phase === 'starting' && { stage: reading.stage, progress: reading.progress }),
      });
    },
    ended,
    dispose: () => over.abort(),
  };
}

/** Somebody else may answer on that port, while ours is still loading and will find it taken. */
async function isListening(
  context: AppContext,
  server: Server,
  family: LaunchFamily,
): Promise<boolean> {
  for (const { pid } of [...family.all].reverse()) {
    if ((await context.table.listeningPorts(pid)).includes(server.port)) return true;
  }
  return false;
}

/** Adds newly seen processes to the record, so that ranks which leave the group later are still known as ours. */
async function refreshFamily(context: AppContext, server: Server): Promise<LaunchFamily | null> {
  const { record } = server;
  if (!record) return null;
  const table = await context.table.all();
  if (table.length === 0) return null;
  const family = launchFamily(record, table);
  // it may have ended meanwhile, and a record written now would outlive it
  const now = context.store.state().servers.find((one) => one.id === server.id);
  if (!now || now.phase === 'ended') return family;
  const isNew = (one: ProcessInfo) =>
    !record.seen.some((seen) => seen.pid === one.pid && seen.startTime === one.startTime);
  const added = family.all.filter(isNew);
  if (added.length > 0) {
    const seen = [
      ...record.seen,
      ...added.map(({ pid, startTime, bootId }) => ({ pid, startTime, bootId })),
    ];
    context.store.dispatch({
      type: 'serverChanged',
      id: server.id,
      change: { record: { ...record, seen } },
    });
    await context.registry.save({ ...now, record: { ...record, seen } });
  }
  return family;
}

/** An ended launch is remembered as long as a process of it lives: that is how its orphans are known as ours. */
export async function forgetWhenGone(context: AppContext, id: string): Promise<void> {
  const server = context.store.state().servers.find((one) => one.id === id);
  if (!server?.record) return context.registry.remove(id);
  for (let look = 0; look < GONE_LOOKS; look++) {
    if ((await livingFamily(context, server.record)).length === 0) {
      return context.registry.remove(id);
    }
    await context.clock.sleep(1_000);
  }
  const sample = await context.lookAtGpus();
  const left = await livingFamily(context, server.record);
  if (left.length === 0) return context.registry.remove(id);
  const rows = (sample?.processes ?? []).filter((one) =>
    left.some((process) => process.pid === one.pid),
  );
  const stillHeld = stillHeldText(
    left.map((one) => one.pid),
    rows,
  );
  context.store.dispatch({ type: 'serverChanged', id, change: { stillHeld } });
}

async function livingFamily(
  context: AppContext,
  record: LaunchRecord,
): Promise<readonly ProcessInfo[]> {
  return launchFamily(record, await context.table.all()).all;
}

/** `rows`: what the GPU tool lists of these processes; a sum is said only where each of them is known. */
export function stillHeldText(pids: readonly number[], rows: readonly GpuProcess[]): string {
  const bytes = rows.reduce<number | null>(
    (sum, row) => (sum === null || row.usedBytes === null ? null : sum + row.usedBytes),
    0,
  );
  const amount =
    rows.length === 0
      ? 'left over:'
      : bytes === null
        ? 'GPU memory is still held by'
        : `still held: ${formatGib(bytes, 1)} by`;
  return `${amount} PID ${pids.join(', ')}`;
}
