/**
 * After a window reload: each recorded launch is looked up by identity, never by name. A living main process is
 * watched on; a dead one whose engine lives stays recorded, so that the cleanup knows its orphans as ours.
 */
import { launchFamily } from '../processes/family';
import type { ProcessInfo } from '../processes/process';
import type { AppContext } from './appContext';
import type { Observer } from './observer';
import type { Server } from './state';

export async function findServersAgain(context: AppContext, observer: Observer): Promise<void> {
  const saved = await context.registry.load();
  if (saved.length === 0) return;
  const table = await context.table.all();
  for (const server of saved) {
    if (context.store.state().servers.some((known) => known.id === server.id)) continue;
    await placeServer(context, observer, server, table);
  }
}

async function placeServer(
  context: AppContext,
  observer: Observer,
  server: Server,
  table: readonly ProcessInfo[],
): Promise<void> {
  const { store, log, registry, clock } = context;
  if (!server.record) {
    // a model in a daemon that isn't ours: whether it is still loaded, the daemon tells
    store.dispatch({ type: 'serverAdded', server: { ...server, phase: 'lost' } });
    observer.watch(server.id);
    return;
  }
  if (table.length === 0) {
    // a table that could not be read is no proof that anything ended
    store.dispatch({ type: 'serverAdded', server: { ...server, phase: 'lost' } });
    observer.watch(server.id);
    return;
  }
  const family = launchFamily(server.record, table);
  log.info('found again', family.main ? 'alive' : 'main process gone', {
    id: server.id,
    left: family.all.length,
  });
  if (family.main) {
    const phase = server.readyAtMs === null ? 'starting' : 'lost';
    store.dispatch({ type: 'serverAdded', server: { ...server, phase } });
    observer.watch(server.id);
    return;
  }
  const left = family.all;
  if (left.length === 0) {
    await registry.remove(server.id);
    return;
  }
  store.dispatch({
    type: 'serverAdded',
    server: {
      ...server,
      phase: 'ended',
      endReason: 'crashed',
      endedAtMs: clock.now(),
      stillHeld: `left over: PID ${left.map((one) => String(one.pid)).join(', ')}`,
      seen: false,
    },
  });
}
