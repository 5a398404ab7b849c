// Everything a test window starts carries one mark in its environment, so that it can all be ended afterwards:
// server, browser, task processes in sessions of their own, detached grandchildren. Needs /proc: Linux.
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export const MARK = 'TEST_HOST_RUN';

function pids() {
  return fs
    .readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid);
}

/** Session and start time of a process (fields 6 and 22 of /proc/PID/stat, counted behind the name), or null. */
function facts(pid) {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0], session: Number(fields[3]), startTicks: Number(fields[19]) };
  } catch {
    return null;
  }
}

const ownStart = facts('self')?.startTicks ?? 0;

function isMarked(pid, id) {
  try {
    return fs.readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${MARK}=${id}`);
  } catch {
    return false; // gone, or not ours to read
  }
}

/**
 * Follows the processes of one run. vLLM's engine processes overwrite their environment with their title, so the
 * mark alone would miss them once their parent is gone: sessions in which a marked process was seen are remembered.
 * @param id the run
 * @param foreignSession session of whoever started the run; never ended as a whole
 */
export function followRun(id, foreignSession) {
  const sessions = new Set();

  function look() {
    const found = [];
    const others = [];
    for (const pid of pids()) {
      const fact = facts(pid);
      if (fact === null || fact.state === 'Z' || fact.startTicks < ownStart) continue;
      if (isMarked(pid, id)) {
        found.push(pid);
        if (fact.session !== foreignSession) sessions.add(fact.session);
      } else others.push({ pid, session: fact.session });
    }
    return [...found, ...others.filter((o) => sessions.has(o.session)).map((o) => o.pid)];
  }

  async function endAll() {
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGKILL']) {
      const targets = look();
      if (targets.length === 0) return;
      for (const pid of targets) {
        try {
          process.kill(pid, signal);
        } catch {
          // gone meanwhile
        }
      }
      for (let tries = 0; tries < 15 && look().length > 0; tries++) await sleep(100);
    }
  }

  return { look, endAll };
}

export const sessionOf = (pid) => facts(pid)?.session ?? 0;
