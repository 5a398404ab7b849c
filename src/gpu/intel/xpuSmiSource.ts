/** Live samples from xpu-smi 1.x: which cards and how large once, then their readings one by one. */
import type { Gpu, ToolCall } from '../gpu';
import { completeGpu, filledFrom } from '../completeGpu';
import type { GpuAnswers, GpuReading, GpuSource, GpuSourceState } from '../source';
import { toolProblems } from '../toolProblems';
import { readXpuSmi } from './xpuSmi';

const TIMEOUT_MS = 10_000;

export const xpuSmiSource: GpuSource = {
  id: 'xpu-smi',
  label: 'xpu-smi',
  executables: ['xpu-smi'],
  needs: 'tool',
  calls(state, wish) {
    const call = (...args: string[]): ToolCall => ({
      file: state.executable,
      args,
      timeoutMs: TIMEOUT_MS,
    });
    const { known } = state;
    if (known === undefined) return [call('discovery')];
    const unsized = known.filter((gpu) => gpu.totalBytes === null);
    return [
      ...known.map(({ index }) => call('stats', '-d', String(index))),
      // asked once, with or without an answer: `looks` counts
      ...(state.looks === undefined
        ? unsized.map(({ index }) => call('discovery', '-d', String(index)))
        : []),
      ...(wish.processes ? [call('ps')] : []),
    ];
  },
  read,
};

function read(state: GpuSourceState, { outputs, wish }: GpuAnswers): GpuReading {
  const answers = outputs.map((output) => (output ? readXpuSmi(output.stdout) : null));
  const told = answers.flatMap((answer) => answer?.gpus ?? []);
  if (state.known === undefined)
    return {
      sample: { gpus: [], processes: [], problems: toolProblems('xpu-smi', outputs, told) },
      state: told.length > 0 ? { ...state, known: told } : state,
      retry: told.length > 0,
      hasProcesses: false,
    };
  const gpus = state.known.map((gpu) =>
    told
      .filter((each) => each.index === gpu.index)
      .reduce<Gpu>((merged, each) => completeGpu(gpu.index, filledFrom(merged, each)), gpu),
  );
  const processes = wish.processes ? (answers.at(-1)?.processes ?? []) : [];
  return {
    sample: {
      gpus,
      // the tool itself holds 206 MiB while it runs
      processes: processes.filter((process) => process.name !== 'xpu-smi'),
      problems: told.length === 0 ? toolProblems('xpu-smi', outputs, told) : [],
    },
    state: {
      ...state,
      looks: (state.looks ?? 0) + 1,
      known: gpus.map(({ index, name, uuid, busId, totalBytes, driverVersion }) =>
        completeGpu(index, { name, uuid, busId, totalBytes, driverVersion }),
      ),
    },
    retry: false,
    hasProcesses: wish.processes && outputs.at(-1) != null,
  };
}
