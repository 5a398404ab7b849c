/** Ends one launch by the recipe of its engine: step by step, each process checked at the moment of its signal. */
import type { StopStep } from '../../engines/engine';
import { launchFamily, type LaunchFamily } from '../../processes/family';
import type { LaunchRecord, ProcessIdentity, ProcessInfo } from '../../processes/process';
import { identityKey, identityOf } from '../../processes/tree';
import type { Clock, Log, ProcessTable, SharedMemoryFile, SignalOutcome } from '../ports';
import { collectSharedMemory, removeLeftSharedMemory } from '../holders/sharedMemory';

export interface StopPorts {
  readonly table: ProcessTable;
  readonly clock: Clock;
  readonly log: Log;
}

export interface StopOptions {
  /** Ends the procedure after the signal being sent; what has been done stays done. */
  readonly signal?: AbortSignal;
  readonly pollMs?: number;
}

export interface SentSignal {
  readonly process: ProcessIdentity;
  readonly signal: StopStep['signal'];
  readonly outcome: SignalOutcome;
  readonly atMs: number;
}

export interface StopOutcome {
  /** Nothing of the launch is left (what waits as a zombie for its parent counts as gone). */
  readonly gone: boolean;
  readonly signalled: readonly SentSignal[];
  readonly survivors: readonly ProcessInfo[];
  /** Shared-memory files its dead processes had left behind. */
  readonly removedSharedMemory: number;
  /** The record with everybody that was seen meanwhile. */
  readonly record: LaunchRecord;
}

const POLL_MS = 200;
/** Children are looked for among all processes this often; in between only the known ones are read. */
const FULL_LOOK_MS = 1000;

export async function stopLaunch(
  ports: StopPorts,
  record: LaunchRecord,
  steps: readonly StopStep[],
  options: StopOptions = {},
): Promise<StopOutcome> {
  const watch = new LaunchWatch(ports, record);
  const signalled: SentSignal[] = [];
  for (const step of steps) {
    if (isAborted(options)) break;
    const family = await watch.look();
    if (family.all.length === 0) break;
    const sent = await sendStep(ports, targetsOf(step, family), step, options);
    signalled.push(...sent);
    if (sent.length === 0) continue; // nobody of this kind is left: no reason to wait for the next step
    signalled.push(...(await waitForEnd(ports, watch, step, sent, options)));
  }
  const { main, all } = await watch.look();
  const survivors = all.length === 0 && main ? [main] : all;
  const gone = survivors.length === 0;
  const removedSharedMemory = gone ? await removeLeftSharedMemory(ports.table, watch.files()) : 0;
  if (removedSharedMemory > 0)
    ports.log.info('stopper', 'removed left shared memory', { files: removedSharedMemory });
  return { gone, signalled, survivors, removedSharedMemory, record: watch.record() };
}

/** Finds the family again and again, and remembers everybody it ever saw in it. */
class LaunchWatch {
  private readonly seen = new Map<string, ProcessIdentity>();
  private readonly sharedMemory = new Map<string, SharedMemoryFile>();

  constructor(
    private readonly ports: StopPorts,
    private readonly given: LaunchRecord,
  ) {
    for (const identity of [given.main, ...given.seen])
      this.seen.set(identityKey(identity), identity);
  }

  record(): LaunchRecord {
    return { ...this.given, seen: [...this.seen.values()] };
  }

  files(): readonly SharedMemoryFile[] {
    return [...this.sharedMemory.values()];
  }

  async look(): Promise<LaunchFamily> {
    const { table } = this.ports;
    const { uid, protectedPids } = await table.self();
    const family = launchFamily(this.record(), await table.all(), { uid, protectedPids });
    for (const process of family.all) this.seen.set(identityKey(process), identityOf(process));
    for (const file of await collectSharedMemory(table, family.all))
      this.sharedMemory.set(`${file.device}/${file.inode}`, file);
    return family;
  }

  /** Reads only who is known already: cheap enough for every poll. */
  async isKnownAlive(): Promise<boolean> {
    const known = [...this.seen.values()].map(({ pid }) => pid);
    const { uid, protectedPids } = await this.ports.table.self();
    const some = await this.ports.table.withAncestors(known);
    return launchFamily(this.record(), some, { uid, protectedPids }).all.length > 0;
  }
}

function targetsOf(step: StopStep, family: LaunchFamily): readonly ProcessInfo[] {
  if (step.target === 'main') return family.all.filter((process) => process === family.main);
  return step.target === 'engine' ? family.engines : family.all;
}

async function sendStep(
  ports: StopPorts,
  targets: readonly ProcessInfo[],
  step: StopStep,
  options: StopOptions,
): Promise<readonly SentSignal[]> {
  const sent: SentSignal[] = [];
  for (const process of targets) {
    if (isAborted(options)) break;
    const outcome = await ports.table.signal(identityOf(process), step.signal);
    const { pid, startTime } = process;
    ports.log.info('stopper', 'signal', {
      pid,
      startTime,
      signal: step.signal,
      outcome,
      comm: process.comm,
      why: step.why,
    });
    sent.push({
      process: identityOf(process),
      signal: step.signal,
      outcome,
      atMs: ports.clock.now(),
    });
  }
  return sent;
}

/** Until nobody is left or the step's time is over. Who appears during a SIGKILL step gets one, too. */
async function waitForEnd(
  ports: StopPorts,
  watch: LaunchWatch,
  step: StopStep,
  sent: readonly SentSignal[],
  options: StopOptions,
): Promise<readonly SentSignal[]> {
  const { clock } = ports;
  const pollMs = Math.min(options.pollMs ?? POLL_MS, POLL_MS);
  const deadlineMs = clock.elapsedMs() + step.waitMs;
  const reached = new Set(sent.map(({ process }) => identityKey(process)));
  const late: SentSignal[] = [];
  let nextFullLookMs = clock.elapsedMs() + FULL_LOOK_MS;
  while (!isAborted(options)) {
    const nowMs = clock.elapsedMs();
    if (nowMs >= nextFullLookMs || !(await watch.isKnownAlive())) {
      nextFullLookMs = nowMs + FULL_LOOK_MS;
      const family = await watch.look();
      if (family.all.length === 0) break;
      const newcomers =
        step.signal === 'SIGKILL'
          ? targetsOf(step, family).filter((process) => !reached.has(identityKey(process)))
          : [];
      for (const process of newcomers) reached.add(identityKey(process));
      late.push(...(await sendStep(ports, newcomers, step, options)));
    }
    const leftMs = deadlineMs - clock.elapsedMs();
    if (leftMs <= 0) break;
    await clock.sleep(Math.min(pollMs, leftMs), options.signal);
  }
  return late;
}

function isAborted({ signal }: StopOptions): boolean {
  return signal?.aborted === true;
}
