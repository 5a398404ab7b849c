/**
 * Who starts next: one launch at a time per GPU, over all windows, in the order in which they were asked for. A launch
 * that waits is a server in the list like any other, so every window shows it and can cancel it.
 */
import { ok, type Result } from '../../shared/failure';
import { shareGpu } from './launchGpus';
import type { LaunchLock } from './launchLock';
import type { AppContext } from '../appContext';
import { failStart, type DeployResult } from './deploy';
import type { Server } from '../state';

const POLL_MS = 500;
/**
 * Looks for which a free GPU is left to an earlier launch of another window. A window that doesn't take its turn in
 * that time hangs, and must not hold up everybody.
 */
const PATIENCE_LOOKS = 40;
/** For how many looks another window may take to cancel one of its own. */
const ANSWER_LOOKS = 20;

export interface QueueEntry {
  /** As it is listed while it waits; `startedAtMs` is when it was asked for. */
  readonly server: Server;
  /** Starts it; called once, when its turn has come. `waited`: what was known when it was asked for is old. */
  start(waited: boolean): Promise<DeployResult>;
}

export interface LaunchQueue {
  /** Starts it, or lists it as waiting and starts it later. Resolves when it has started or waits. */
  enter(entry: QueueEntry): Promise<DeployResult>;
  /**
   * `notQueued`: no launch of that id waits, or it has been started meanwhile. `unanswered`: it waits in another
   * window, which does not react.
   */
  cancel(id: string): Promise<'cancelled' | 'notQueued' | 'unanswered'>;
  /** Lets go of the locks of launches that are ready or over. Runs until the returned function is called. */
  follow(): () => void;
}

export interface QueueParts {
  readonly lock: LaunchLock;
  /** Brings the list up to what all windows have written. */
  readonly sync: () => Promise<void>;
}

