/** What a source of live samples is. A source describes its calls as data and reads what they said; `app/` runs them. */
import type { GpuSample, ToolCall, ToolOutput } from './gpu';

/** What a source remembers between samples; plain data. */
export interface GpuSourceState {
  readonly executable: string;
  /** Fields that this tool refused, never asked for again. */
  readonly refusedFields: readonly string[];
  /** The last sample left something open that one more, dearer call tells: MIG slices, processes that only draw. */
  readonly wantsTable: boolean;
}

export interface GpuReading {
  readonly sample: GpuSample;
  readonly state: GpuSourceState;
  /** Run `calls` of the new state at once: the tool refused a field and is asked again without it. Bounded by the source. */
  readonly retry: boolean;
  /** False: processes were not asked for, `sample.processes` is empty and the older list stands. */
  readonly hasProcesses: boolean;
}

export interface GpuSource {
  readonly id: string;
  readonly label: string;
  /** Names to look for on PATH and absolute paths, in order. */
  readonly executables: readonly string[];
  /** True for a source that makes its figures up. */
  readonly simulated: boolean;
  start(executable: string): GpuSourceState;
  /** Processes cost a spawn of their own (2–4 ms of CPU) and may be asked for less often than totals. */
  calls(state: GpuSourceState, wish: { readonly processes: boolean }): readonly ToolCall[];
  /** `outputs` in the order of `calls`. Never throws; failures are problems of the sample. */
  read(state: GpuSourceState, outputs: readonly ToolOutput[]): GpuReading;
}
