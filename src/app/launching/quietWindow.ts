/**
 * Watches the cards on which a server starts: vLLM measures free memory before and after its profiling run, so what
 * other processes take or give back meanwhile ends up in its own account (determine_available_memory in its gpu_worker.py). What is seen
 * is kept with the server, for its notes and for the diagnosis of a failed start.
 */
import type { Holder } from '../../processes/process';
import type { AppContext } from '../appContext';
import { shareGpu } from './launchGpus';
import type { Disturbance, Server } from '../state';

/** Below this it is the ordinary breathing of a desktop. */
const WORTH_A_WORD_BYTES = 64 * 2 ** 20;

interface Seen {
  lowestBytes: number;
  highestBytes: number;
  grewBytes: number;
  shrankBytes: number;
}

/** Runs until the returned function is called. Per server: every foreign process's figures since its start. */
export function watchQuietWindow({ store, log }: Pick<AppContext, 'store' | 'log'>): () => void {
  const windows = new Map<string, Map<number, Seen | null>>();

  function look(holders: readonly Holder[]): void {
    // without a working tool the list is empty, which says nothing about anybody
    if (store.state().gpu.status !== 'ok') return;
    const starting = store.state().servers.filter(isStarting);
    for (const id of windows.keys())
      if (!starting.some((server) => server.id === id)) windows.delete(id);
    for (const server of starting) {
      const isFirst = !windows.has(server.id);
      // nothing listed may mean that nobody has looked yet: then the first list is what counts as there before
      if (isFirst && holders.length === 0) continue;
      const seen = windows.get(server.id) ?? new Map<number, Seen | null>();
      windows.set(server.id, seen);
      const others = holders.filter((holder) => isForeign(holder, server));
      for (const holder of others) note(seen, holder, isFirst);
      for (const [pid, one] of seen)
        // gone: what it held came back
        if (one && !holders.some((holder) => holder.pid === pid)) update(one, 0);
      tell(server, seen, holders);
    }
  }

  function tell(
    server: Server,
    seen: ReadonlyMap<number, Seen | null>,
    holders: readonly Holder[],
  ): void {
    const own = pidsOf(server);
    const disturbances = [...seen].flatMap(([pid, one]): Disturbance[] => {
      const { grewBytes, shrankBytes } = one ?? { grewBytes: 0, shrankBytes: 0 };
      // its own processes are known a little later than the card lists them
      if (own.has(pid) || Math.max(grewBytes, shrankBytes) < WORTH_A_WORD_BYTES) return [];
      const before = server.disturbances.find((one) => one.pid === pid);
      const isSame = before?.grewBytes === grewBytes && before.shrankBytes === shrankBytes;
      if (isSame) return [before];
      const holder = holders.find((one) => one.pid === pid);
      const command = holder?.command ?? before?.command ?? null;
      const gpus = holder?.gpus ?? before?.gpus ?? [];
      return [{ pid, command, gpus, grewBytes, shrankBytes, stage: server.stage }];
    });
    if (JSON.stringify(disturbances) === JSON.stringify(server.disturbances)) return;
    log.info('quiet', 'memory moved during a start', {
      id: server.id,
      pids: disturbances.map(({ pid }) => pid).join(),
    });
    store.dispatch({ type: 'serverChanged', id: server.id, change: { disturbances } });
  }

  const unwatchers = [
    store.watch((state) => state.holders, look),
    // what is there when a start begins is what everything after it is measured against
    store.watch(
      (state) => startingIds(state.servers),
      () => look(store.state().holders),
    ),
  ];
  return () => {
    for (const unwatch of unwatchers) unwatch();
  };
}

function isStarting({ phase, queued }: Server): boolean {
  return phase === 'starting' && !queued;
}

/** As one text, because listeners compare by identity. */
function startingIds(servers: readonly Server[]): string {
  return servers
    .filter(isStarting)
    .map(({ id }) => id)
    .join(' ');
}

/** In another namespace nobody can tell whose process it is: it may be the server's own. */
function isForeign(holder: Holder, server: Server): boolean {
  return (
    holder.class !== 'otherNamespace' &&
    holder.class !== 'deadPid' &&
    !pidsOf(server).has(holder.pid) &&
    shareGpu(holder.gpus, server.gpus)
  );
}

function pidsOf({ record }: Server): ReadonlySet<number> {
  return new Set(record ? [record.main.pid, ...record.seen.map(({ pid }) => pid)] : []);
}

/** Who comes later comes from nothing; who was there before has its first figure to start from. */
function note(seen: Map<number, Seen | null>, { pid, usedBytes }: Holder, isFirst: boolean): void {
  const known = seen.get(pid);
  if (usedBytes === null) {
    if (known === undefined) seen.set(pid, null);
    return;
  }
  if (known) {
    update(known, usedBytes);
    return;
  }
  // what was there without a figure may have held as much before
  const fromBytes = isFirst || known === null ? usedBytes : 0;
  seen.set(pid, {
    lowestBytes: fromBytes,
    highestBytes: usedBytes,
    grewBytes: usedBytes - fromBytes,
    shrankBytes: 0,
  });
}

function update(seen: Seen, usedBytes: number): void {
  seen.grewBytes = Math.max(seen.grewBytes, usedBytes - seen.lowestBytes);
  seen.shrankBytes = Math.max(seen.shrankBytes, seen.highestBytes - usedBytes);
  seen.lowestBytes = Math.min(seen.lowestBytes, usedBytes);
  seen.highestBytes = Math.max(seen.highestBytes, usedBytes);
}
