/**
 * Every window shows the same: what another window starts, moves on, stops or takes off the list is read from the
 * launch files. The folder's time of change tells when to read, so looking costs one call a second.
 */
import type { ProcessIdentity } from '../../processes/process';
import { findAlive, indexTable, isSame } from '../../processes/tree';
import type { AppContext } from '../appContext';
import { placeServer } from './foundAgain';
import type { Observer } from './observer';
import { isStillThere, ownIdentity } from '../owner';
import { oneAtATime } from '../../shared/turns';
import { liveServers, type Server, type ServerFacts } from '../state';

const POLL_MS = 1_000;
/** A disk may write its times in steps this long: what came later in the same step does not show. */
const COARSE_TIME_MS = 2_000;
/** However quiet the folder seems: a network disk may say so for long. */
const READ_ANYWAY_MS = 30_000;
/** More than this between two clocks that should go alike: the clock was set, or the machine slept. */
const JUMP_MS = 5_000;

export interface SharedLaunches {
  /** Resolves when everything written before the call has been taken over. */
  sync(): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
}

export function createSharedLaunches(context: AppContext, observer: Observer): SharedLaunches {
  const { store, registry, table, clock, log } = context;
  /** What was taken off the list here does not come back because its leftovers keep its file. */
  const listedOnce = new Set<string>();
  let own: ProcessIdentity | null = null;

  const isOwn = ({ owner }: Server) => owner !== null && own !== null && isSame(owner, own);
  const serverOf = (id: string) => store.state().servers.find((server) => server.id === id);
  const change = (id: string, changed: ServerFacts) =>
    store.dispatch({ type: 'serverChanged', id, change: changed });

  function noteListed(): void {
    for (const { id } of store.state().servers) listedOnce.add(id);
  }

  async function takeOver(): Promise<void> {
    own ??= await ownIdentity(table);
    // before as well: what is taken off the list while its file is read must not come back
    noteListed();
    const saved = await readChanged();
    noteListed();
    const unknown = saved.filter(({ id }) => !listedOnce.has(id));
    const rows = unknown.length > 0 ? await table.all() : [];
    for (const server of unknown) {
      listedOnce.add(server.id);
      if (!serverOf(server.id)) await placeServer(context, observer, server, rows);
    }
    const savedIds = new Set(saved.map(({ id }) => id));
    for (const server of saved) follow(server);
    for (const server of liveServers(store.state()))
      if (!savedIds.has(server.id)) await lookForFate(server);
    await dropAbandoned();
  }

  let seen: { changedAt: number | null; sinceMs: number; saved: readonly Server[] } | null = null;

  /** A folder that has not changed for a while is not read again. */
  async function readChanged(): Promise<readonly Server[]> {
    const changedAt = await registry.changedAt();
    const nowMs = clock.elapsedMs();
    const isNew = seen?.changedAt !== changedAt;
    const quietMs = seen ? nowMs - seen.sinceMs : 0;
    if (seen && !isNew && quietMs > COARSE_TIME_MS && quietMs < READ_ANYWAY_MS) return seen.saved;
    const saved = await registry.load();
    seen = {
      changedAt,
      sinceMs: isNew || !seen || quietMs >= READ_ANYWAY_MS ? nowMs : seen.sinceMs,
      saved,
    };
    return saved;
  }

  /** Of a launch that is in the list already: what its own window knows first. */
  function follow(saved: Server): void {
    const known = serverOf(saved.id);
    if (!known || known.phase === 'ended') return;
    const { id } = saved;
    // one that waits in another window is cancelled there
    const isToldHere = !known.queued || isOwn(known);
    if (saved.stopRequested && !known.stopRequested && isToldHere)
      store.dispatch({ type: 'serverLived', id, event: { type: 'stopRequested' } });
    if (observer.hears(id)) return;
    if (saved.queued !== known.queued && !isOwn(known)) {
      const isNew = JSON.stringify(saved.queued) !== JSON.stringify(known.queued);
      if (isNew) change(id, { queued: saved.queued, startedAtMs: saved.startedAtMs });
    }
    const { stage, progress } = saved;
    // a load that is asked for here is known here first
    if (
      known.phase === 'starting' &&
      !isOwn(known) &&
      (stage !== known.stage || !isSameProgress(progress, known.progress))
    )
      change(id, { stage, progress });
    if (saved.record && !known.record && known.phase !== 'stopping') {
      const { record, command, port, servedModelName, engineVersion } = saved;
      change(id, { record, command, port, servedModelName, engineVersion, queued: null });
      observer.watch(id);
    }
  }

  async function lookForFate(server: Server): Promise<void> {
    const fate = await registry.fateOf(server.id);
    if (!fate || !serverOf(server.id)) return;
    if (fate.end === 'removed') store.dispatch({ type: 'serverRemoved', id: server.id });
    // its leftovers are waited for there, not here
    else void observer.ended(server.id, fate.exitCode);
  }

  /** Launches that another window queued, or was about to start, and then died. */
  async function dropAbandoned(): Promise<void> {
    for (const server of liveServers(store.state())) {
      const { id, owner, record, launch } = server;
      const hasBegun = record !== null || (launch === 'request' && !server.queued);
      if (!owner || isOwn(server) || hasBegun) continue;
      if (await isStillThere(table, owner)) continue;
      const rows = await table.all();
      // one that could not be read is no proof that anybody is gone
      if (rows.length === 0 || findAlive(indexTable(rows), owner)) continue;
      const saved = await registry.read(id);
      store.dispatch({ type: 'serverRemoved', id });
      if (saved) await placeServer(context, observer, saved, rows);
    }
  }

  const sync = oneAtATime(() =>
    takeOver().catch((error: unknown) =>
      log.error('shared', 'could not look', { error: String(error) }),
    ),
  );

  return {
    sync,
    async run(signal) {
      let skewMs = clock.now() - clock.elapsedMs();
      while (!signal.aborted) {
        await sync();
        const skewNowMs = clock.now() - clock.elapsedMs();
        if (Math.abs(skewNowMs - skewMs) > JUMP_MS) {
          log.info('shared', 'the clock was set, or the machine slept', {
            seconds: Math.round((skewNowMs - skewMs) / 1000),
          });
          observer.lookNow();
        }
        skewMs = skewNowMs;
        await clock.sleep(POLL_MS, signal);
      }
    },
  };
}

function isSameProgress(a: Server['progress'], b: Server['progress']): boolean {
  return a?.done === b?.done && a?.total === b?.total;
}
