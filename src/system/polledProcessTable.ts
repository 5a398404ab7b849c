import type { ProcessTable } from '../app/ports';
import type { ProcessInfo } from '../processes/process';
import { oneAtATime } from '../shared/turns';

export type PolledDoors = Pick<ProcessTable, 'listeningPorts' | 'signal' | 'self'>;

/**
 * Where one call of a tool tells of all processes (macOS, Windows): whoever asks while a call runs shares the next one,
 * so nobody is told what was true before the question. `maxAgeMs` allows older answers where a call is dear.
 */
export function openPolledProcessTable(
  read: () => Promise<readonly ProcessInfo[]>,
  doors: PolledDoors,
  maxAgeMs = 0,
): ProcessTable {
  let last: { rows: readonly ProcessInfo[]; atMs: number } | null = null;

  const readNow = oneAtATime(async () => {
    const rows = await read();
    last = { rows, atMs: performance.now() };
    return rows;
  });
  const all = (): Promise<readonly ProcessInfo[]> =>
    last && performance.now() - last.atMs < maxAgeMs ? Promise.resolve(last.rows) : readNow();

  return {
    all,
    withAncestors: async (pids) => withAncestors(await all(), pids),
    one: async (pid) => (await all()).find((row) => row.pid === pid) ?? null,
    environmentValue: () => Promise.resolve(null),
    sharedMemory: () => Promise.resolve([]),
    holdsGpuDevice: () => Promise.resolve(null),
    removeSharedMemory: () => Promise.resolve(false),
    ...doors,
  };
}

/** The rows of these pids and of all processes above them; a cycle of parents ends where it began. */
export function withAncestors<Row extends { readonly pid: number; readonly ppid: number }>(
  rows: readonly Row[],
  pids: readonly number[],
): readonly Row[] {
  const byPid = new Map(rows.map((row) => [row.pid, row]));
  const found = new Map<number, Row>();
  for (const pid of pids)
    for (let row = byPid.get(pid); row && !found.has(row.pid); row = byPid.get(row.ppid))
      found.set(row.pid, row);
  return [...found.values()];
}
