/**
 * What a source of live samples is: one way to ask about the GPUs of one maker. A source describes its questions (files of
 * the kernel, calls of a tool) as data and reads what was answered; `app/` asks.
 */
import type { Gpu, GpuSample, ToolCall, ToolOutput } from './gpu';
import type { FileAnswers, FileQuestion } from './kernelFiles';

/** What a source remembers between samples; plain data. Each uses what it needs. */
export interface GpuSourceState {
  /** Absolute; "" for a source of files whose helping tool is not there. */
  readonly executable: string;
  /** Fields that this tool refused, never asked for again. */
  readonly refusedFields: readonly string[];
  /** One more, dearer call would tell what the last sample left open: MIG slices, processes that only draw. */
  readonly wantsTable: boolean;
  /** What was asked once and does not change, and what was seen last: names, bus ids, totals. */
  readonly known?: readonly Gpu[];
  /** The GPU shares the system's memory: that is asked, too. */
  readonly wantsPool?: boolean;
  /** False: no card of this machine can be put to sleep, so nobody has to look whether one is. */
  readonly canSleep?: boolean;
  /** Processes seen on the GPUs; between two searches through all processes only these are looked at. */
  readonly pids?: readonly number[];
  /** Looks at processes so far. */
  readonly looks?: number;
}

/** What a look is to tell beside how full the GPUs are. */
export interface GpuWish {
  readonly processes: boolean;
}

/** What was answered: outputs in the order of the calls, null for a call that did not end in time. */
export interface GpuAnswers {
  readonly outputs: readonly (ToolOutput | null)[];
  readonly files: FileAnswers;
  readonly wish: GpuWish;
}

export interface GpuReading {
  readonly sample: GpuSample;
  readonly state: GpuSourceState;
  /** Ask again at once with the new state: a field was refused, or something was found that needs more. Bounded by the source. */
  readonly retry: boolean;
  /** False: processes were not asked for or not told, `sample.processes` is empty and the older list stands. */
  readonly hasProcesses: boolean;
  /** Nothing of this kind is in the machine: no failure, and nothing to say. */
  readonly absent?: boolean;
}

/** One way to ask: an adapter for a tool or for the kernel's files. */
export interface GpuSource {
  readonly id: string;
  readonly label: string;
  /** Names to look for on PATH and absolute paths, in order. */
  readonly executables: readonly string[];
  /** `tool`: absent without one of its executables. `files`: works without; an executable only helps, e.g. with names. */
  readonly needs: 'tool' | 'files';
  /** It makes its figures up. */
  readonly simulated?: true;
  /** Asked before the tool; absent: none. */
  files?(state: GpuSourceState, wish: GpuWish): readonly FileQuestion[];
  /**
   * The first call is what a sample can't be without; of the others each may fail for itself. Processes cost a spawn of
   * their own (2–4 ms of CPU) and may be asked for less often than totals.
   */
  calls(state: GpuSourceState, wish: GpuWish, files: FileAnswers): readonly ToolCall[];
  /** Never throws; failures are problems of the sample. */
  read(state: GpuSourceState, answers: GpuAnswers): GpuReading;
}

/** Ways to the same GPUs, the cheapest first. */
export interface GpuFamily {
  /** null: of several makers, each GPU names its own. */
  readonly vendor: NonNullable<Gpu['vendor']> | null;
  readonly ways: readonly GpuSource[];
  /** While others answer, nobody waits for it: what it says is part of a later look. */
  readonly isSlow?: boolean;
}

export const EMPTY_SAMPLE: GpuSample = { gpus: [], processes: [], problems: [] };

/** Before the first sample. */
export function startState(executable: string): GpuSourceState {
  return { executable, refusedFields: [], wantsTable: false };
}

/** Nothing of this kind is in the machine. */
export function absentReading(state: GpuSourceState): GpuReading {
  return { sample: EMPTY_SAMPLE, state, retry: false, hasProcesses: false, absent: true };
}

/** Something was found out that changes the question: it is asked again at once. */
export function retryReading(state: GpuSourceState): GpuReading {
  return { sample: EMPTY_SAMPLE, state, retry: true, hasProcesses: false };
}
