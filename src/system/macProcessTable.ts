import { execFileSync } from 'node:child_process';
import type { ProcessTable, SignalOutcome } from '../app/ports';
import type { ProcessIdentity, ProcessInfo } from '../processes/process';
import { runFile } from './execRun';
import { openPolledProcessTable, withAncestors } from './polledProcessTable';
import { PS_COLUMNS, parseLsofPorts, parsePs, parsePsCommands, type PsRow } from './psText';
import { sendSignal, type Kill } from './sendSignal';

const PATIENCE_MS = 5000;
/** All processes, wide, times in a form that can be read back. */
const ROWS = ['-axww', '-o', PS_COLUMNS];
const COMMANDS = ['-axww', '-o', 'pid=,command='];
const PLAIN = { LC_ALL: 'C', TZ: 'UTC' };

export interface PsTools {
  readonly ps: string;
  readonly lsof: string;
  readonly pid: number;
  readonly uid: number | null;
  /** Empty where it cannot be told; then nothing is signalled. */
  readonly readBootId: () => string;
  readonly kill: Kill;
}

const realTools = (): PsTools => ({
  ps: '/bin/ps',
  lsof: '/usr/sbin/lsof',
  pid: process.pid,
  uid: process.getuid?.() ?? null,
  readBootId: () => callNow('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid']).trim(),
  kill: (pid, signal) => process.kill(pid, signal),
});

/**
 * macOS by `ps` and `lsof`. Start times are whole seconds there; with the session of the boot they still name one
 * process, as pids are given in turn (to 99999) and not again within a second.
 */
export function openMacProcessTable(tools: PsTools = realTools()): ProcessTable {
  let bootId: string | null = null;
  const readBootId = (): string => (bootId ??= tools.readBootId());

  const read = async (): Promise<readonly ProcessInfo[]> => {
    const [rows, commands] = await Promise.all([call(tools.ps, ROWS), call(tools.ps, COMMANDS)]);
    const commandOf = parsePsCommands(commands);
    return parsePs(rows).map((row) => toInfo(row, commandOf.get(row.pid), readBootId()));
  };

  /** One look tells the target, its user and our ancestors; the signal follows in the same tick. */
  const signalNow = (target: ProcessIdentity, signal: NodeJS.Signals): SignalOutcome => {
    if (target.pid <= 1 || readBootId() === '') return 'refused';
    const rows = parsePs(callNow(tools.ps, ROWS));
    const isSeen = rows.some(({ pid }) => pid === tools.pid);
    const isProtected = withAncestors(rows, [tools.pid]).some(({ pid }) => pid === target.pid);
    if (!isSeen || isProtected) return 'refused';
    const row = rows.find(({ pid }) => pid === target.pid);
    if (!row || row.state === 'Z') return 'gone';
    if (row.startTime !== target.startTime || readBootId() !== target.bootId) return 'changed';
    if (tools.uid === null || row.uid !== tools.uid) return 'refused';
    return sendSignal(tools.kill, target.pid, signal);
  };

  return openPolledProcessTable(read, {
    listeningPorts: async (pid) =>
      parseLsofPorts(
        await call(tools.lsof, ['-nP', '-a', '-p', String(pid), '-iTCP', '-sTCP:LISTEN', '-Fn']),
      ),
    signal: (target, signal) => Promise.resolve(signalNow(target, signal)),
    self: async () => ({
      uid: tools.uid,
      protectedPids: protectedOf(parsePs(await call(tools.ps, ROWS)), tools.pid),
      inContainer: false,
      system: 'mac',
    }),
  });
}

function protectedOf(rows: readonly PsRow[], pid: number): readonly number[] {
  const above = withAncestors(rows, [pid]).map((row) => row.pid);
  return [pid, ...above.filter((one) => one !== pid)];
}

function toInfo(row: PsRow, command: string | undefined, bootId: string): ProcessInfo {
  const { pid, ppid, pgid, sid, uid, user, state, startTime, comm } = row;
  return {
    pid,
    startTime,
    bootId,
    ppid,
    pgid,
    sid,
    uid,
    user,
    // U: waits in the kernel, as D of Linux
    state: state === 'U' ? 'D' : state,
    comm,
    args: state === 'Z' || command === undefined ? [] : command.split(/\s+/),
    startedAtMs: Number(startTime) * 1000,
    containerId: null,
    sameNamespace: true,
  };
}

/** What it printed; empty where it cannot be run or does not answer: then nothing is seen. */
async function call(file: string, args: readonly string[]): Promise<string> {
  const ran = await runFile(file, { file, args, timeoutMs: PATIENCE_MS, env: PLAIN }, process.env);
  return ran.ok ? ran.value.stdout : '';
}

function callNow(file: string, args: readonly string[]): string {
  try {
    return execFileSync(file, args, {
      encoding: 'utf8',
      env: { ...process.env, ...PLAIN },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: PATIENCE_MS,
      maxBuffer: 8 * 1024 ** 2,
    });
  } catch {
    return '';
  }
}
