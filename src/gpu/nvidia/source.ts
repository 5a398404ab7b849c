/**
 * Live samples from nvidia-smi: one short query for the cards, one for the processes. No NVML inside the extension host
 * (a crash of the driver's library would take all extensions with it), no `-q -x` (388 ms to 6 s against 7–25 ms).
 */
import type { Gpu, GpuProblem, GpuProcess, GpuSample, ToolCall, ToolOutput } from '../gpu';
import type { GpuReading, GpuSource, GpuSourceState } from '../source';
import { readComputeApps, readQueryGpu } from './output';
import { findProblems, problemOfExit, refusedField } from './problems';
import { readTable } from './table';
import { MIB } from '../../shared/units';

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
  simulated: false,
  start: (executable) => ({ executable, refusedFields: [], wantsTable: false }),
  calls(state, wish) {
    const cards = call(state, 'gpu', [...CORE_FIELDS, ...EXTENDED_FIELDS], 'name');
    if (!wish.processes) return [cards];
    const processes = call(state, 'compute-apps', PROCESS_FIELDS, 'process_name');
    return state.wantsTable ? [cards, processes, table(state)] : [cards, processes];
  },
  read,
};

function call(
  state: GpuSourceState,
  what: string,
  fields: readonly string[],
  textField: string,
): ToolCall {
  const asked = [...fields, textField].filter((field) => !state.refusedFields.includes(field));
  return {
    file: state.executable,
    args: [`--query-${what}=${asked.join(',')}`, '--format=csv,nounits'],
    timeoutMs: TIMEOUT_MS,
  };
}

function table(state: GpuSourceState): ToolCall {
  return { file: state.executable, args: [], timeoutMs: TIMEOUT_MS };
}

function read(state: GpuSourceState, outputs: readonly ToolOutput[]): GpuReading {
  const [cardsOutput, processesOutput, tableOutput] = outputs;
  const hasProcesses = processesOutput !== undefined;
  const refused = outputs
    .map((output) => refusedField(said(output)))
    .find((field) => field !== null && isAskedField(field) && !state.refusedFields.includes(field));
  if (refused != null && state.refusedFields.length < MAX_REFUSALS) {
    const refusedFields = [...state.refusedFields, refused];
    const sample = { gpus: [], processes: [], problems: [] };
    return { sample, state: { ...state, refusedFields }, retry: true, hasProcesses };
  }
  const cards = readQueryGpu(cardsOutput?.stdout ?? '');
  const full = tableOutput ? readTable(tableOutput.stdout) : { gpus: [], processes: [] };
  const gpus = (cards.gpus ?? []).map(asleepAMomentAgo).map((gpu) => withSlices(gpu, full.gpus));
  const apps = readComputeApps(processesOutput?.stdout ?? '', gpus).processes ?? [];
  const sample: GpuSample = {
    gpus,
    processes: joinProcesses(apps, full.processes),
    problems: problemsOf(outputs, [...(cards.problems ?? [])], gpus),
  };
  const wantsTable = hasProcesses ? needsTable(gpus, apps) : state.wantsTable;
  return { sample, state: { ...state, wantsTable }, retry: false, hasProcesses };
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
