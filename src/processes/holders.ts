/** Who holds GPU memory, whose process that is, and what is the right thing to do about it. */
import type { GpuProcess } from '../gpu/gpu';
import { launchFamily } from './family';
import { classifyForeign } from './foreignHolder';
import { HOLDER_WORDS } from './holderWords';
import { describe, judgeOrphan } from './orphan';
import type { Holder, ProcessInfo } from './process';
import { onlyDraws } from './programAdvice';
import { commandForShowing, redactText } from './redact';
import { withRelatives } from './relatives';
import { isEngineRole, isInteractiveShell, isServerRole, isUntouchableRole, roleOf } from './role';
import { handsOff, type HoldersInput, type Judgement, type Scene } from './scene';
import { ancestorsOf, descendantsOf, indexTable, isAlive, type ProcessIndex } from './tree';

/**
 * One holder per GPU row, then the leftovers without a row that belong to one of ours which died, or to a leftover
 * with a row (under tensor parallel the EngineCore holds nothing, but must be ended first).
 */
export function classifyHolders(input: HoldersInput): readonly Holder[] {
  const scene = openScene(input);
  const rows = input.gpuProcesses.map((row) => holderOfRow(row, scene));
  const listed = new Set(rows.map(({ pid }) => pid));
  const silent = silentLeftovers(scene, rows).filter(({ pid }) => !listed.has(pid));
  const leftovers = silent.map((process) =>
    toHolder(process, judge(process, scene), scene, null, []),
  );
  return withRelatives([...rows, ...leftovers], scene.index);
}

function openScene(input: HoldersInput): Scene {
  const index = indexTable(input.table);
  const evidence = input.evidence ?? {};
  const families = input.launches.map((launch) => {
    const marked = new Set(
      [...(evidence.marks ?? [])]
        .filter(([, launchId]) => launchId === launch.record.launchId)
        .map(([pid]) => pid),
    );
    const { uid, protectedPids } = input.self;
    const known = { marked, protectedPids, uid, listening: evidence.listening };
    return { launch, family: launchFamily(launch.record, index, known) };
  });
  return { ...input, index, evidence, families };
}

function holderOfRow(row: GpuProcess, scene: Scene): Holder {
  const process = scene.index.byPid.get(row.pid);
  if (process)
    return toHolder(process, judge(process, scene, row.type), scene, row.usedBytes, row.gpus);
  const { class: holderClass, reason, remedy } = judgeMissing(scene);
  return {
    pid: row.pid,
    startTime: null,
    startedAtMs: null,
    user: null,
    command: row.name === null ? null : redactText(row.name),
    usedBytes: row.usedBytes,
    gpus: row.gpus,
    class: holderClass,
    reason,
    remedy: remedy ?? HOLDER_WORDS[holderClass].remedy,
    canEnd: false,
  };
}

function judgeMissing({ table, self }: Scene): Judgement {
  if (table.length === 0) return handsOff('stranger', 'processes cannot be read on this system');
  // its kernel holds memory under a number that no list of programs has
  if (self.system === 'windows')
    return handsOff(
      'stranger',
      'Windows lists no program under this number',
      'Look in Task Manager.',
    );
  if (self.system === 'wsl')
    return handsOff(
      'otherNamespace',
      'this process number does not exist here: it belongs to Windows or to another distribution',
      'Stop it in Windows or in that distribution; `wsl --shutdown` ends everything in WSL.',
    );
  return self.inContainer
    ? handsOff(
        'otherNamespace',
        'this process number does not exist here: it belongs to the host or to another container',
      )
    : handsOff(
        'deadPid',
        'no process has this number any more, but the driver still charges memory to it',
      );
}

/** Order matters: the first rule that knows something decides. */
function judge(process: ProcessInfo, scene: Scene, type?: string): Judgement {
  return (
    judgeNamespace(process, scene) ??
    judgeZombie(process, scene) ??
    judgeLaunch(process, scene) ??
    (onlyDraws(process, type)
      ? handsOff('display', `${process.comm} draws: the GPU tool lists it under graphics only`)
      : classifyForeign(process, scene))
  );
}

function judgeNamespace(process: ProcessInfo, scene: Scene): Judgement | null {
  if (!process.sameNamespace) return handsOff('otherNamespace', 'it runs in another PID namespace');
  const own = scene.index.byPid.get(scene.self.protectedPids[0] ?? -1)?.containerId ?? null;
  if (process.containerId !== null && process.containerId !== own) {
    const id = process.containerId.slice(0, 12);
    return handsOff(
      'otherNamespace',
      `it runs in container ${id}`,
      `Stop the container where it was started, for example \`docker stop ${id}\`.`,
    );
  }
  if (scene.self.inContainer && scene.evidence.holdsGpuDevice?.get(process.pid) === false)
    return handsOff(
      'otherNamespace',
      'the process with this number here has no GPU device open: the GPU tool means another one, outside this container',
    );
  return null;
}

