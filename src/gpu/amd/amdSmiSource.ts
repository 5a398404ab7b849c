/** Live samples from amd-smi, where the kernel's files can't be read: a Python start of hundreds of milliseconds each. */
import { completeGpu, filledFrom } from '../completeGpu';
import type { ToolCall } from '../gpu';
import type { GpuAnswers, GpuReading, GpuSource, GpuSourceState } from '../source';
import { toolProblems } from '../toolProblems';
import { readAmdSmi } from './amdSmi';

export const AMD_SMI_PLACES = ['amd-smi', '/opt/rocm/bin/amd-smi'];
const TIMEOUT_MS = 10_000;
const METRICS = ['--usage', '--mem-usage', '--temperature', '--power'];

export const amdSmiSource: GpuSource = {
  id: 'amd-smi',
  label: 'amd-smi',
  executables: AMD_SMI_PLACES,
  needs: 'tool',
  calls(state, wish) {
    const call = (...args: string[]): ToolCall => ({
      file: state.executable,
      args: [...args, '--json'],
      timeoutMs: TIMEOUT_MS,
    });
    return [
      call('metric', ...METRICS),
      ...(wish.processes ? [call('process')] : []),
      ...(state.known === undefined
        ? [call('static', '--asic', '--bus', '--vram', '--driver')]
        : []),
    ];
  },
  read,
};

function read(state: GpuSourceState, { outputs, wish }: GpuAnswers): GpuReading {
  const answers = outputs.map((output) => output && readAmdSmi(output.stdout));
  const [metric] = answers;
  const process = wish.processes ? answers[1] : null;
  const fixed = state.known ?? answers[wish.processes ? 2 : 1]?.gpus ?? [];
  const gpus = (metric?.gpus ?? []).map((gpu) =>
    filledFrom(
      gpu,
      fixed.find((each) => each.index === gpu.index),
    ),
  );
  return {
    sample: {
      gpus,
      processes: process?.processes ?? [],
      problems: toolProblems('amd-smi', outputs, gpus),
    },
    state: {
      ...state,
      known: fixed.map(({ index, name, busId, totalBytes, driverVersion }) =>
        completeGpu(index, { name, busId, totalBytes, driverVersion }),
      ),
    },
    retry: false,
    hasProcesses: process != null,
  };
}
