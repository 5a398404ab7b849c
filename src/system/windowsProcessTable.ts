import type { ProcessTable } from '../app/ports';
import type { ProcessInfo } from '../processes/process';
import { CIM_SCRIPT, parseCim, type CimRow } from './cimText';
import { runFile } from './execRun';
import { openPolledProcessTable } from './polledProcessTable';

/** PowerShell takes half a second to start; nothing is signalled by these rows, so they may be a little old. */
const MAX_AGE_MS = 2000;
const PATIENCE_MS = 20_000;

/**
 * Windows by `Win32_Process`. For showing only: whose a process is would take a call for each, and between a look by
 * PowerShell and a signal half a second passes, in which a number may change hands.
 */
export function openWindowsProcessTable(
  readJson: () => Promise<string> = askPowerShell,
): ProcessTable {
  const read = async (): Promise<readonly ProcessInfo[]> => {
    const table = parseCim(await readJson());
    return table ? table.rows.map((row) => toInfo(row, table.bootId)) : [];
  };
  return openPolledProcessTable(
    read,
    {
      listeningPorts: () => Promise.resolve([]),
      signal: () => Promise.resolve('refused'),
      self: () =>
        Promise.resolve({
          uid: null,
          protectedPids: [process.pid, process.ppid],
          inContainer: false,
          system: 'windows',
        }),
    },
    MAX_AGE_MS,
  );
}

function toInfo(row: CimRow, bootId: string): ProcessInfo {
  return {
    pid: row.pid,
    startTime: row.startTime,
    bootId,
    ppid: row.ppid,
    pgid: null,
    sid: null,
    uid: null,
    user: null,
    state: 'R',
    comm: row.name,
    args: row.args,
    startedAtMs: row.startedAtMs,
    containerId: null,
    sameNamespace: true,
  };
}

async function askPowerShell(): Promise<string> {
  const root = process.env.SystemRoot ?? 'C:\\Windows';
  const file = `${root}\\System32\\WindowsPowerShell\\v1.0\\powershell.exe`;
  const args = ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command', CIM_SCRIPT];
  const ran = await runFile(file, { file, args, timeoutMs: PATIENCE_MS }, process.env);
  return ran.ok ? ran.value.stdout : '';
}
