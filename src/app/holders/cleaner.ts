/** Looks at every holder of GPU memory, and ends leftovers the user chose. Everything is judged again before a signal. */
import type { GpuSample } from '../../gpu/gpu';
import { endOrder, type EndStep } from '../../processes/endOrder';
import { classifyHolders } from '../../processes/holders';
import type { Holder, ProcessInfo } from '../../processes/process';
import type { KnownLaunch } from '../../processes/scene';
import { identityOf, indexTable, isAlive, isSame } from '../../processes/tree';
import { blindSpots } from '../../processes/unseenMemory';
import { measureFreed, NOTHING_FREED, type Freed } from './freedMemory';
import { gatherEvidence } from './holderEvidence';
import type { Clock, Files, Log, ProcessTable } from '../ports';

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

export interface EndOutcome extends Freed {
  readonly ended: readonly number[];
  readonly refused: readonly { readonly pid: number; readonly why: string }[];
}

const POLL_MS = 200;

export interface Inspection {
  readonly holders: readonly Holder[];
  /** What cannot be seen from here, and what would show it, in words. */
  readonly blindSpots: readonly string[];
  readonly table: readonly ProcessInfo[];
}

export async function inspectHolders(deps: CleanerDeps): Promise<readonly Holder[]> {
  return (await inspect(deps, await deps.sampleGpus())).holders;
}

/**
 * As {@link inspectHolders}, for a sample that has been taken already, and with what it was judged by.
 * @param also judged like holders, without a row of the sample
 */
export async function inspect(
  deps: CleanerDeps,
  sample: GpuSample | null,
  also: readonly ProcessInfo[] = [],
): Promise<Inspection> {
  const gpuProcesses = sample?.processes ?? [];
  const [table, self] = await Promise.all([deps.table.all(), deps.table.self()]);
  const evidence = {
    ...(await gatherEvidence(deps, { table, self, gpuProcesses })),
    protect: deps.protect ?? [],
  };
  const withoutRow = also
    .filter(({ pid }) => !gpuProcesses.some((row) => row.pid === pid))
    .map(({ pid, comm }) => ({ pid, usedBytes: null, name: comm, gpus: [] }));
  return {
    table,
    blindSpots: blindSpots(self, table),
    holders: classifyHolders({
      gpuProcesses: [...gpuProcesses, ...withoutRow],
      table,
      launches: deps.launches(),
      self,
      nowMs: deps.clock.now(),
      evidence,
    }),
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
  const chosen = chosenProcesses(allowed, first, options.shown);
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
  const freed = ended.length === 0 ? NOTHING_FREED : await measureFreed(deps, before, ended);
  deps.log.info('cleaner', 'ended leftovers', {
    ended: ended.length,
    refused: refused.size,
    freedBytes: freed.freedBytes,
    shortfall: freed.shortfall,
  });
  return { ended, refused: [...refused].map(([pid, why]) => ({ pid, why })), ...freed };
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

function chosenProcesses(
  pids: readonly number[],
  { holders, table }: Inspection,
  shown: readonly Holder[] | undefined,
): readonly ProcessInfo[] {
  const wanted = new Set(pids);
  for (const { pid, goesWith } of holders)
    for (const relative of pids.includes(pid) ? (goesWith ?? []) : [])
      if (whyRefuse(relative, holders, shown) === null) wanted.add(relative);
  const { byPid } = indexTable(table);
  return [...wanted].flatMap((pid) => byPid.get(pid) ?? []);
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
  const { holders } = await inspect(deps, sample, chosen);
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
  const deadlineMs = deps.clock.elapsedMs() + step.waitMs;
  while (targets.length > 0 && !isAborted(options) && deps.clock.elapsedMs() < deadlineMs) {
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

function isAborted({ signal }: EndOptions): boolean {
  return signal?.aborted === true;
}
