/** The process table as a tree, a set of groups, and a set of sessions. Survives pid reuse, holes and cycles. */
import type { ProcessIdentity, ProcessInfo } from './process';

export interface ProcessIndex {
  readonly all: readonly ProcessInfo[];
  readonly byPid: ReadonlyMap<number, ProcessInfo>;
  readonly children: ReadonlyMap<number, readonly ProcessInfo[]>;
  readonly groups: ReadonlyMap<number, readonly ProcessInfo[]>;
}

/** Of rows with one pid the last counts. */
export function indexTable(table: readonly ProcessInfo[]): ProcessIndex {
  const byPid = new Map(table.map((process) => [process.pid, process]));
  const all = [...byPid.values()];
  return {
    all,
    byPid,
    children: groupBy(all, (process) => process.ppid),
    groups: groupBy(all, (process) => process.pgid),
  };
}

function groupBy(
  all: readonly ProcessInfo[],
  key: (process: ProcessInfo) => number | null,
): ReadonlyMap<number, readonly ProcessInfo[]> {
  const groups = new Map<number, ProcessInfo[]>();
  for (const process of all) {
    const value = key(process);
    if (value === null) continue;
    const group = groups.get(value);
    if (group) group.push(process);
    else groups.set(value, [process]);
  }
  return groups;
}

/** The same process for good: pid, start and boot. */
export function isSame(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return one.pid === other.pid && one.startTime === other.startTime && one.bootId === other.bootId;
}

/** Map key of an identity. */
export function identityKey(process: ProcessIdentity): string {
  return `${process.bootId}/${process.pid}/${process.startTime}`;
}

/** Only what tells it apart. */
export function identityOf({ pid, startTime, bootId }: ProcessIdentity): ProcessIdentity {
  return { pid, startTime, bootId };
}

/** The live row with this identity, or null. A zombie counts as gone: it has let go of its memory and takes no signal. */
export function findAlive(index: ProcessIndex, identity: ProcessIdentity): ProcessInfo | null {
  const found = index.byPid.get(identity.pid);
  return found && isSame(found, identity) && isAlive(found) ? found : null;
}

/** Z: ended, waits for its parent to take note. X: the kernel is just removing it. */
export function isAlive(process: ProcessInfo): boolean {
  return process.state !== 'Z' && process.state !== 'X';
}

/** By start stamp, which is a number as text on every system. False for equal ones. */
export function startedBefore(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return Number(one.startTime) < Number(other.startTime);
}

/** Parent by pid, unless that pid was given to somebody younger since: a parent is never younger than its child. */
export function parentOf(index: ProcessIndex, process: ProcessInfo): ProcessInfo | null {
  const parent = index.byPid.get(process.ppid);
  return parent && parent.pid !== process.pid && !startedBefore(process, parent) ? parent : null;
}

/** Nearest first. Ends at a hole in the table. */
export function ancestorsOf(index: ProcessIndex, process: ProcessInfo): readonly ProcessInfo[] {
  const found: ProcessInfo[] = [];
  const seen = new Set([process.pid]);
  for (let next = parentOf(index, process); next && !seen.has(next.pid);) {
    seen.add(next.pid);
    found.push(next);
    next = parentOf(index, next);
  }
  return found;
}

/** Every generation below, without the process itself; stops at what `skip` names. */
export function descendantsOf(
  index: ProcessIndex,
  process: ProcessInfo,
  skip: (process: ProcessInfo) => boolean = () => false,
): readonly ProcessInfo[] {
  const found = new Map<number, ProcessInfo>();
  const queue = [process];
  for (let next = queue.pop(); next; next = queue.pop()) {
    for (const child of index.children.get(next.pid) ?? []) {
      if (child.pid === process.pid || found.has(child.pid) || skip(child)) continue;
      if (parentOf(index, child) !== next) continue;
      found.set(child.pid, child);
      queue.push(child);
    }
  }
  return [...found.values()];
}
