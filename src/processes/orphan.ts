/**
 * Is an engine process nobody's any more? Decided by the parents it has and had, never by its name alone.
 * Rules from what vLLM 0.32 and Ollama 0.24/0.32 really leave behind: whoever creates an engine process is a Python
 * process (or `ollama serve`) in the same process group, and when it dies the kernel hands the child to a reaper.
 */
import type { ProcessInfo } from './process';
import { isEngineRole, isServerRole, roleOf, type ProcessRole } from './role';
import { ancestorsOf, isAlive, parentOf, startedBefore, type ProcessIndex } from './tree';

export interface OrphanVerdict {
  readonly isOrphan: boolean;
  /** The evidence for either answer, in words. */
  readonly why: string;
  /** Who owns it, where that is known. */
  readonly owner: ProcessInfo | null;
}

/** These answer for the engine processes below them, also when they rename themselves. */
const OWNING_ROLES: ReadonlySet<ProcessRole> = new Set([
  'vllmServer',
  'ollamaServer',
  'notebook',
  'ray',
]);

/** Ports that programs listen on; a pid that is absent was not looked at. */
type Listening = ReadonlyMap<number, readonly number[]> | undefined;

/** Expects an engine process (`isEngineRole`); judges nothing about users, age or namespaces. */
export function judgeOrphan(
  process: ProcessInfo,
  index: ProcessIndex,
  listening?: Listening,
): OrphanVerdict {
  const parent = parentOf(index, process);
  const owner = findOwner(process, index);
  if (owner) return owned(owner, `${describe(owner)} above it is alive`);
  // a table read while it changes may show two processes as each other's parents
  const isCircle = parent !== null && isBelow(parent, process, index);
  if (parent && !isCircle && isEngineRole(roleOf(parent)) && isAlive(parent)) {
    const above = judgeOrphan(parent, index, listening);
    return { ...above, why: `its engine process ${parent.pid}: ${above.why}` };
  }
  const reaper = reaperOf(process, parent);
  if (reaper === null)
    return unclear(
      parent
        ? `its parent is ${describe(parent)}, and it is not known whether that one made it`
        : 'its parent cannot be seen',
    );
  if (process.pid === process.sid || process.pid === process.pgid)
    return unclear('it leads a group of its own: no server does that with what it makes');
  const companion = findCompanion(process, index, listening);
  if (companion)
    return owned(companion, `${describe(companion)} of the same process group is alive`);
  return {
    isOrphan: true,
    owner: null,
    why: `the server that made it is gone: its parent is now ${reaper}, and no server is left in its process group ${process.pgid ?? ''}`,
  };
}

function owned(owner: ProcessInfo, why: string): OrphanVerdict {
  return { isOrphan: false, owner, why };
}

function unclear(why: string): OrphanVerdict {
  return { isOrphan: false, owner: null, why };
}

/**
 * Servers, kernels and Ray answer for all below them. A plain Python program only if it shares group or session with
 * the process, as a maker does: pid 1 of a container or a launching tool may be Python, too.
 */
function findOwner(process: ProcessInfo, index: ProcessIndex): ProcessInfo | null {
  const owner = ancestorsOf(index, process).find((ancestor) => {
    const role = roleOf(ancestor);
    if (!isAlive(ancestor)) return false;
    return role === 'python' ? sharesGroup(ancestor, process) : OWNING_ROLES.has(role);
  });
  return owner ?? null;
}

function sharesGroup(one: ProcessInfo, other: ProcessInfo): boolean {
  const hasNone = one.pgid === null && one.sid === null;
  return (
    hasNone ||
    (one.pgid !== null && one.pgid === other.pgid) ||
    (one.sid !== null && one.sid === other.sid)
  );
}

/**
 * How the present parent is known not to be the maker; null where that is not known. A maker shares group and session
 * with what it makes. Reapers and shells make no engines. A parent missing from the table proves nothing, except pid 1,
 * which some hosts hide from ordinary users.
 */
function reaperOf(process: ProcessInfo, parent: ProcessInfo | null): string | null {
  if (!parent) return process.ppid === 1 ? 'pid 1' : null;
  const role = roleOf(parent);
  if (role === 'reaper' || (parent.pid === 1 && role === 'shell')) return describe(parent);
  if ((role !== 'other' && role !== 'python') || sharesGroup(parent, process)) return null;
  return parent.pid === 1 ? describe(parent) : `${describe(parent)} of another session`;
}

/**
 * A live member of the same group that could be the maker or still serve: a server, an unknown program that listens on a
 * port (a front end may have let somebody else make its engine), or a Python program at least as old as the process.
 * Everything an engine makes for itself does not count.
 */
function findCompanion(
  process: ProcessInfo,
  index: ProcessIndex,
  listening: Listening,
): ProcessInfo | null {
  const group = process.pgid === null ? [] : (index.groups.get(process.pgid) ?? []);
  return (
    group.find((other) => {
      if (other.pid === process.pid || !isAlive(other)) return false;
      const role = roleOf(other);
      if (isServerRole(role)) return !isBelow(other, process, index);
      if (role === 'python' || role === 'notebook' || role === 'ray')
        return !startedBefore(process, other);
      // `vllm serve … | tee log`, a script, a wrapper: none of these is a server, and none can be the maker.
      return role === 'other' && (listening?.get(other.pid) ?? []).length > 0;
    }) ?? null
  );
}

function isBelow(process: ProcessInfo, top: ProcessInfo, index: ProcessIndex): boolean {
  return ancestorsOf(index, process).some(({ pid }) => pid === top.pid);
}

/** `python 4711`, as people know it from `ps`. */
export function describe(process: ProcessInfo): string {
  return `${process.comm} ${process.pid}`;
}
