/** Live samples from rocm-smi, for ROCm before amd-smi. */
import type { GpuAnswers, GpuReading, GpuSource, GpuSourceState } from '../source';
import { toolProblems } from '../toolProblems';
import { readRocmSmi } from './rocmSmi';

const TIMEOUT_MS = 10_000;
/** None of them asks for PCIe bandwidth, which blocks for a second. */
const CARDS = [
  '--showproductname',
  '--showuse',
  '--showmeminfo',
  'all',
  '--showbus',
  '--showtemp',
  '--showpower',
];

export const rocmSmiSource: GpuSource = {
  id: 'rocm-smi',
  label: 'rocm-smi',
  executables: ['rocm-smi', '/opt/rocm/bin/rocm-smi'],
  needs: 'tool',
  calls: (state, wish) =>
    [CARDS, ...(wish.processes ? [['--showpids']] : [])].map((args) => ({
      file: state.executable,
      args: [...args, '--json'],
      timeoutMs: TIMEOUT_MS,
    })),
  read,
};

function read(state: GpuSourceState, { outputs, wish }: GpuAnswers): GpuReading {
  const [cards, processes] = outputs.map((output) => output && readRocmSmi(output.stdout));
  // old releases number them as the kernel does, with gaps; programs count from 0
  const gpus = (cards?.gpus ?? []).map((gpu, index) => ({ ...gpu, index }));
  const [only, ...others] = gpus;
  return {
    sample: {
      gpus,
      // it says how many GPUs a process is on, not which: with one GPU that is no question
      processes: (processes?.processes ?? []).map((process) =>
        only && others.length === 0 ? { ...process, gpus: [only.index] } : process,
      ),
      problems: toolProblems('rocm-smi', outputs, gpus),
    },
    state,
    retry: false,
    // without a process rocm-smi warns "No JSON data to report" in the place of an answer
    hasProcesses: wish.processes && outputs[1] != null,
  };
}
