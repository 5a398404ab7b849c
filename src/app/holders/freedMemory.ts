/** After an end: how much GPU memory really came back, and, where it did not, why. */
import type { GpuSample } from '../../gpu/gpu';
import { formatBytes } from '../../shared/units';
import type { Clock } from '../ports';

export interface Freed {
  /** Summed over the GPUs; null where it cannot be known. Never negative. */
  readonly freedBytes: number | null;
  /** Why less came back than the ended ones held; null: it came back, or nothing can be said. */
  readonly shortfall: string | null;
}

export const NOTHING_FREED: Freed = { freedBytes: 0, shortfall: null };

const POLL_MS = 400;
/** The driver gives the memory of a large model back 1-5 s after the process is gone. */
const TEARDOWN_MS = 5000;
/** Tools round to MiB, and others breathe. */
const SLACK = 0.95;

export async function measureFreed(
  deps: { readonly clock: Clock; readonly sampleGpus: () => Promise<GpuSample | null> },
  before: GpuSample | null,
  ended: readonly number[],
): Promise<Freed> {
  const usedBefore = usedBytes(before);
  if (before === null || usedBefore === null) return { freedBytes: null, shortfall: null };
  const expected = heldBytes(before, ended);
  // the wall clock may be set meanwhile
  const deadlineMs = deps.clock.elapsedMs() + TEARDOWN_MS;
  for (;;) {
    const after = await deps.sampleGpus();
    const usedAfter = usedBytes(after);
    const freedBytes = usedAfter === null ? null : Math.max(0, usedBefore - usedAfter);
    if (freedBytes !== null && expected > 0 && freedBytes >= expected * SLACK)
      return { freedBytes, shortfall: null };
    if (deps.clock.elapsedMs() >= deadlineMs || expected === 0)
      return { freedBytes, shortfall: after && whyShort(before, after, ended, freedBytes) };
    await deps.clock.sleep(POLL_MS);
  }
}

/** What took its place, or still stands for it, in the tool's own list. */
function whyShort(
  before: GpuSample,
  after: GpuSample,
  ended: readonly number[],
  freedBytes: number | null,
): string | null {
  const expected = heldBytes(before, ended);
  if (freedBytes === null || freedBytes >= expected * SLACK) return null;
  const missing = formatBytes(expected - freedBytes);
  const charged = after.processes.filter(({ pid }) => ended.includes(pid));
  if (charged.length > 0)
    return `the driver still charges ${missing} to ${pidsOf(charged)}, which ended: another process may have its GPU files open, and a driver reset or a reboot gives back what is left`;
  const heldBefore = new Map(before.processes.map(({ pid, usedBytes: used }) => [pid, used ?? 0]));
  const grown = after.processes.filter(
    ({ pid, usedBytes: used }) => used !== null && used > (heldBefore.get(pid) ?? 0),
  );
  if (grown.length > 0)
    return `${missing} was taken again by ${pidsOf(grown)} meanwhile; where that is the same server, whoever supervises it started it anew`;
  return `${missing} is held by something that is not listed here`;
}

const pidsOf = (rows: readonly { readonly pid: number }[]): string =>
  rows.map(({ pid }) => `PID ${String(pid)}`).join(', ');

function heldBytes(sample: GpuSample, pids: readonly number[]): number {
  return sample.processes
    .filter(({ pid }) => pids.includes(pid))
    .reduce((sum, process) => sum + (process.usedBytes ?? 0), 0);
}

/** Null as soon as one GPU does not say. */
function usedBytes(sample: GpuSample | null): number | null {
  if (!sample || sample.gpus.length === 0) return null;
  return sample.gpus.reduce<number | null>(
    (sum, { usedBytes: used }) => (sum === null || used === null ? null : sum + used),
    0,
  );
}
