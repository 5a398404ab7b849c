// Reads the process table for tests, apart from the product's own reader. Linux only.
import fs from 'node:fs';

export function readProcesses() {
  return fs
    .readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .flatMap((pid) => readProcess(pid) ?? []);
}

export function isAlive(pid) {
  const row = readProcess(pid);
  return row !== null && row.state !== 'Z';
}

export function livingGroup(pgid) {
  return readProcesses().filter((row) => row.pgid === pgid && row.state !== 'Z');
}

function readProcess(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, , pgid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, pgid: Number(pgid), state, command };
  } catch {
    return null;
  }
}
