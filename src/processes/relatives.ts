/** Which leftovers go together: an engine takes its workers along, and none of them is ended without the engine above. */
import type { Holder } from './process';
import { isEngineRole, roleOf } from './role';
import { ancestorsOf, type ProcessIndex } from './tree';

/** Each holder that may be ended gets those that go with it: the engines above it and what is below it, not its siblings. */
export function withRelatives(holders: readonly Holder[], index: ProcessIndex): readonly Holder[] {
  const canEnd = new Set(holders.filter((holder) => holder.canEnd).map(({ pid }) => pid));
  const relatives = new Map([...canEnd].map((pid) => [pid, new Set<number>()]));
  for (const pid of canEnd) {
    const process = index.byPid.get(pid);
    for (const above of process ? ancestorsOf(index, process) : []) {
      if (!canEnd.has(above.pid) || !isEngineRole(roleOf(above))) continue;
      relatives.get(pid)?.add(above.pid);
      relatives.get(above.pid)?.add(pid);
    }
  }
  return holders.map((holder) => {
    const goesWith = relatives.get(holder.pid);
    return goesWith && goesWith.size > 0 ? { ...holder, goesWith: [...goesWith] } : holder;
  });
}
