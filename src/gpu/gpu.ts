/** What a GPU is, whichever tool described it. Unknown is `null`, never 0. */

export type MemoryKind = 'dedicated' | 'unified';

export interface Gpu {
  readonly index: number;
  readonly name: string | null;
  readonly uuid: string | null;
  readonly busId: string | null;
  readonly totalBytes: number | null;
  readonly usedBytes: number | null;
  /** Only where the tool prints it. */
  readonly freeBytes: number | null;
  readonly reservedBytes: number | null;
  readonly utilizationPercent: number | null;
  readonly temperatureC: number | null;
  readonly powerW: number | null;
  readonly powerLimitW: number | null;
  readonly memory: MemoryKind;
  /** e.g. "8.9"; null where the tool does not say. */
  readonly computeCapability: string | null;
  readonly driverVersion: string | null;
}

export interface GpuProcess {
  readonly pid: number;
  /** Summed over the GPUs in `gpus`. */
  readonly usedBytes: number | null;
  readonly name: string | null;
  /** Indices into the same sample. */
  readonly gpus: readonly number[];
}

/** `id` as `error` in the recorded samples: e.g. driver_not_loaded, mismatch, gpu_lost, timeout. */
export interface GpuProblem {
  readonly id: string;
  readonly text: string;
}

export interface GpuSample {
  readonly gpus: readonly Gpu[];
  readonly processes: readonly GpuProcess[];
  readonly problems: readonly GpuProblem[];
}

/** What a finished tool said; errors come on stdout with most GPU tools, so parsers look at both. */
export interface ToolOutput {
  readonly stdout: string;
  readonly stderr: string;
  /** null: ended by a signal. */
  readonly exitCode: number | null;
}

/** One call of a tool, as data: `app/` runs it, the room that described it reads it. */
export interface ToolCall {
  readonly file: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
}
