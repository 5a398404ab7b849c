import type { LaunchRecord, ProcessInfo } from '../../processes/process';
import type { LaunchFamily } from '../../processes/family';
import { identityKey, identityOf } from '../../processes/tree';
import type { AppContext } from '../appContext';
import type { Server } from '../state';

/** Who runs: everything later found and signalled is judged against this. */
export function recordOf(
  { id, wish, port }: Pick<Server, 'id' | 'wish' | 'port'>,
  main: ProcessInfo,
  family: readonly ProcessInfo[] = [main],
): LaunchRecord {
  return {
    launchId: id,
    engine: wish.engine,
    main: identityOf(main),
    pgid: main.pgid,
    sid: main.sid,
    port,
    seen: family.map(identityOf),
  };
}

/** Adds newly seen processes to the record, so that ranks which leave the group later are still known as ours. */
export async function addToRecord(
  context: AppContext,
  server: Server,
  family: LaunchFamily,
): Promise<void> {
  const { record } = server;
  if (!record) return;
  const known = new Set(record.seen.map(identityKey));
  const added = family.all.filter((one) => !known.has(identityKey(one)));
  if (added.length === 0) return;
  const change = { record: { ...record, seen: [...record.seen, ...added.map(identityOf)] } };
  context.store.dispatch({ type: 'serverChanged', id: server.id, change });
  await context.registry.save({ ...server, ...change });
}
