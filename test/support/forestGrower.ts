/** Grows one forest of processes: its roots, its reapers, and the parts that scenarios (processForest.ts) are made of. */
import type { GpuProcess } from '../../src/gpu/gpu';
import type { KnownLaunch } from '../../src/processes/scene';
import type { LaunchRecord, ProcessIdentity, ProcessInfo } from '../../src/processes/process';
import { identityKey, identityOf } from '../../src/processes/tree';
import { FakeProcessTable } from './fakeProcessTable';
import type { Random } from './seededRandom';

export interface Forest {
  readonly table: FakeProcessTable;
  readonly gpu: GpuProcess[];
  readonly launches: KnownLaunch[];
  /** Identity keys of leftovers that must be found and may be ended. Nothing else may ever get a signal. */
  readonly orphans: Set<string>;
  /** Launch id → identity keys of everything that belongs to it; an empty set: the record is wrong, nobody does. */
  readonly families: Map<string, Set<string>>;
  /** Scenario names, for the message of a failing seed. */
  readonly story: string[];
}

const TRACKER = 'from multiprocessing.resource_tracker import main;main(32)';
export const OTHER_USER = { uid: 1001, user: 'other' };
/** Plants its trees. */
export type Scenario = (grower: Grower) => void;
export const VENV_PYTHON = '/home/me/venv/bin/python';

export class Grower {
  readonly forest: Forest;
  readonly me: number;
  /** Root of a machine that people share: only what is on record here is ours to end. */
  readonly isSharedRoot: boolean;
  private nextPid = 2000;
  private reapers: number[];

