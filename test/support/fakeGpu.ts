/**
 * Controls the stand-in for nvidia-smi (fakeNvidiaSmi.mjs): a GPU that this machine does not have. The wrapper script
 * carries the path of its state file, so that `executable` can be handed to anything that spawns nvidia-smi.
 */
import fs from 'node:fs';
import path from 'node:path';

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

/** A 24 GB desktop card with a desktop on it. */
const DEFAULT_CARD: FakeGpuCard = {
  name: 'NVIDIA GeForce RTX 4090',
  totalMiB: 24564,
  usedMiB: 612,
  reservedMiB: 420,
  utilization: 3,
  temperatureC: 41,
  powerW: 24.5,
  powerLimitW: 450,
  computeCapability: '8.9',
};

/** Writes wrapper and state into `folder`, which must exist. `script`: where fakeNvidiaSmi.mjs is, if not under the current folder. */
export function createFakeGpu(
  folder: string,
  initial: Partial<FakeGpuState> = {},
  script = path.resolve('test', 'support', 'fakeNvidiaSmi.mjs'),
): FakeGpu {
  const executable = path.join(folder, 'nvidia-smi');
  const statePath = path.join(folder, 'fakeGpu.json');
  let state: FakeGpuState = { gpus: [DEFAULT_CARD], ...initial };
  const save = () => {
    // Renamed into place: a call under way must not read half a file.
    fs.writeFileSync(`${statePath}.new`, JSON.stringify(state));
    fs.renameSync(`${statePath}.new`, statePath);
  };
  save();
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  // In an extension host execPath is Electron, which the variable turns into plain Node.
  const environment = `ELECTRON_RUN_AS_NODE=1 FAKE_NVIDIA_SMI_STATE=${quoted(statePath)}`;
  const command = `exec env ${environment} ${quoted(process.execPath)} ${quoted(script)} "$@"`;
  fs.writeFileSync(
    executable,
    `#!/bin/sh\n# Stand-in for nvidia-smi, made by tests.\n${command}\n`,
    {
      mode: 0o755,
    },
  );
  return {
    executable,
    state: () => state,
    setState: (patch) => {
      state = { ...state, ...patch };
      save();
    },
  };
}
