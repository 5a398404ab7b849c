/**
 * Controls the stand-in for nvidia-smi (fakeNvidiaSmi.mjs): a GPU that this machine does not have. The wrapper script
 * carries the path of its state file, so that `executable` can be handed to anything that spawns nvidia-smi.
 */

export interface FakeGpuCard {
  readonly name: string;
  readonly totalMiB: number;
  /** Without what `holders` add. */
  readonly usedMiB?: number;
  readonly reservedMiB?: number;
  readonly uuid?: string;
  readonly busId?: string;
  readonly utilization?: number;
  readonly temperatureC?: number;
  readonly powerW?: number;
  readonly powerLimitW?: number;
  readonly computeCapability?: string;
}

/** Every live process that meets all conditions given holds `usedMiB`. At least one condition is needed. */
export interface FakeGpuHolder {
  readonly usedMiB: number;
  /** Index of the card; 0 where missing. */
  readonly gpu?: number;
  /** As listed; the command's first word where missing. */
  readonly name?: string;
  readonly pid?: number;
  readonly pgid?: number;
  readonly sid?: number;
  /** Part of the command line, e.g. "VLLM::EngineCore". */
  readonly commandIncludes?: string;
  /** Variable in the environment, or a group or session in which a bearer was seen by an earlier call. */
  readonly mark?: { readonly name: string; readonly value?: string };
}

export interface FakeGpuState {
  readonly gpus: readonly FakeGpuCard[];
  readonly mode?:
    'ok' | 'slow' | 'hang' | 'notAvailable' | 'vanish' | 'noDevices' | 'lostGpu' | 'driverMismatch';
  readonly delayMs?: number;
  readonly driverVersion?: string;
  readonly processes?: readonly {
    readonly pid: number;
    readonly usedMiB: number;
    readonly name: string;
    readonly gpu?: number;
  }[];
  readonly holders?: readonly FakeGpuHolder[];
  readonly invalidFields?: readonly string[];
}

export interface FakeGpu {
  /** A script to be run as nvidia-smi. */
  readonly executable: string;
  state(): FakeGpuState;
  /** Takes effect with the next call of the tool. */
  setState(patch: Partial<FakeGpuState>): void;
}

/** Writes wrapper and state into `folder`, which must exist. `script`: where fakeNvidiaSmi.mjs is, if not beside this file. */
export function createFakeGpu(
  folder: string,
  initial?: Partial<FakeGpuState>,
  script?: string,
): FakeGpu;

/** The one that `createFakeGpu` put there, in this or another process. */
export function openFakeGpu(folder: string): FakeGpu;
