/** Looks at every holder of GPU memory, and ends leftovers the user chose. Everything is judged again before a signal. */
import type { GpuSample } from '../gpu/gpu';
import { endOrder, type EndStep } from '../processes/endOrder';
import { classifyHolders } from '../processes/holders';
import type { Holder, ProcessInfo } from '../processes/process';
import { isEngineRole, roleOf } from '../processes/role';
import type { KnownLaunch } from '../processes/scene';
import { ancestorsOf, identityOf, indexTable, isAlive, isSame } from '../processes/tree';
import { gatherEvidence } from './holderEvidence';
import type { Clock, Files, Log, ProcessTable } from './ports';

export interface CleanerDeps {
  readonly table: ProcessTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly files: Files;
  /** A fresh look at the GPUs; null where there is no tool or it does not answer. */
  readonly sampleGpus: () => Promise<GpuSample | null>;
  readonly launches: () => readonly KnownLaunch[];
  /** Setting `cleanUp.protect`: parts of command lines that are never offered. */
  readonly protect?: readonly string[];
}

export interface EndOptions {
  /** What the user was shown: a pid whose start time differs from it now is refused. */
  readonly shown?: readonly Holder[];
  /** Second look after this time, for callers without a dialog between look and signal. Default 0. */
  readonly secondLookAfterMs?: number;
  readonly signal?: AbortSignal;
}

export interface EndOutcome {
  readonly ended: readonly number[];
  readonly refused: readonly { readonly pid: number; readonly why: string }[];
  /** Memory that came back, summed over the GPUs; null where it cannot be known. Never negative. */
  readonly freedBytes: number | null;
}

const POLL_MS = 200;
/** The driver gives the memory of a large model back 1-5 s after the process is gone. */
const TEARDOWN_MS = 5000;

export async function inspectHolders(deps: CleanerDeps): Promise<readonly Holder[]> {
  return (await inspect(deps, await deps.sampleGpus())).holders;
}

/** As {@link inspectHolders}, for a sample that has been taken already. */
export async function judgeSample(
  deps: CleanerDeps,
  sample: GpuSample,
): Promise<readonly Holder[]> {
  return (await inspect(deps, sample)).holders;
}

interface Inspection {
  readonly holders: readonly Holder[];
  readonly table: readonly ProcessInfo[];
}

async function inspect(deps: CleanerDeps, sample: GpuSample | null): Promise<Inspection> {
  const gpuProcesses = sample?.processes ?? [];
  const [table, self] = [await deps.table.all(), await deps.table.self()];
  const evidence = {
    ...(await gatherEvidence(deps, { table, self, gpuProcesses })),
    protect: deps.protect ?? [],
  };
  const nowMs = deps.clock.now();
  const launches = deps.launches();
  return {
    table,
    holders: classifyHolders({ gpuProcesses, table, launches, self, nowMs, evidence }),
  };
}

/** Ends only what may be ended, by pid. A chosen worker takes the leftover engine above it along, and the reverse. */
export async function endHolders(
  deps: CleanerDeps,
  pids: readonly number[],
  options: EndOptions = {},
): Promise<EndOutcome> {
  const before = await deps.sampleGpus();
  const first = await inspect(deps, before);
  if ((options.secondLookAfterMs ?? 0) > 0)
    await deps.clock.sleep(options.secondLookAfterMs ?? 0, options.signal);
  const refused = new Map<number, string>();
  for (const pid of new Set(pids)) {
    const why = whyRefuse(pid, first.holders, options.shown);
    if (why !== null) refused.set(pid, why);
  }
  const allowed = [...new Set(pids)].filter((pid) => !refused.has(pid));
  const chosen = withRelatives(allowed, first);
  for (const step of endOrder(chosen)) {
    if (isAborted(options)) break;
    await runStep(deps, before, chosen, step, options);
  }
  const left = await stillAlive(deps, chosen);
  for (const process of left)
    refused.set(
      process.pid,
      process.state === 'D'
        ? 'it waits in the kernel and cannot be ended'
        : 'it is still there; it no longer qualified, or did not go',
    );
  const leftPids = new Set(left.map(({ pid }) => pid));
  const ended = chosen.map(({ pid }) => pid).filter((pid) => !leftPids.has(pid));
  deps.log.info('cleaner', 'ended leftovers', { ended: ended.length, refused: refused.size });
  return {
    ended,
    refused: [...refused].map(([pid, why]) => ({ pid, why })),
    freedBytes: ended.length === 0 ? 0 : await measureFreed(deps, before, ended),
  };
}

