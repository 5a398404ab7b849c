/**
 * A recorded launch that is not in the list yet, after a reload or from another window: looked up by identity, never
 * by name. A living main process is watched on; a dead one whose engine lives stays recorded, so that the cleanup
 * knows its orphans as ours.
 */
import { LAUNCH_MARK, type ProcessInfo } from '../../processes/process';
import { launchFamily } from '../../processes/family';
import { isAlive } from '../../processes/tree';
import type { AppContext } from '../appContext';
import { recordOf } from './launchRecord';
import type { Observer } from './observer';
import { isStillThere } from '../owner';
import type { Server } from '../state';

export async function placeServer(
  context: AppContext,
  observer: Observer,
  server: Server,
  table: readonly ProcessInfo[],
): Promise<void> {
  const { store, log, registry, clock, apiKeys } = context;
  const watch = (placed: Server) => {
    store.dispatch({ type: 'serverAdded', server: placed });
    observer.watch(server.id);
    // kept for a restart: at its end whichever window sees it first forgets the stored ones
    void apiKeys.allOf(server);
  };
  // a home folder may be shared by several machines: what another one started is neither seen nor ended here
  const bootId = server.record?.main.bootId ?? server.owner?.bootId;
  if (bootId !== undefined && isForeignBoot(table, bootId)) return;
  const isOwned = server.owner !== null && (await isStillThere(context.table, server.owner));
  if (server.queued) {
    if (isOwned) store.dispatch({ type: 'serverAdded', server });
    // its window is closed, and nobody else knows how to start it
    else if (server.owner && table.length > 0) await registry.remove(server.id);
    return;
  }
  if (!server.record && server.launch === 'process') {
    await placeUnrecorded(context, observer, server, table, isOwned);
    return;
  }
  if (!server.record) {
    // a model in a daemon that isn't ours: whether it is still loaded, the daemon tells
    watch({ ...server, phase: isOwned && server.readyAtMs === null ? 'starting' : 'lost' });
    return;
  }
  if (table.length === 0) {
    // a table that could not be read is no proof that anything ended
    watch({ ...server, phase: 'lost' });
    return;
  }
  const family = launchFamily(server.record, table);
  log.info('found again', family.main ? 'alive' : 'main process gone', {
    id: server.id,
    left: family.all.length,
  });
  if (family.main) {
    const phase = server.readyAtMs === null ? 'starting' : 'lost';
    watch({ ...server, phase });
    return;
  }
  const left = family.all;
  if (left.length === 0) {
    await Promise.all([registry.remove(server.id), apiKeys.forget(server.id)]);
    return;
  }
  store.dispatch({
    type: 'serverAdded',
    server: {
      ...server,
      phase: 'ended',
      endReason: server.stopRequested ? 'stopped' : 'crashed',
      endedAtMs: clock.now(),
      stillHeld: `left over: PID ${left.map((one) => String(one.pid)).join(', ')}`,
      seen: false,
    },
  });
}

/** Its window wrote it down before it started the process: it is about to, or it died in between. */
async function placeUnrecorded(
  { store, registry, table: doors, log, apiKeys }: AppContext,
  observer: Observer,
  server: Server,
  table: readonly ProcessInfo[],
  isOwned: boolean,
): Promise<void> {
  if (isOwned) {
    store.dispatch({ type: 'serverAdded', server });
    return;
  }
  if (table.length === 0) return;
  const { uid } = await doors.self();
  // environments hold secrets: only those of this user's processes are opened, and only for our own variable
  for (const process of table) {
    if (process.uid !== uid || !process.sameNamespace || !isAlive(process)) continue;
    if ((await doors.environmentValue(process.pid, LAUNCH_MARK)) !== server.id) continue;
    const parent = table.find(({ pid }) => pid === process.ppid);
    const isChild =
      parent?.uid === uid && (await doors.environmentValue(parent.pid, LAUNCH_MARK)) === server.id;
    if (isChild) continue;
    log.info('found again', 'by its mark', { id: server.id, pid: process.pid });
    const found = { ...server, record: recordOf(server, process) };
    store.dispatch({ type: 'serverAdded', server: found });
    await registry.save(found);
    observer.watch(server.id);
    return;
  }
  log.info('found again', 'its window died before it started', { id: server.id });
  await Promise.all([registry.remove(server.id), apiKeys.forget(server.id)]);
}

/** Only told where there are rows: all of them are of this boot. */
function isForeignBoot(table: readonly ProcessInfo[], bootId: string): boolean {
  const [first] = table;
  return first !== undefined && first.bootId !== bootId;
}
