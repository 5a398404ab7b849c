/** `workers`: how many GPU workers fit beside Ollama. */
import type { GpuSample } from '../../gpu/gpu';
import { parametersInName } from '../../planner/nameSize';
import { planWorkers, type WorkersPlan } from '../../planner/workers';
import {
  DEFAULT_WORKER_SETTINGS,
  readWorkerConfig,
  reservationForModel,
  WORKER_CONFIG_FILE,
  WORKER_PRESETS,
  type WorkerSettings,
} from '../../planner/workerSettings';
import { fail, ok, type Result } from '../../shared/failure';
import { parseSize } from '../../shared/units';
import { inspect } from '../cleaner';
import { plannableGpus } from '../planService';
import {
  isRefusal,
  refuse,
  refuseFailure,
  textFlag,
  type CliCommand,
  type CommandDoors,
  type CommandInput,
  type CommandOutcome,
  type CommandRefusal,
} from './command';
import { readInputText } from './readInput';
import { sampleGpus } from './sampleGpus';

/** Same as the verdict "does not fit" of `plan`. */
const EXIT_REFUSED = 2;

export const workersCommand: CliCommand = {
  name: 'workers',
  summary: 'says how many GPU workers fit beside Ollama',
  usage: [
    'workers [--total 24GiB --free 22GiB] [--max-workers 2] [--config FILE.json] [--preset conservative|aggressive|ultra-conservative] [--ollama-model 14b] [--json]',
  ],
  flags: {
    total: { type: 'string' },
    free: { type: 'string' },
    'max-workers': { type: 'string' },
    config: { type: 'string' },
    preset: { type: 'string' },
    'ollama-model': { type: 'string' },
  },
  run,
};

async function run(input: CommandInput, doors: CommandDoors): Promise<CommandOutcome> {
  if (input.positionals.length > 0)
    return refuse(`workers: found "${input.positionals.join(' ')}", expected flags only`);
  const sizes = sizesFromFlags(input);
  if (isRefusal(sizes)) return sizes;
  const settings = await settingsFromFlags(input, doors);
  if (!settings.ok) return refuseFailure(settings.failure);
  const cap = capFromFlags(input);
  if (cap !== null && typeof cap !== 'number') return cap;
  const memory = sizes.totalBytes === null ? await liveMemory(doors, settings.value) : sizes;
  if (memory.totalBytes === null)
    return refuse('workers: no GPU was found here; give --total and --free');
  const { source, ...plan } = planWorkers({
    totalBytes: memory.totalBytes,
    freeBytes: memory.freeBytes,
    ollamaHeldBytes: memory.ollamaHeldBytes,
    settings: { ...settings.value, maxWorkers: cap ?? settings.value.maxWorkers },
  });
  return {
    exitCode: plan.workers === 0 ? EXIT_REFUSED : 0,
    json: { ...plan, source },
    text: workersText({ source, ...plan }),
  };
}

interface CardMemory {
  readonly totalBytes: number | null;
  readonly freeBytes: number | null;
  readonly ollamaHeldBytes: number | null;
}

function sizesFromFlags(input: CommandInput): CardMemory | CommandRefusal {
  const read = (flag: string): number | null | CommandRefusal => {
    const word = textFlag(input, flag);
    if (word === null) return null;
    const bytes = parseSize(word);
    return bytes === null || !/[a-z]/i.test(word)
      ? refuse(`--${flag}: found "${word}", expected a size such as 24GiB`)
      : bytes;
  };
  const totalBytes = read('total');
  const freeBytes = read('free');
  if (totalBytes !== null && typeof totalBytes !== 'number') return totalBytes;
  if (freeBytes !== null && typeof freeBytes !== 'number') return freeBytes;
  if (totalBytes === 0) return refuse('--total: found 0, expected more than 0');
  if (totalBytes === null && freeBytes !== null)
    return refuse('--free: found without --total, expected both');
  if (totalBytes !== null && freeBytes !== null && freeBytes > totalBytes)
    return refuse('--free: found more than --total, expected at most that');
  return { totalBytes, freeBytes, ollamaHeldBytes: null };
}

function capFromFlags(input: CommandInput): number | null | CommandRefusal {
  const word = textFlag(input, 'max-workers');
  if (word === null) return null;
  return /^[1-9]\d{0,5}$/.test(word)
    ? Number(word)
    : refuse(`--max-workers: found "${word}", expected a whole number of at least 1`);
}

/** A file named wins, then a preset, then the file of the folder this runs in, then the defaults. */
async function settingsFromFlags(
  input: CommandInput,
  doors: CommandDoors,
): Promise<Result<WorkerSettings>> {
  const preset = textFlag(input, 'preset');
  const named = Object.entries(WORKER_PRESETS).find(([name]) => name === preset)?.[1];
  if (preset !== null && !named)
    return fail(
      'invalid',
      `--preset: found "${preset}", expected one of ${Object.keys(WORKER_PRESETS).join(', ')}`,
    );
  const model = textFlag(input, 'ollama-model');
  const size = parametersInName(model);
  if (model !== null && !size)
    return fail(
      'invalid',
      `--ollama-model: found "${model}", expected a name with a size, such as qwen3:14b`,
    );
  const base: WorkerSettings = {
    ...(named ?? DEFAULT_WORKER_SETTINGS),
    ...(size && { reservationBytes: reservationForModel(size.parameters / 1e9) }),
  };
  const config = textFlag(input, 'config');
  const found = named || config ? null : await doors.files.stat(WORKER_CONFIG_FILE);
  const path = config ?? (found ? WORKER_CONFIG_FILE : null);
  if (path === null) return ok(base);
  const text = await readInputText(doors, path);
  return text.ok ? readWorkerConfig(text.value, base, path) : text;
}

/** The first GPU of this machine, and what a visible Ollama holds on it. */
async function liveMemory(doors: CommandDoors, settings: WorkerSettings): Promise<CardMemory> {
  const sample = await sampleGpus(doors);
  for (const problem of sample?.problems ?? []) doors.tell(problem.text);
  const [gpu] = plannableGpus(sample?.gpus ?? []);
  if (!sample || !gpu) return { totalBytes: null, freeBytes: null, ollamaHeldBytes: null };
  return {
    totalBytes: gpu.totalBytes,
    freeBytes: gpu.freeBytes ?? null,
    ollamaHeldBytes: settings.detectsOllama ? await heldByOllama(doors, sample, gpu.index) : null,
  };
}

async function heldByOllama(
  doors: CommandDoors,
  sample: GpuSample,
  gpuIndex: number,
): Promise<number> {
  const { holders } = await inspect(
    {
      table: doors.table,
      clock: doors.clock,
      log: doors.log,
      files: doors.files,
      sampleGpus: () => Promise.resolve(sample),
      launches: () => [],
    },
    sample,
  );
  return holders
    .filter((holder) => holder.gpus.includes(gpuIndex) && /\bollama\b/i.test(holder.command ?? ''))
    .reduce((sum, holder) => sum + (holder.usedBytes ?? 0), 0);
}

function workersText(plan: WorkersPlan): string {
  const lines = [`Settings: ${plan.source}`, ...plan.steps];
  if (plan.device === 'cpu' || plan.workers === 0)
    lines.push(
      'Ollama on the CPU: a larger reservation, is it running, who else holds memory?',
      'Workers on the CPU: a smaller reservation if Ollama is off, or a lower minimum per worker.',
    );
  return lines.join('\n');
}