function whyRefuse(
  pid: number,
  holders: readonly Holder[],
  shown: readonly Holder[] | undefined,
): string | null {
  const now = holders.find((holder) => holder.pid === pid);
  if (!now) return 'it holds no GPU memory and is no leftover';
  const then = shown?.find((holder) => holder.pid === pid);
  if (shown && !then) return 'it was not among those shown';
  if (then && then.startTime !== now.startTime) return 'this number belongs to another process now';
  return now.canEnd ? null : `${now.reason} (${now.class})`;
}

function withRelatives(
  pids: readonly number[],
  { holders, table }: Inspection,
): readonly ProcessInfo[] {
  const index = indexTable(table);
  const canEnd = new Set(holders.filter((holder) => holder.canEnd).map(({ pid }) => pid));
  const wanted = new Set(pids);
  for (const pid of canEnd) {
    const process = index.byPid.get(pid);
    if (!process) continue;
    const engines = ancestorsOf(index, process).filter(
      (above) => canEnd.has(above.pid) && isEngineRole(roleOf(above)),
    );
    if (engines.some((above) => pids.includes(above.pid))) wanted.add(pid);
    if (pids.includes(pid)) for (const above of engines) wanted.add(above.pid);
  }
  return [...wanted].flatMap((pid) => index.byPid.get(pid) ?? []);
}

/**
 * Judges again right before the signals. The GPU rows of the first look stay: they are why these were offered, and an
 * EngineCore without a row of its own must still be found when its workers have left before it.
 */
async function runStep(
  deps: CleanerDeps,
  sample: GpuSample | null,
  chosen: readonly ProcessInfo[],
  step: EndStep,
  options: EndOptions,
): Promise<void> {
  const processes = [...(sample?.processes ?? [])];
  for (const { pid, comm } of chosen)
    if (!processes.some((row) => row.pid === pid))
      processes.push({ pid, usedBytes: null, name: comm, gpus: [] });
  const { holders } = await inspect(deps, { gpus: [], problems: [], processes });
  const targets = chosen.filter(
    (process) =>
      step.pids.includes(process.pid) &&
      holders.some(
        ({ pid, startTime, canEnd }) =>
          canEnd && pid === process.pid && startTime === process.startTime,
      ),
  );
  for (const process of targets) {
    if (isAborted(options)) return;
    const outcome = await deps.table.signal(identityOf(process), step.signal);
    deps.log.info('cleaner', 'signal', {
      pid: process.pid,
      startTime: process.startTime,
      signal: step.signal,
      outcome,
      why: step.why,
    });
  }
  const deadlineMs = deps.clock.now() + step.waitMs;
  while (targets.length > 0 && !isAborted(options) && deps.clock.now() < deadlineMs) {
    if ((await stillAlive(deps, targets)).length === 0) return;
    await deps.clock.sleep(POLL_MS, options.signal);
  }
}

async function stillAlive(
  deps: CleanerDeps,
  processes: readonly ProcessInfo[],
): Promise<readonly ProcessInfo[]> {
  const now = await deps.table.withAncestors(processes.map(({ pid }) => pid));
  return now.filter(
    (process) => isAlive(process) && processes.some((other) => isSame(process, other)),
  );
}

async function measureFreed(
  deps: CleanerDeps,
  before: GpuSample | null,
  ended: readonly number[],
): Promise<number | null> {
  const usedBefore = usedBytes(before);
  if (usedBefore === null) return null;
  const expected = (before?.processes ?? [])
    .filter(({ pid }) => ended.includes(pid))
    .reduce((sum, process) => sum + (process.usedBytes ?? 0), 0);
  const deadlineMs = deps.clock.now() + TEARDOWN_MS;
  for (;;) {
    const usedAfter = usedBytes(await deps.sampleGpus());
    const freed = usedAfter === null ? null : Math.max(0, usedBefore - usedAfter);
    // 5 % of slack: tools round to MiB, and others breathe.
    if (freed !== null && expected > 0 && freed >= expected * 0.95) return freed;
    if (deps.clock.now() >= deadlineMs || expected === 0) return freed;
    await deps.clock.sleep(POLL_MS * 2);
  }
}

/** Null as soon as one GPU does not say. */
function usedBytes(sample: GpuSample | null): number | null {
  if (!sample || sample.gpus.length === 0) return null;
  return sample.gpus.reduce<number | null>(
    (sum, { usedBytes: used }) => (sum === null || used === null ? null : sum + used),
    0,
  );
}

function isAborted({ signal }: EndOptions): boolean {
  return signal?.aborted === true;
}