function judgeZombie(process: ProcessInfo, { index }: Scene): Judgement | null {
  if (isAlive(process)) return null;
  const parent = ancestorsOf(index, process)[0];
  const waitsFor = parent ? describe(parent) : `its parent ${process.ppid}`;
  return handsOff(
    'zombie',
    `it has ended and waits for ${waitsFor} to take note; it holds no memory itself`,
    parent && remedyForZombie(parent, process),
  );
}

/** Only a parent can take note; reapers that do not are repaired by who started the container or the session. */
function remedyForZombie(parent: ProcessInfo, zombie: ProcessInfo): string {
  if (parent.pid === 1 && zombie.containerId !== null)
    return 'The first process of this container takes no note of ended ones: restart it, with `--init`.';
  return `Remind its parent with \`kill -CHLD ${parent.pid}\`; if it stays, end or restart ${describe(parent)}.`;
}

function judgeLaunch(process: ProcessInfo, { families, evidence }: Scene): Judgement | null {
  const found = families.find(({ family }) => family.all.some(({ pid }) => pid === process.pid));
  if (!found) return null;
  const { launch, family } = found;
  const { main, port, launchId } = launch.record;
  // A wrapper (`uv run vllm …`) may be gone while the server it started still serves. But before it had titles a
  // forked engine looked like its server, too: then the port decides.
  const server =
    family.main ??
    family.all.find(
      (member) =>
        isServerRole(roleOf(member)) &&
        (evidence.listening?.get(member.pid)?.includes(port) ?? true),
    );
  const what = launch.origin === 'ours' ? 'started here' : 'adopted';
  if (server)
    return {
      class: launch.origin === 'ours' ? 'ourServer' : 'adoptedServer',
      reason: `it belongs to the server ${describe(server)} that was ${what} (port ${port})`,
      mayEnd: false,
      launchId,
    };
  return {
    class: 'orphanedWorker',
    reason: `its server is gone: process ${main.pid} on port ${port}, ${what}`,
    mayEnd: true,
    launchId,
  };
}

function silentLeftovers(scene: Scene, rows: readonly Holder[]): readonly ProcessInfo[] {
  const found = new Map<number, ProcessInfo>();
  for (const { family } of scene.families) {
    if (family.main) continue;
    for (const process of family.all) {
      const role = roleOf(process);
      // They leave by themselves, and clean up shared memory while they do.
      if (role !== 'tracker' && role !== 'compileWorker') found.set(process.pid, process);
    }
  }
  for (const row of rows) {
    const process = row.canEnd ? scene.index.byPid.get(row.pid) : undefined;
    if (!process) continue;
    for (const above of ancestorsOf(scene.index, process))
      if (
        isEngineRole(roleOf(above)) &&
        judgeOrphan(above, scene.index, scene.evidence.listening).isOrphan
      )
        found.set(above.pid, above);
  }
  return [...found.values()].filter((process) => judge(process, scene).class === 'orphanedWorker');
}

function toHolder(
  process: ProcessInfo,
  judgement: Judgement,
  scene: Scene,
  usedBytes: number | null,
  gpus: readonly number[],
): Holder {
  const hindrance = judgement.mayEnd ? whyNotEnd(process, scene) : null;
  const words = HOLDER_WORDS[judgement.class];
  return {
    pid: process.pid,
    startTime: process.startTime,
    startedAtMs: process.startedAtMs,
    user: process.user,
    command: commandForShowing(process.args, process.comm),
    usedBytes,
    gpus,
    class: judgement.class,
    reason: hindrance === null ? judgement.reason : `${judgement.reason}; ${hindrance}`,
    remedy:
      judgement.remedy ??
      (judgement.mayEnd && hindrance === null ? words.remedy : words.remedyHandsOff),
    canEnd: judgement.mayEnd && hindrance === null,
    ...(judgement.launchId === undefined ? {} : { launchId: judgement.launchId }),
  };
}

/** The last word, whatever a rule wished; null: it may be offered. */
function whyNotEnd(process: ProcessInfo, { self, evidence, index }: Scene): string | null {
  if (process.pid <= 1 || self.protectedPids.includes(process.pid))
    return 'this program runs below it';
  if (!process.sameNamespace) return 'it runs in another PID namespace';
  if (self.uid === null || process.uid === null) return 'whose it is cannot be told here';
  if (process.uid !== self.uid) return 'it belongs to another user';
  if (isUntouchableRole(roleOf(process)) || isInteractiveShell(process))
    return 'somebody works with it: it is never ended from here';
  const wish = evidence.protect?.find(
    (part) => part !== '' && together(process, index).some((one) => isNamed(one, part)),
  );
  return wish === undefined ? null : `it is protected by your setting (“${redactText(wish)}”)`;
}

const isNamed = (process: ProcessInfo, part: string): boolean =>
  process.args.join(' ').includes(part) || part === String(process.pid);

/** An engine and its workers end together: who protects one of them protects all. */
function together(process: ProcessInfo, index: ProcessIndex): readonly ProcessInfo[] {
  const above = ancestorsOf(index, process).filter((one) => isEngineRole(roleOf(one)));
  return [process, ...above, ...descendantsOf(index, above.at(-1) ?? process)];
}
