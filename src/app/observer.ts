/**
 * Watches servers: reads what they print, asks over HTTP whether they answer, keeps the list of their processes, and
 * says how they ended. Ready means that the server answers, never that a line appeared.
 */
import { createOllamaLogReader } from '../engines/ollama/log';
import { createVllmLogReader } from '../engines/vllm/log';
import type { LogReader } from '../engines/engine';
import { launchFamily } from '../processes/family';
import type { ProcessInfo } from '../processes/process';
import type { AppContext } from './appContext';
import { askReadiness } from './readiness';
import { liveServers, type Server } from './state';

const STARTING_EVERY_MS = 1_000;
const READY_EVERY_MS = 5_000;
/** How long the launcher's end event may lag behind the process table before we end the server ourselves. */
const END_EVENT_GRACE_MS = 3_000;

export interface Observer {
  /** Follows one server until it has ended. */
  watch(id: string): void;
  output(id: string, chunk: string): void;
  /** Its main process ended. `exitCode` null: not known. */
  ended(id: string, exitCode: number | null): Promise<void>;
  /** We were asked to stop it: its end is no crash. */
  expectStop(id: string): void;
  dispose(): void;
}

export function createObserver(context: AppContext): Observer {
  const { store, clock, log, registry } = context;
  const readers = new Map<string, LogReader>();
  const stopsRequested = new Set<string>();
  const over = new AbortController();

  const serverOf = (id: string) => store.state().servers.find((server) => server.id === id);
  const change = (id: string, changed: Partial<Server>) =>
    store.dispatch({ type: 'serverChanged', id, change: changed });

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
      if (over.signal.aborted || !server || server.phase === 'ended') return;
      const family = await refreshFamily(context, server);
      if (server.record && family && !family.main) {
        goneSinceMs ??= clock.now();
        if (clock.now() - goneSinceMs > END_EVENT_GRACE_MS) await ended(id, null);
      } else {
        goneSinceMs = null;
        await askHealth(server);
      }
      const now = serverOf(id);
      const everyMs = now?.phase === 'ready' ? READY_EVERY_MS : STARTING_EVERY_MS;
      await clock.sleep(everyMs, over.signal);
    }
  }

  async function askHealth(server: Server): Promise<void> {
    if (server.phase !== 'starting' && server.phase !== 'lost') return;
    const { isReady, warnings } = await askReadiness(context, server, over.signal);
    // somebody else may answer on that port: ours must be alive too, and that was looked up just before
    if (!isReady) return;
    const phase = serverOf(server.id)?.phase;
    if (phase !== 'starting' && phase !== 'lost') return;
    const readyAtMs = server.readyAtMs ?? clock.now();
    change(server.id, { phase: 'ready', stage: 'ready', progress: null, readyAtMs, warnings });
    log.info('observer', 'ready', { id: server.id, afterMs: readyAtMs - server.startedAtMs });
    const saved = serverOf(server.id);
    if (saved) await registry.save(saved);
    void context.lookAtGpus();
  }

  async function ended(id: string, exitCode: number | null): Promise<void> {
    const server = serverOf(id);
    if (!server || server.phase === 'ended') return;
    const stopRequested = stopsRequested.has(id);
    const diagnosis = readerOf(server).diagnose({ exitCode, ended: true, stopRequested });
    const endReason =
      stopRequested || diagnosis.result === 'stopped'
        ? 'stopped'
        : server.readyAtMs === null
          ? 'failed'
          : 'crashed';
    change(id, {
      phase: 'ended',
      endReason,
      exitCode,
      diagnosis,
      endedAtMs: clock.now(),
      seen: endReason === 'stopped',
      progress: null,
      usedBytes: null,
    });
    log.info('observer', 'ended', { id, why: endReason, exitCode, cause: diagnosis.cause?.id });
    readers.delete(id);
    stopsRequested.delete(id);
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
    expectStop: (id) => stopsRequested.add(id),
    dispose: () => over.abort(),
  };
}

/** Adds newly seen processes to the record, so that ranks which leave the group later are still known as ours. */
async function refreshFamily(
  context: AppContext,
  server: Server,
): Promise<ReturnType<typeof launchFamily> | null> {
  const { record } = server;
  if (!record) return null;
  const table = await context.table.all();
  if (table.length === 0) return null;
  const family = launchFamily(record, table);
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
    await context.registry.save({ ...server, record: { ...record, seen } });
  }
  return family;
}

/** An ended launch is remembered as long as a process of it lives: that is how its orphans are known as ours. */
export async function forgetWhenGone(context: AppContext, id: string): Promise<void> {
  const server = context.store.state().servers.find((one) => one.id === id);
  if (!server?.record) return context.registry.remove(id);
  for (let look = 0; look < 10; look++) {
    const table = await context.table.all();
    const left = launchFamily(server.record, table).all.filter((one) => one.state !== 'Z');
    if (left.length === 0) return context.registry.remove(id);
    await context.clock.sleep(1_000);
  }
  const sample = await context.lookAtGpus();
  const left = launchFamily(server.record, await context.table.all()).all;
  const held = sample?.processes.filter((one) => left.some((process) => process.pid === one.pid));
  const bytes = held?.reduce((sum, one) => sum + (one.usedBytes ?? 0), 0) ?? null;
  context.store.dispatch({
    type: 'serverChanged',
    id,
    change: { stillHeld: stillHeldText(left, bytes) },
  });
}

function stillHeldText(left: readonly ProcessInfo[], bytes: number | null): string {
  const pids = left.map((one) => String(one.pid)).join(', ');
  const amount =
    bytes === null || bytes === 0 ? 'left over' : `still held: ${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return `${amount} by PID ${pids}`;
}

/** Servers that a stop or a view may act on. */
export function findServer(context: AppContext, id: string): Server | undefined {
  return liveServers(context.store.state()).find((server) => server.id === id);
}
