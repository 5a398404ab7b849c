/**
 * Live samples from nvidia-smi: one short query for the cards, one for the processes. No NVML inside the extension host
 * (a crash of the driver's library would take all extensions with it), no `-q -x` (388 ms to 6 s against 7–25 ms).
 */
import type { Gpu, GpuProblem, GpuProcess, ToolCall, ToolOutput } from '../gpu';
import { completeGpu, withoutReadings } from '../completeGpu';
import type { GpuAnswers, GpuReading, GpuSource, GpuSourceState } from '../source';
import { EMPTY_SAMPLE, retryReading } from '../source';
import { readComputeApps, readQueryGpu } from './output';
import { POOL_QUESTIONS, withPool } from './pool';
import { findProblems, problemOfExit, refusedField } from './problems';
import { areAllAsleep, mayBePutToSleep, SLEEP_QUESTIONS } from './sleep';
import { readTable } from './table';
import { isIntegrated } from '../values';
import { GIB, MIB } from '../../shared/units';

/** Text field last, so that a comma in the name cannot shift columns. Known to every driver that vLLM or Ollama run on. */
const CORE_FIELDS = [
  'index',
  'uuid',
  'pci.bus_id',
  'driver_version',
  'memory.total',
  'memory.used',
  'memory.free',
  'utilization.gpu',
  'temperature.gpu',
  'power.draw',
];
/** `memory.reserved` came with driver 510; a 470 tool does not know `compute_cap`. */
const EXTENDED_FIELDS = [
  'memory.reserved',
  'enforced.power.limit',
  'mig.mode.current',
  'compute_cap',
];
const PROCESS_FIELDS = ['gpu_uuid', 'pid', 'used_gpu_memory'];

/** Where one unknown field fails the whole call, so many are dropped before giving up. */
const MAX_REFUSALS = 6;

/** A first call without persistence starts the driver: 1–3 s per card were reported. */
const TIMEOUT_MS = 10_000;
/** The driver runs by then; who holds the memory is worth less waiting than how much there is. */
const PROCESS_TIMEOUT_MS = 5_000;

/** A driver without a desktop was seen to hold up to 75 MiB that no process answers for; above it, something is hidden. */
const UNEXPLAINED_BYTES = 128 * MIB;

export const nvidiaSource: GpuSource = {
  id: 'nvidia-smi',
  label: 'nvidia-smi',
  executables: [
    'nvidia-smi',
    // Not on PATH of every WSL distribution.
    '/usr/lib/wsl/lib/nvidia-smi',
    'C:\\Windows\\System32\\nvidia-smi.exe',
    'C:\\Program Files\\NVIDIA Corporation\\NVSMI\\nvidia-smi.exe',
  ],
  needs: 'tool',
  files: (state) => [
    ...(state.canSleep === false ? [] : SLEEP_QUESTIONS),
    ...(state.wantsPool === true ? POOL_QUESTIONS : []),
  ],
  calls(state, wish, files) {
    if (areAllAsleep(files)) return [];
    const once = call(state, 'gpu', [...CORE_FIELDS, ...EXTENDED_FIELDS], 'name', TIMEOUT_MS);
    // one that runs on would keep a card awake that may sleep
    const cards = state.canSleep === false ? { ...once, repeat: '-lms' } : once;
    if (!wish.processes) return [cards];
    const processes = call(
      state,
      'compute-apps',
      PROCESS_FIELDS,
      'process_name',
      PROCESS_TIMEOUT_MS,
    );
    return state.wantsTable ? [cards, processes, table(state)] : [cards, processes];
  },
  read,
};

/**
 * Under WSL the Linux tool crashes with some drivers (https://github.com/microsoft/WSL/issues/11277); that of Windows
 * still tells the totals. Its process ids are of Windows and mean nothing here.
 */
export const nvidiaOfWindowsSource: GpuSource = {
  ...nvidiaSource,
  id: 'nvidia-smi.exe',
  label: 'nvidia-smi of Windows',
  executables: ['/mnt/c/Windows/System32/nvidia-smi.exe'],
  files: () => [],
  calls: (state, wish, files) => nvidiaSource.calls(state, { ...wish, processes: false }, files),
};

function call(
  state: GpuSourceState,
  what: string,
  fields: readonly string[],
  textField: string,
  timeoutMs: number,
): ToolCall {
  const asked = [...fields, textField].filter((field) => !state.refusedFields.includes(field));
  return {
    file: state.executable,
    args: [`--query-${what}=${asked.join(',')}`, '--format=csv,nounits'],
    timeoutMs,
  };
}

function table(state: GpuSourceState): ToolCall {
  return { file: state.executable, args: [], timeoutMs: PROCESS_TIMEOUT_MS };
}

