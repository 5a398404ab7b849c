/** What a process and the tools it started take of one core while a time passes. Children need /proc: Linux. */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Percent of one core. */
export interface CpuShare {
  readonly hostPercent: number;
  /** Null where the system doesn't say. */
  readonly childrenPercent: number | null;
}

/** `BENCH_MINUTES`, or `BENCH_SECONDS`, or a minute. */
export const WATCHED_SECONDS =
  Number(process.env.BENCH_MINUTES ?? 0) * 60 || Number(process.env.BENCH_SECONDS ?? 60);

export async function cpuShare(seconds = WATCHED_SECONDS): Promise<CpuShare> {
  const before = process.cpuUsage();
  const childrenBefore = childrenMs();
  await sleep(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  const childrenAfter = childrenMs();
  const percent = (ms: number) => Number((ms / (seconds * 10)).toFixed(3));
  return {
    hostPercent: percent((user + system) / 1000),
    childrenPercent:
      childrenBefore === null || childrenAfter === null
        ? null
        : percent(childrenAfter - childrenBefore),
  };
}

const TICK_MS = 10;

/**
 * Children that have ended are in fields 16 and 17 of one's own stat; one that goes on (a looped nvidia-smi) is not, and
 * has its own time in 14 and 15. Its part moves from the second to the first when it ends, so the sum never falls.
 */
function childrenMs(): number | null {
  const own = statOf('self');
  if (!own) return null;
  const living = fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => statOf(pid) ?? [])
    .filter(({ ppid }) => ppid === process.pid);
  const ticks = living.reduce(
    (sum, child) => sum + child.ownTicks + child.endedChildrenTicks,
    own.endedChildrenTicks,
  );
  return ticks * TICK_MS;
}

function statOf(
  pid: string,
): { ppid: number; ownTicks: number; endedChildrenTicks: number } | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15);
    return {
      ppid: fields[1] ?? 0,
      ownTicks: user + system,
      endedChildrenTicks: endedUser + endedSystem,
    };
  } catch {
    return null;
  }
}
