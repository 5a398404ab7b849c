/**
 * Live samples from Windows' own counters: AMD and Intel cards, and what each process holds, NVIDIA's included. Written
 * from descriptions and never seen on a real machine; load, temperature and power stay unknown.
 */
import type { GpuAnswers, GpuReading, GpuSource, GpuSourceState } from '../source';
import { toolProblems } from '../toolProblems';
import { readCounters } from './counters';
import { COUNTERS_SCRIPT } from './script';

/** The shell's start, the registry and a first round of a provider that sleeps. */
const TIMEOUT_MS = 20_000;

export const windowsCountersSource: GpuSource = {
  id: 'windows-counters',
  label: 'Windows performance counters',
  // by its place alone: the name is on the PATH of WSL, too, where it would tell of another system's processes
  executables: ['C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe'],
  needs: 'tool',
  calls: ({ executable }) => [
    {
      file: executable,
      args: ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command', COUNTERS_SCRIPT],
      timeoutMs: TIMEOUT_MS,
      repeat: '-every',
    },
  ],
  read,
};

/**
 * No card is no failure: most desktops without one have a processor that draws. Nor is a shell that a policy restrains, or
 * a Windows that does not count yet (before 10, version 1709). One that has counted before, and fails, is.
 */
function read(state: GpuSourceState, { outputs }: GpuAnswers): GpuReading {
  const answer = readCounters(outputs[0]?.stdout ?? '');
  const gpus = answer?.gpus ?? [];
  const hasFailed = answer === null && state.known !== undefined;
  return {
    sample: {
      gpus,
      processes: answer?.processes ?? [],
      problems: hasFailed ? toolProblems('Windows performance counters', outputs, gpus) : [],
    },
    state: gpus.length > 0 ? { ...state, known: gpus } : state,
    retry: false,
    hasProcesses: answer !== null,
    ...(gpus.length === 0 && !hasFailed ? { absent: true } : {}),
  };
}