function read(state: GpuSourceState, { outputs, files, wish }: GpuAnswers): GpuReading {
  if (outputs.length === 0) return asleepReading(state);
  const [cardsOutput, processesOutput, tableOutput] = outputs;
  const ended = outputs.filter((output) => output !== null);
  const refused = ended
    .map((output) => refusedField(said(output)))
    .find((field) => field !== null && isAskedField(field) && !state.refusedFields.includes(field));
  if (refused != null && state.refusedFields.length < MAX_REFUSALS)
    return retryReading({ ...state, refusedFields: [...state.refusedFields, refused] });
  const cards = readQueryGpu(cardsOutput?.stdout ?? '');
  const full = tableOutput ? readTable(tableOutput.stdout) : { gpus: [], processes: [] };
  const named = (cards.gpus ?? []).map(asleepAMomentAgo).map((gpu) => withSlices(gpu, full.gpus));
  const told = readComputeApps(processesOutput?.stdout ?? '', named).processes;
  const apps = told ?? [];
  // some drivers print nothing at all where nobody computes; one that fails has not told
  const hasProcesses = told !== undefined || processesOutput?.exitCode === 0;
  const processes = joinProcesses(apps, full.processes);
  const wantsPool = named.some(needsPool);
  const gpus = named.map((gpu) =>
    needsPool(gpu)
      ? withPool(gpu, files, hasProcesses ? processes : null, lastUsedBytes(state, gpu))
      : seesWholeBoard(state) && gpu.totalBytes !== null
        ? { ...gpu, cudaBytes: gpu.totalBytes }
        : gpu,
  );
  const problems = problemsOf(ended, [...(cards.problems ?? [])], gpus);
  if (wish.processes && processesOutput === null)
    problems.push({ id: 'timeout', text: 'nvidia-smi did not say which processes hold memory.' });
  return {
    sample: { gpus, processes, problems },
    state: {
      ...state,
      wantsTable: hasProcesses ? needsTable(gpus, apps) : state.wantsTable,
      wantsPool,
      canSleep: state.canSleep !== false && mayBePutToSleep(files),
      known: gpus,
    },
    // found out just now that the system's memory is part of the question
    retry: wantsPool && state.wantsPool !== true && gpus.length > 0,
    hasProcesses,
  };
}

/** Under Windows and WSL, Windows manages the memory: CUDA reports the whole board there, on Linux 2–4 % less. */
function seesWholeBoard({ executable }: GpuSourceState): boolean {
  return /\/wsl\/|\.exe$/i.test(executable);
}

/**
 * A board that does not tell its memory (an old driver, a fault) is no reason to show the system's in its place. A chip
 * that shares it may tell a fixed 8128 MiB (N1X, https://github.com/unslothai/unsloth/pull/10283).
 */
function needsPool({ name, totalBytes }: Gpu): boolean {
  return isIntegrated(name) && (totalBytes === null || totalBytes <= 8 * GIB);
}

function lastUsedBytes(state: GpuSourceState, gpu: Gpu): number | null {
  return state.known?.find((each) => each.index === gpu.index)?.usedBytes ?? null;
}

/** What was known before it fell asleep; its memory is lost, so what was held is not known to be held. */
function asleepReading(state: GpuSourceState): GpuReading {
  const known = state.known ?? [];
  const gpus = (known.length > 0 ? known : [completeGpu(0, {})]).map((gpu) => ({
    ...withoutReadings(gpu),
    asleep: true,
  }));
  return {
    sample: { ...EMPTY_SAMPLE, gpus },
    state: { ...state, known: known.length > 0 ? gpus : [] },
    retry: false,
    hasProcesses: true,
  };
}

/**
 * The first reading after the driver slept says 100 %, because it scrubs the memory then. A kernel can't run on a card
 * that holds nothing, so 100 % of an empty card is unknown. https://docs.nvidia.com/deploy/driver-persistence/
 */
function asleepAMomentAgo(gpu: Gpu): Gpu {
  return gpu.usedBytes === 0 && gpu.utilizationPercent === 100
    ? { ...gpu, utilizationPercent: null }
    : gpu;
}

function withSlices(gpu: Gpu, fromTable: readonly Gpu[]): Gpu {
  const migDevices = fromTable.find((each) => each.index === gpu.index)?.migDevices;
  return migDevices ? { ...gpu, migDevices } : gpu;
}

/**
 * compute-apps names the parent card under MIG, and leaves out processes that only draw: the table has both. Where the
 * tool can't say what each process holds (WDDM, WSL), the table can't either.
 */
function needsTable(gpus: readonly Gpu[], apps: readonly GpuProcess[]): boolean {
  if (gpus.some((gpu) => gpu.mig === true)) return true;
  if (apps.some((process) => process.usedBytes === null)) return false;
  const used = gpus.reduce((sum, gpu) => sum + (gpu.usedBytes ?? 0), 0);
  const explained = apps.reduce((sum, process) => sum + (process.usedBytes ?? 0), 0);
  return used - explained > UNEXPLAINED_BYTES * gpus.length;
}

/** compute-apps has whole names and sums over cards; the table adds types, slices, and the processes that only draw. */
function joinProcesses(
  apps: readonly GpuProcess[],
  fromTable: readonly GpuProcess[],
): readonly GpuProcess[] {
  const known = new Set(apps.map((process) => process.pid));
  return [
    ...apps.map((process) => ({
      ...fromTable.find((row) => row.pid === process.pid),
      ...process,
    })),
    ...fromTable.filter((process) => !known.has(process.pid)),
  ];
}

/** One problem per id; what a text explains is not told again by the exit code. */
function problemsOf(
  outputs: readonly ToolOutput[],
  ofCards: readonly GpuProblem[],
  gpus: readonly Gpu[],
): GpuProblem[] {
  const problems = [...ofCards];
  for (const output of outputs) {
    const found = findProblems(said(output));
    const ofExit = found.length === 0 ? problemOfExit(output) : null;
    problems.push(...found, ...(ofExit ? [ofExit] : []));
  }
  if (problems.length === 0 && gpus.length === 0)
    problems.push({ id: 'bad_output', text: 'nvidia-smi named no GPU.' });
  return problems.filter(
    (problem, at) => problems.findIndex((each) => each.id === problem.id) === at,
  );
}

function isAskedField(field: string): boolean {
  const asked = [...CORE_FIELDS, ...EXTENDED_FIELDS, ...PROCESS_FIELDS, 'name', 'process_name'];
  return asked.includes(field);
}

/** Errors come on stdout in most cases. */
function said(output: ToolOutput): string {
  return `${output.stdout}\n${output.stderr}`;
}
