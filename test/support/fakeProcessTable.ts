/** A process table whose processes live, react to signals and are reparented as on Linux. Nothing real is read or signalled. */
import type { ProcessTable, SharedMemoryFile, SignalOutcome } from '../../src/app/ports';
import type { ProcessIdentity, ProcessInfo } from '../../src/processes/process';
import { FakeClock } from './fakeClock';

type Signal = Parameters<ProcessTable['signal']>[1];

export const FAKE_BOOT = 'b0070000-0000-4000-8000-000000000001';

export interface FakeSelf {
  uid: number | null;
  protectedPids: number[];
  inContainer: boolean;
}

export class FakeProcessTable implements ProcessTable {
  readonly processes = new Map<number, ProcessInfo>();
  /** Every signal asked for, with what became of it. */
  readonly signals: {
    identity: ProcessIdentity;
    signal: Signal;
    outcome: SignalOutcome;
    /** Who had the pid when the signal went out. */
    receiver: ProcessInfo | null;
  }[] = [];
  readonly environments = new Map<number, Record<string, string>>();
  readonly ports = new Map<number, number[]>();
  readonly openShared = new Map<number, SharedMemoryFile[]>();
  readonly gpuHolders = new Map<number, boolean>();
  /** What lies in /dev/shm. */
  readonly sharedFiles = new Map<string, SharedMemoryFile>();
  /** Who gets the children of a process that ends. */
  reaperPid = 1;
  /** Called before a signal's identity check; a test may end or replace processes here. */
  beforeSignal: (identity: ProcessIdentity) => void = () => undefined;
  /** What a signal does; default: everything ends at once. Return false to have it ignored. */
  react: (process: ProcessInfo, signal: Signal) => boolean = () => true;
  selfFacts: FakeSelf = { uid: 1000, protectedPids: [50], inContainer: false };
  private nextTick = 1000;

  constructor(readonly clock = new FakeClock()) {}

  /** Adds a process of user 1000, in its own group, an hour old; say what differs. */
  add(given: Partial<ProcessInfo> & { pid: number }): ProcessInfo {
    const process: ProcessInfo = {
      startTime: String((this.nextTick += 10)),
      bootId: FAKE_BOOT,
      ppid: 1,
      pgid: given.pid,
      sid: given.pid,
      uid: 1000,
      user: 'me',
      state: 'S',
      comm: given.args?.[0]?.split('/').at(-1)?.slice(0, 15) ?? 'python',
      args: ['python'],
      startedAtMs: this.clock.now() - 3_600_000,
      containerId: null,
      sameNamespace: true,
      ...given,
    };
    this.processes.set(process.pid, process);
    return process;
  }

  /** It ends: its children go to the reaper. `asZombie` leaves its row, unreaped. */
  end(pid: number, asZombie = false): void {
    const process = this.processes.get(pid);
    if (!process) return;
    if (asZombie) this.processes.set(pid, { ...process, state: 'Z', args: [] });
    else this.processes.delete(pid);
    for (const child of this.processes.values())
      if (child.ppid === pid) this.processes.set(child.pid, { ...child, ppid: this.reaperPid });
  }

  /** The pid is given to somebody else, as after a wrap of the pid counter. */
  reuse(pid: number, given: Partial<ProcessInfo> = {}): ProcessInfo {
    this.end(pid);
    return this.add({ startTime: String(9_000_000 + (this.nextTick += 10)), ...given, pid });
  }

  all(): Promise<readonly ProcessInfo[]> {
    return Promise.resolve([...this.processes.values()]);
  }

  withAncestors(pids: readonly number[]): Promise<readonly ProcessInfo[]> {
    const found = new Map<number, ProcessInfo>();
    for (const start of pids)
      for (
        let process = this.processes.get(start);
        process && !found.has(process.pid);
        process = this.processes.get(process.ppid)
      )
        found.set(process.pid, process);
    return Promise.resolve([...found.values()]);
  }

  one(pid: number): Promise<ProcessInfo | null> {
    return Promise.resolve(this.processes.get(pid) ?? null);
  }

  environmentValue(pid: number, name: string): Promise<string | null> {
    return Promise.resolve(this.environments.get(pid)?.[name] ?? null);
  }

  listeningPorts(pid: number): Promise<readonly number[]> {
    return Promise.resolve(this.ports.get(pid) ?? []);
  }

  sharedMemory(pid: number): Promise<readonly SharedMemoryFile[]> {
    return Promise.resolve(this.processes.has(pid) ? (this.openShared.get(pid) ?? []) : []);
  }

  holdsGpuDevice(pid: number): Promise<boolean | null> {
    return Promise.resolve(this.gpuHolders.get(pid) ?? null);
  }

  removeSharedMemory(file: SharedMemoryFile): Promise<boolean> {
    const now = this.sharedFiles.get(file.path);
    const same = now?.inode === file.inode && now.device === file.device;
    return Promise.resolve(same && this.sharedFiles.delete(file.path));
  }

  signal(identity: ProcessIdentity, signal: Signal): Promise<SignalOutcome> {
    this.beforeSignal(identity);
    const receiver = this.processes.get(identity.pid) ?? null;
    const outcome = this.deliver(identity, signal);
    this.signals.push({ identity, signal, outcome, receiver });
    return Promise.resolve(outcome);
  }

  self(): Promise<FakeSelf> {
    return Promise.resolve(this.selfFacts);
  }

  /** Pids that a signal really reached. */
  reached(): readonly number[] {
    return this.signals
      .filter(({ outcome }) => outcome === 'sent')
      .map(({ identity }) => identity.pid);
  }

  private deliver(identity: ProcessIdentity, signal: Signal): SignalOutcome {
    const process = this.processes.get(identity.pid);
    if (!process || process.state === 'Z') return 'gone';
    if (process.startTime !== identity.startTime || process.bootId !== identity.bootId)
      return 'changed';
    if (this.react(process, signal)) this.end(process.pid);
    return 'sent';
  }
}
