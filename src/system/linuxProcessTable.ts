import fs from 'node:fs';
import path from 'node:path';
import type { ProcessTable, SignalOutcome } from '../app/ports';
import type { ProcessIdentity, ProcessInfo } from '../processes/process';
import { lazily } from '../shared/lazily';
import { openFileTable } from './linuxOpenFiles';
import {
  parseBootSeconds,
  parseCmdline,
  parseContainerId,
  parseEnvironmentValue,
  parsePasswd,
  parseStat,
  parseStatus,
  type ProcStat,
} from './procText';
import type { LinuxRoots } from './linuxRoots';
import { readTextOr, readTextTimed } from './readProc';
import { sendSignal, type Kill } from './sendSignal';

/** USER_HZ: 100 on every Linux that has GPUs, whatever the kernel's own HZ. */
const TICKS_PER_SECOND = 100;
/** The first PID namespace of a machine always has this inode (PROC_PID_INIT_INO). */
const INITIAL_PID_NAMESPACE = 'pid:[4026531836]';
/** About 3 ms of reading; then the event loop gets a turn. */
const PROCESSES_PER_TURN = 32;

interface LinuxSelf {
  readonly pid: number;
  readonly uid: number | null;
  readonly kill: Kill;
}

const REAL_ROOTS: LinuxRoots = {
  proc: '/proc',
  sharedMemory: '/dev/shm',
  passwd: '/etc/passwd',
  devices: '/dev',
};

const realSelf = (): LinuxSelf => ({
  pid: process.pid,
  uid: process.getuid?.() ?? null,
  kill: (pid, signal) => process.kill(pid, signal),
});

/** What is the same for all rows of one read. */
interface Moment {
  readonly bootId: string;
  readonly isOwn: boolean;
}

/** Roots and self can be given so that tests can build a /proc of their own. */
export function openLinuxProcessTable(
  roots: LinuxRoots = REAL_ROOTS,
  self: LinuxSelf = realSelf(),
): ProcessTable {
  const at = (...parts: (string | number)[]): string => path.join(roots.proc, ...parts.map(String));
  const readBootId = (): string => readTextOr(at('sys/kernel/random/boot_id'), '').trim();
  const readStat = (pid: number): ProcStat | null => {
    const text = readTextOr(at(pid, 'stat'), null);
    return text === null ? null : parseStat(text);
  };

  /** A /proc of another namespace (the host's, mounted here) numbers processes differently: nothing in it is ours to signal. */
  const isOwnProc = (): boolean => readLink(at('self')) === String(self.pid);
  const look = (): Moment => ({ bootId: readBootId(), isOwn: isOwnProc() });
  const machine = lazily(() => ({
    users: parsePasswd(readTextOr(roots.passwd, '')),
    bootSeconds: parseBootSeconds(readTextOr(at('stat'), '')),
    selfDepth: parseStatus(readTextOr(at(self.pid, 'status'), '')).namespaceDepth,
  }));

  const readProcess = async (
    pid: number,
    { bootId, isOwn }: Moment,
  ): Promise<ProcessInfo | null> => {
    const stat = readStat(pid);
    if (!stat) return null;
    const { users, bootSeconds, selfDepth } = machine();
    const status = stat.isKernelThread
      ? { uid: 0, namespaceDepth: selfDepth }
      : parseStatus(readTextOr(at(pid, 'status'), ''));
    const hasArguments = !stat.isKernelThread && stat.state !== 'Z';
    const cmdline = hasArguments ? await readTextTimed(at(pid, 'cmdline'), stat.startTime) : null;
    // The pid may have been given away between the two reads.
    if (hasArguments && readStat(pid)?.startTime !== stat.startTime) return null;
    return {
      pid,
      startTime: stat.startTime,
      bootId,
      ppid: stat.ppid,
      pgid: stat.pgid,
      sid: stat.sid,
      uid: status.uid,
      user: status.uid === null ? null : (users.get(status.uid) ?? null),
      state: stat.state,
      comm: stat.comm,
      args: parseCmdline(cmdline ?? ''),
      startedAtMs:
        bootSeconds === null
          ? null
          : Math.round(bootSeconds * 1000 + (Number(stat.startTime) / TICKS_PER_SECOND) * 1000),
      containerId: stat.isKernelThread ? null : parseContainerId(readTextOr(at(pid, 'cgroup'), '')),
      sameNamespace: isOwn && status.namespaceDepth === selfDepth,
    };
  };

  const readMany = async (pids: readonly number[]): Promise<readonly ProcessInfo[]> => {
    const moment = look();
    const found: ProcessInfo[] = [];
    for (let from = 0; from < pids.length; from += PROCESSES_PER_TURN) {
      if (from > 0) await new Promise((resolve) => setImmediate(resolve));
      const chunk = pids
        .slice(from, from + PROCESSES_PER_TURN)
        .map((pid) => readProcess(pid, moment));
      for (const process of await Promise.all(chunk)) if (process) found.push(process);
    }
    return found;
  };

  const withAncestorPids = (pids: readonly number[]): readonly number[] => {
    const wanted = new Set<number>();
    for (const start of pids) {
      for (let pid = start; pid > 0 && !wanted.has(pid);) {
        const stat = readStat(pid);
        if (!stat) break;
        wanted.add(pid);
        pid = stat.ppid;
      }
    }
    return [...wanted];
  };

  const protectedPids = (): readonly number[] => [
    self.pid,
    ...withAncestorPids([self.pid]).filter((pid) => pid !== self.pid),
  ];

  /** Synchronous from the look to the signal: between the two nothing of ours can run, which leaves microseconds. */
  const signalNow = (target: ProcessIdentity, signal: NodeJS.Signals): SignalOutcome => {
    if (target.pid <= 1 || !isOwnProc() || protectedPids().includes(target.pid)) return 'refused';
    const stat = readStat(target.pid);
    if (!stat || stat.state === 'Z' || stat.state === 'X') return 'gone';
    if (stat.startTime !== target.startTime || readBootId() !== target.bootId) return 'changed';
    const status = parseStatus(readTextOr(at(target.pid, 'status'), ''));
    if (status.namespaceDepth !== machine().selfDepth || status.uid !== self.uid) return 'refused';
    return sendSignal(self.kill, target.pid, signal);
  };

  return {
    all: () => readMany(listPids(roots.proc)),
    withAncestors: (pids) => readMany(withAncestorPids(pids)),
    one: (pid) => readProcess(pid, look()),
    environmentValue: async (pid, name) => {
      const text = await readTextTimed(at(pid, 'environ'));
      return text === null ? null : parseEnvironmentValue(text, name);
    },
    ...openFileTable(roots),
    signal: (target, signal) => Promise.resolve(signalNow(target, signal)),
    self: () =>
      Promise.resolve({
        uid: self.uid,
        protectedPids: protectedPids(),
        inContainer: readLink(at('self/ns/pid')) !== INITIAL_PID_NAMESPACE,
        // WSL: `5.15.153.1-microsoft-standard-WSL2`
        system: /microsoft/i.test(readTextOr(at('sys/kernel/osrelease'), '')) ? 'wsl' : 'linux',
      }),
  };
}

function listPids(proc: string): readonly number[] {
  try {
    return fs
      .readdirSync(proc)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function readLink(file: string): string | null {
  try {
    return fs.readlinkSync(file);
  } catch {
    return null;
  }
}
