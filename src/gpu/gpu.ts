/**
 * The room `gpu`: what a GPU is, how each tool's words become one, how full it was and when that is too full. Pure: it
 * describes calls and reads answers, `app/` runs them. Here: the types. Unknown is `null`, never 0.
 */

/** `unified`: the GPU shares the system's memory. */
export type MemoryKind = 'dedicated' | 'unified';

export type GpuVendor = 'nvidia' | 'amd' | 'intel' | 'apple';

/** A slice of a card under MIG. Two compute instances of one GPU instance share its memory: never add them up. */
export interface MigDevice {
  /** Number of the slice on its card; null where the tool does not say. */
  readonly device: number | null;
  readonly gpuInstanceId: number | null;
  readonly computeInstanceId: number | null;
  /** e.g. "3g.40gb"; only `-L` prints it. */
  readonly profile: string | null;
  readonly uuid: string | null;
  readonly totalBytes: number | null;
  readonly usedBytes: number | null;
  readonly freeBytes: number | null;
}

export interface Gpu {
  readonly index: number;
  readonly name: string | null;
  readonly uuid: string | null;
  readonly busId: string | null;
  /** Of unified memory: what the system has. */
  readonly totalBytes: number | null;
  /** Of unified memory: what the GPU holds, as far as that can be told; the rest of the system's use is not in it. */
  readonly usedBytes: number | null;
  /** Only where the tool prints it; of unified memory what the system could still give. */
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
  /** Cut into slices (MIG); absent where the tool does not say. */
  readonly mig?: boolean;
  /** Absent where the tool does not list them. */
  readonly migDevices?: readonly MigDevice[];
  /** Cores of an Apple GPU; absent where the tool does not say. */
  readonly cores?: number;
  /** Of `usedBytes`, what work at this moment touches (Apple); absent where the tool does not say. */
  readonly inUseBytes?: number;
  /** The most that programs on the GPU may take of a unified pool (Apple); absent where there is no such limit. */
  readonly limitBytes?: number;
  /** `limitBytes` is a rule of thumb, nobody said it. */
  readonly isLimitEstimated?: boolean;
  /** The total that CUDA reports, where the way it is run tells (WSL, Windows); absent: what the planner knows of the board. */
  readonly cudaBytes?: number;
  /** The driver has put it to sleep; asking for more would wake it. */
  readonly asleep?: boolean;
  /** Absent in recorded outputs. */
  readonly vendor?: GpuVendor;
}

export interface GpuProcess {
  readonly pid: number;
  /** Summed over the GPUs in `gpus`; null as soon as one of them is unknown. */
  readonly usedBytes: number | null;
  /** As the tool prints it, which may be cut; "" where it prints an empty name. */
  readonly name: string | null;
  /** Indices into the same sample. */
  readonly gpus: readonly number[];
  /** C compute, G graphics, C+G, M (MPS), M+C, O; absent where the tool does not say. */
  readonly type?: string;
  /** Share of the multiprocessors' time; absent where the tool does not say. */
  readonly utilizationPercent?: number;
  /** The MIG slice it runs on; absent outside MIG. */
  readonly gpuInstanceId?: number;
  readonly computeInstanceId?: number;
}

/** `id` as `error` in the recorded samples, e.g. driver_not_loaded, driver_library_mismatch, gpu_lost; or timeout, no_tool. */
export interface GpuProblem {
  readonly id: string;
  readonly text: string;
}

export interface GpuSample {
  readonly gpus: readonly Gpu[];
  readonly processes: readonly GpuProcess[];
  /** The first figures of a window: who holds the memory is asked a moment later. */
  readonly processesPending?: true;
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
  /**
   * With this flag and a number of milliseconds after `args` the tool goes on answering: the same header once, then the
   * same rows in each round, each beginning with a number of its own. Absent: it can't, or should not.
   */
  readonly repeat?: string;
}