export function createLaunchQueue(context: AppContext, parts: QueueParts): LaunchQueue {
  const { store, clock, registry, log } = context;
  const { lock, sync } = parts;
  const waiting = new Map<string, QueueEntry>();
  /** Launches that hold locks, and whether their start has been called already. */
  const locked = new Map<string, { begun: boolean }>();
  const patience = new Map<string, number>();
  const over = new AbortController();
  let isServing = false;

  const serverOf = (id: string) => store.state().servers.find((server) => server.id === id);
  const isOver = () => over.signal.aborted;

  const othersOnItsGpus = (own: Server): readonly Server[] =>
    store
      .state()
      .servers.filter(
        (server) =>
          server.id !== own.id && server.phase === 'starting' && shareGpu(server.gpus, own.gpus),
      );

  /** Who starts now on one of its GPUs. */
  const starting = (own: Server): readonly Server[] =>
    othersOnItsGpus(own).filter((server) => !server.queued);

  const earlier = (own: Server): readonly Server[] =>
    othersOnItsGpus(own).filter((server) => server.queued && isBefore(server, own));

  /** `[]`: it is its turn, and the lock is taken where turns are taken. Else the titles of those it waits for. */
  async function attempt(own: Server): Promise<Result<readonly string[]>> {
    // it may be turned off while some wait
    if (!context.settings()['launch.oneAtATime']) return ok([]);
    await sync();
    const before = starting(own);
    const queuedBefore = earlier(own);
    const isPatient = before.length > 0 || (patience.get(own.id) ?? 0) < PATIENCE_LOOKS;
    if (before.length > 0 || (queuedBefore.length > 0 && isPatient)) {
      const isFree = before.length === 0;
      // those of this window take their turns in this very loop
      const isForeign = isFree && queuedBefore.every(({ id }) => !waiting.has(id));
      patience.set(own.id, isForeign ? (patience.get(own.id) ?? 0) + 1 : 0);
      return ok([...before, ...queuedBefore].map(({ title }) => title));
    }
    const { id: launchId, title, owner, gpus } = own;
    // where windows can't be told apart, this one's own list is all there is
    if (owner === null) return ok([]);
    const taken = await lock.take({ launchId, title, gpus: gpus ?? [], owner });
    if (!taken.ok) return taken;
    if (taken.value !== 'taken') return ok([taken.value.title ?? 'a launch of another window']);
    locked.set(launchId, { begun: false });
    // a window may have started one, and died, between the look and the lock
    await sync();
    const now = starting(own);
    if (now.length > 0) await letGo(launchId);
    return ok(now.map(({ title: other }) => other));
  }

  async function letGo(id: string): Promise<void> {
    if (locked.delete(id)) await lock.release(id);
  }

  async function serve(): Promise<void> {
    if (isServing) return;
    isServing = true;
    while (waiting.size > 0 && !isOver()) {
      await clock.sleep(POLL_MS, over.signal);
      const inOrder = [...waiting.keys()]
        .flatMap((id) => serverOf(id) ?? [])
        .sort((a, b) => (isBefore(a, b) ? -1 : 1));
      for (const id of waiting.keys()) if (!isWaiting(serverOf(id))) await drop(id);
      const passed: Server[] = [];
      for (const server of inOrder) {
        if (isOver()) break;
        // behind one of this window that waits itself: nothing to look up
        const ahead = passed.filter((one) => shareGpu(one.gpus, server.gpus));
        if (ahead.length > 0) tellWaits(server, [...ahead, ...starting(server)].map(titleOf));
        else await turn(server).catch((error: unknown) => broke(server.id, error));
        if (isWaiting(serverOf(server.id))) passed.push(server);
      }
    }
    isServing = false;
  }

  async function turn(server: Server): Promise<void> {
    const entry = waiting.get(server.id);
    if (!entry) return;
    const waits = await attempt(server);
    // cancelled while we looked, or the window closes
    if (isOver() || !isWaiting(serverOf(server.id))) {
      await drop(server.id);
      return letGo(server.id);
    }
    if (!waits.ok) {
      waiting.delete(server.id);
      return failStart(context, server.id, waits.failure);
    }
    if (waits.value.length > 0) {
      tellWaits(server, waits.value);
      return;
    }
    waiting.delete(server.id);
    patience.delete(server.id);
    log.info('queue', 'its turn', { id: server.id });
    // from here on it is a start like any other: what stops it now stops a start
    store.dispatch({
      type: 'serverChanged',
      id: server.id,
      change: { queued: null, startedAtMs: clock.now() },
    });
    // a start may take a while, and other GPUs have their own turns
    void begin(entry, true).catch((error: unknown) => broke(server.id, error));
  }

  /** A mistake of ours: it must not hold up those behind it. */
  async function broke(id: string, error: unknown): Promise<void> {
    log.error('queue', 'start broke', { id, error: String(error) });
    waiting.delete(id);
    await failStart(context, id, { reason: 'failed', detail: String(error) });
  }

  async function begin(entry: QueueEntry, waited: boolean): Promise<DeployResult> {
    const { id } = entry.server;
    const result = await entry.start(waited);
    const lockOf = locked.get(id);
    if (lockOf) lockOf.begun = true;
    // one that never was in the list can't leave it either
    if (!serverOf(id)) await letGo(id);
    return result;
  }

  /** Takes it off every list; `waiting` says that it has not been started. */
  async function drop(id: string): Promise<void> {
    patience.delete(id);
    if (!waiting.delete(id) || isOver()) return;
    log.info('queue', 'cancelled', { id });
    store.dispatch({ type: 'serverRemoved', id });
    const endedAtMs = clock.now();
    await registry.remove(id, { end: 'removed', exitCode: null, endedAtMs, diagnosis: null });
  }

  function tellWaits(server: Server, waitsFor: readonly string[]): void {
    const now = serverOf(server.id);
    if (!now?.queued || now.queued.waitsFor.join('\n') === waitsFor.join('\n')) return;
    const queued = { ...now.queued, waitsFor };
    store.dispatch({ type: 'serverChanged', id: server.id, change: { queued } });
    void registry.save({ ...now, queued });
  }

  return {
    async enter(entry) {
      const { server } = entry;
      const waits = await attempt(server);
      if (!waits.ok) return { ok: false, failure: waits.failure, problems: [] };
      if (waits.value.length === 0) return begin(entry, false);
      const queued = { sinceMs: server.startedAtMs, waitsFor: waits.value };
      log.info('queue', 'waits', { id: server.id, for: waits.value.join(', ') });
      store.dispatch({ type: 'serverAdded', server: { ...server, queued } });
      waiting.set(server.id, entry);
      await registry.save({ ...server, queued });
      void serve();
      return { ok: true, id: server.id };
    },
    async cancel(id) {
      const server = serverOf(id);
      if (!server?.queued) return 'notQueued';
      if (waiting.has(id)) {
        await drop(id);
        return 'cancelled';
      }
      // its own window may be starting it this very moment, so it is asked, not pushed aside
      await registry.save({ ...server, stopRequested: true });
      for (let look = 0; look < ANSWER_LOOKS; look++) {
        await clock.sleep(POLL_MS, over.signal);
        await sync();
        const now = serverOf(id);
        if (!now) return 'cancelled';
        if (!now.queued) return 'notQueued';
      }
      return 'unanswered';
    },
    follow() {
      const check = () => {
        for (const [id, { begun }] of [...locked]) {
          const server = serverOf(id);
          const goesOn = server
            ? server.phase === 'starting' || server.phase === 'stopping'
            : !begun;
          if (goesOn) continue;
          void letGo(id);
        }
      };
      const unwatch = store.watch((state) => state.servers, check);
      return () => {
        over.abort();
        unwatch();
      };
    },
  };
}

const titleOf = ({ title }: Server): string => title;

function isWaiting(server: Server | undefined): server is Server {
  return server?.queued != null && server.phase === 'starting';
}

/** By the time of the wish; of two in the same millisecond by id, so that all windows agree. */
function isBefore(a: Server, b: Server): boolean {
  const [at, bt] = [a.queued?.sinceMs ?? a.startedAtMs, b.queued?.sinceMs ?? b.startedAtMs];
  return at === bt ? a.id < b.id : at < bt;
}