  constructor(readonly random: Random) {
    const table = new FakeProcessTable();
    this.forest = {
      table,
      gpu: [],
      launches: [],
      orphans: new Set(),
      families: new Map(),
      story: [],
    };
    const inContainer = random() < 0.25;
    this.isSharedRoot = !inContainer && random() < 0.1;
    this.me = this.isSharedRoot || (inContainer && random() < 0.6) ? 0 : 1000;
    this.reapers = [1];
    this.plantRoots(inContainer);
    if (this.isSharedRoot) this.shell({ uid: 1002, user: 'somebody' });
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.random() * choices.length)]!;
  }

  pid(): number {
    return (this.nextPid += 1 + Math.floor(this.random() * 40));
  }

  add(given: Partial<ProcessInfo> = {}): ProcessInfo {
    return this.forest.table.add({ pid: this.pid(), uid: this.me, user: 'me', ...given });
  }

  /** A child as fork makes it: same group, session, user, container. */
  child(parent: ProcessInfo, given: Partial<ProcessInfo> = {}): ProcessInfo {
    const { pid: ppid, pgid, sid, uid, user, containerId, sameNamespace, startedAtMs } = parent;
    return this.add({
      ppid,
      pgid,
      sid,
      uid,
      user,
      containerId,
      sameNamespace,
      startedAtMs,
      ...given,
    });
  }

  hold(process: ProcessInfo): void {
    this.forest.gpu.push({ pid: process.pid, usedBytes: 2 ** 30, name: process.comm, gpus: [0] });
    this.forest.table.gpuHolders.set(process.pid, true);
  }

  /** Left over by a server on record here. */
  recordedOrphan(...processes: readonly ProcessIdentity[]): void {
    for (const process of processes) this.forest.orphans.add(identityKey(process));
  }

  /** Left over by a server that nobody has on record. */
  orphan(...processes: readonly ProcessIdentity[]): void {
    if (!this.isSharedRoot) this.recordedOrphan(...processes);
  }

  /** What a later moment changed about it. */
  change(process: ProcessInfo, given: Partial<ProcessInfo>): void {
    this.forest.table.processes.set(process.pid, { ...process, ...given });
  }

  reaper(): number {
    return this.pick(this.reapers);
  }

  /** It is killed; its children go where the kernel sends them here. */
  kill(process: ProcessInfo): void {
    this.forest.table.reaperPid = this.reaper();
    this.forest.table.end(process.pid);
    this.forest.table.reaperPid = 1;
  }

  shell(given: Partial<ProcessInfo> = {}): ProcessInfo {
    const pid = this.pid();
    return this.add({
      pid,
      pgid: pid,
      sid: pid,
      args: ['-bash'],
      comm: 'bash',
      ...given,
    });
  }

  /** As a job of a shell, as a task of VS Code (leads its session), below a script, or as a service. */
  main(args: readonly string[], comm: string, given: Partial<ProcessInfo> = {}): ProcessInfo {
    const how = this.pick(['job', 'task', 'script', 'service'] as const);
    const pid = this.pid();
    if (how === 'job') {
      const shell = this.shell(given);
      return this.child(shell, { pid, pgid: pid, args, comm, ...given });
    }
    if (how === 'script') {
      const shell = this.shell(given);
      const script = this.child(shell, { args: ['bash', 'run.sh'], comm: 'bash', ...given });
      this.forest.table.processes.set(script.pid, { ...script, pgid: script.pid });
      return this.child({ ...script, pgid: script.pid }, { pid, args, comm, ...given });
    }
    const ppid = how === 'task' ? 40 : 1;
    return this.add({ pid, ppid, pgid: pid, sid: pid, args, comm, ...given });
  }

  vllm(given: Partial<ProcessInfo> = {}): Vllm {
    const args = [VENV_PYTHON, '/home/me/venv/bin/vllm', 'serve', 'some/model', '--port', '8000'];
    return this.engineBelow(this.main(args, 'vllm', given));
  }

  engineBelow(main: ProcessInfo): Vllm {
    const tracker = this.child(main, { args: [VENV_PYTHON, '-c', TRACKER], comm: 'python' });
    const engine = this.child(main, { args: ['VLLM::EngineCore'], comm: 'VLLM::EngineCor' });
    const ranks = this.pick([0, 0, 1, 2, 4]);
    const workers = Array.from({ length: ranks }, (_, rank) =>
      this.child(engine, { args: [`VLLM::Worker_TP${rank}`], comm: 'VLLM::Worker_TP' }),
    );
    for (const holder of ranks === 0 ? [engine] : workers) this.hold(holder);
    return { main, tracker, engine, workers };
  }

  record(launchId: string, main: ProcessInfo, seen: readonly ProcessInfo[]): LaunchRecord {
    return {
      launchId,
      engine: 'vllm',
      main: identityOf(main),
      pgid: main.pgid,
      sid: main.sid,
      port: 8000,
      seen: seen.map(identityOf),
    };
  }

  private plantRoots(inContainer: boolean): void {
    const { table } = this.forest;
    const roots: readonly (readonly [string, readonly string[]])[] = inContainer
      ? [
          ['tini', ['/usr/bin/tini', '--', 'start']],
          ['bash', ['bash', '/start.sh']],
          ['python3', ['/usr/bin/python3', '/usr/bin/supervisord']],
          ['sleep', ['sleep', 'infinity']],
        ]
      : [['systemd', ['/sbin/init']]];
    const [comm, args] = this.pick(roots);
    table.add({ pid: 1, ppid: 0, pgid: 1, sid: 1, uid: 0, user: 'root', comm, args });
    if (!inContainer && this.chance(0.6)) {
      table.add({
        pid: 20,
        ppid: 1,
        comm: 'systemd',
        args: ['/lib/systemd/systemd', '--user'],
        uid: this.me,
      });
      this.reapers.push(20);
    }
    if (this.chance(0.3)) {
      table.add({
        pid: 21,
        ppid: 1,
        comm: 'launchtool',
        args: ['/opt/launchtool', 'run'],
        uid: this.me,
      });
      this.reapers.push(21);
    }
    const editor = ['/opt/code/node', '/opt/code/out/bootstrap-fork'];
    table.add({
      pid: 30,
      ppid: 1,
      comm: 'code-server',
      args: ['/opt/code/bin/code-server'],
      uid: this.me,
    });
    table.add({
      pid: 40,
      ppid: 30,
      comm: 'node',
      args: [...editor, '--type=ptyHost'],
      uid: this.me,
    });
    table.add({
      pid: 50,
      ppid: 30,
      comm: 'node',
      args: [...editor, '--type=extensionHost'],
      uid: this.me,
    });
    table.selfFacts = { uid: this.me, protectedPids: [50, 30, 1], inContainer };
  }
}

export interface Vllm {
  readonly main: ProcessInfo;
  readonly tracker: ProcessInfo;
  readonly engine: ProcessInfo;
  readonly workers: readonly ProcessInfo[];
}
