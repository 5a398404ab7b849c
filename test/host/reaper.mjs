// Ends everything of one test window and removes its folder, however the launcher itself ended: it waits on a pipe
// that closes when the launcher calls `end`, crashes or is killed. Runs unmarked, in a session of its own.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { followRun, sessionOf } from './markedProcesses.mjs';

const file = fileURLToPath(import.meta.url);

/** Starts the reaper; the returned function lets it do its work and resolves when it is done. */
export function startReaper(id, folder) {
  const child = spawn(process.execPath, [file, id, folder, String(sessionOf('self'))], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin.on('error', () => undefined);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  return () => {
    child.stdin.end();
    return ended;
  };
}

if (process.argv[1] === file) {
  const [, , id, folder, foreignSession] = process.argv;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
  const { look, endAll } = followRun(id, Number(foreignSession));
  const looking = setInterval(look, 1000);
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.on('close', resolve));
  clearInterval(looking);
  await endAll();
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}
