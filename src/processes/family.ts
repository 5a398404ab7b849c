/** Which live processes belong to one launch: by recorded identity, by descent, by a group or session of its own. */
import { judgeOrphan } from './orphan';
import type { LaunchRecord, ProcessInfo } from './process';
import { isEngineRole, isInteractiveShell, isUntouchableRole, roleOf } from './role';
import {
  descendantsOf,
  findAlive,
  identityKey,
  indexTable,
  isAlive,
  isSame,
  startedBefore,
  type ProcessIndex,
} from './tree';

export interface LaunchFamily {
  /** The API server (or `ollama serve`); null once it is gone. */
  readonly main: ProcessInfo | null;
  /** vLLM's EngineCores, Ollama's runners; also half-started ones without a title yet. */
  readonly engines: readonly ProcessInfo[];
  readonly workers: readonly ProcessInfo[];
  /** Resource tracker, compile workers, coordinators, more API servers. */
  readonly others: readonly ProcessInfo[];
  /**
   * Who may be signalled, in the order of a safe end: engines, workers, others, main. Zombies are not in it; nobody
   * is where main turns out to be a shell, an editor, or an ancestor of ours.
   */
  readonly all: readonly ProcessInfo[];
}

export interface FamilyEvidence {
  /** Pids whose environment carries this launch's mark. */
  readonly marked?: ReadonlySet<number>;
  /** Never taken in: ourselves and our ancestors. */
  readonly protectedPids?: readonly number[];
  /** User of the launch, once main is gone and cannot tell; members of other users are never taken. */
  readonly uid?: number | null;
  /** Ports that programs listen on, by pid: who listens beside an engine may still serve with it. */
  readonly listening?: ReadonlyMap<number, readonly number[]> | undefined;
}

/**
 * Descent proves membership while the parent lives. After that a group or session number proves it only while that
 * number cannot have been given away: the kernel keeps it as long as one member is left, so main itself, a recorded
 * process or a marked one must still stand in it. Without such a witness the number may have been another's since: then
 * only orphans with the title of an engine are taken, because any program's helper, and the engine of a later server
 * whose first process is gone, can stand in such a group, too.
 */
export function launchFamily(
  record: LaunchRecord,
  table: readonly ProcessInfo[] | ProcessIndex,
  evidence: FamilyEvidence = {},
): LaunchFamily {
  const index = 'byPid' in table ? table : indexTable(table);
  const main = findAlive(index, record.main);
  const uid = main?.uid ?? evidence.uid ?? null;
  const protectedPids = new Set(evidence.protectedPids);
  const seenKeys = new Set(record.seen.map(identityKey));

  const isForeign = (process: ProcessInfo): boolean =>
    protectedPids.has(process.pid) ||
    process.bootId !== record.main.bootId ||
    !process.sameNamespace ||
    (uid !== null && process.uid !== uid) ||
    isUntouchableRole(roleOf(process)) ||
    isInteractiveShell(process);

  const members = new Map<number, ProcessInfo>();
  const take = (process: ProcessInfo): void => {
    if (!isAlive(process) || isForeign(process)) return;
    members.set(process.pid, process);
    for (const child of descendantsOf(index, process, isForeign))
      if (isAlive(child)) members.set(child.pid, child);
  };

  // Where main is somebody's shell or editor the record is wrong: better nobody than everything below it.
  if (main && isForeign(main)) return { main, engines: [], workers: [], others: [], all: [] };
  if (main) take(main);
  for (const process of index.all)
    if (seenKeys.has(identityKey(process)) || evidence.marked?.has(process.pid) === true)
      take(process);
  for (const process of ownGroup(record, index)) {
    if (isSame(process, record.main) || startedBefore(process, record.main)) continue;
    if (
      hasWitness(record, index, process, seenKeys, evidence.marked) ||
      isTitledOrphan(process, index, evidence.listening)
    )
      take(process);
  }
  return sort(main, members);
}

/** Members of the recorded group and session, where these were the server's own and their number is not in new hands. */
function ownGroup(record: LaunchRecord, index: ProcessIndex): readonly ProcessInfo[] {
  const number = record.main.pid;
  const holder = index.byPid.get(number);
  if (holder && !isSame(holder, record.main)) return [];
  const ownsGroup = record.pgid === number;
  const ownsSession = record.sid === number;
  return index.all.filter(
    ({ pgid, sid }) => (ownsGroup && pgid === number) || (ownsSession && sid === number),
  );
}

function isTitledOrphan(
  process: ProcessInfo,
  index: ProcessIndex,
  listening: FamilyEvidence['listening'],
): boolean {
  const role = roleOf(process);
  return (
    isEngineRole(role) && role !== 'spawned' && judgeOrphan(process, index, listening).isOrphan
  );
}

function hasWitness(
  record: LaunchRecord,
  index: ProcessIndex,
  process: ProcessInfo,
  seenKeys: ReadonlySet<string>,
  marked: ReadonlySet<number> | undefined,
): boolean {
  const number = record.main.pid;
  return index.all.some(
    (other) =>
      other.pid !== process.pid &&
      (isSame(other, record.main) ||
        seenKeys.has(identityKey(other)) ||
        marked?.has(other.pid) === true) &&
      (other.pgid === number || other.sid === number),
  );
}

function sort(main: ProcessInfo | null, members: ReadonlyMap<number, ProcessInfo>): LaunchFamily {
  const engines: ProcessInfo[] = [];
  const workers: ProcessInfo[] = [];
  const others: ProcessInfo[] = [];
  for (const process of members.values()) {
    if (process.pid === main?.pid) continue;
    const role = roleOf(process);
    // Before it has its title a process that hangs below another of them is a worker, one below main an engine.
    const parent = members.get(process.ppid);
    const below = parent !== undefined && isEngineRole(roleOf(parent));
    if (role === 'vllmEngine' || role === 'ollamaRunner') engines.push(process);
    else if (role === 'vllmWorker') workers.push(process);
    else if (role === 'spawned') (below ? workers : engines).push(process);
    else others.push(process);
  }
  const last = main ? [main] : [];
  return { main, engines, workers, others, all: [...engines, ...workers, ...others, ...last] };
}
