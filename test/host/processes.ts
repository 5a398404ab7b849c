/** Reads the process table for tests, apart from the product's own reader. Linux only. */
import fs from 'node:fs';

interface Row {
  readonly pid: number;
  readonly pgid: number;
  readonly state: string;
  readonly command: string;
}

/** Zombies wait for their parent and hold nothing: they count as gone. */
export function isAlive(pid: number): boolean {
  const row = readRow(pid);
  return row !== null && row.state !== 'Z';
}

/** Living processes of a group; vLLM's orphans keep the group of their dead server. */
export function livingGroup(pgid: number): Row[] {
  return fs
    .readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .flatMap((pid) => readRow(pid) ?? [])
    .filter((row) => row.pgid === pgid && row.state !== 'Z');
}

function readRow(pid: number): Row | null {
  try {
    const stat = fs.readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    const [state = '', , pgid = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = fs.readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return { pid, pgid: Number(pgid), state, command: command.trim() };
  } catch {
    return null;
  }
}
