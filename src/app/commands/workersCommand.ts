/** `workers`: how many GPU workers fit beside Ollama. */
import type { GpuSample } from '../../gpu/gpu';
import { parametersInName } from '../../planner/nameSize';
import {
  planWorkers,
  WORKER_HINTS,
  WORKER_VARIABLES,
  workerEnvironment,
  type WorkersPlan,
} from '../../planner/workers';
import {
  DEFAULT_WORKER_SETTINGS,
  forOllamaModel,
  isAboutOthers,
  readWorkerConfig,
  WORKER_CONFIG_FILE,
  WORKER_PRESETS,
  withPreset,
  type WorkerPreset,
  type WorkerSettings,
} from '../../planner/workerSettings';
import { fail, ok, type Result } from '../../shared/failure';
import { shellWord } from '../../shared/shellText';
import { parseSize } from '../../shared/units';
import { inspect } from '../holders/cleaner';
import { heldByOllama } from '../coexistence/coexistence';
import { plannableGpus } from '../planning/plannableGpus';
import {
  isRefusal,
  isSet,
  refuse,
  refuseFailure,
  textFlag,
  type CliCommand,
  type CommandDoors,
  type CommandInput,
  type CommandOutcome,
  type CommandRefusal,
} from './command';
import { MAX_DOCUMENT_BYTES, readInputText } from './readInput';
import { sampleGpus } from './sampleGpus';

/** Same as the verdict "does not fit" of `plan`. */
const EXIT_REFUSED = 2;

export const workersCommand: CliCommand = {
  name: 'workers',
  summary: 'says how many GPU workers fit beside Ollama',
  usage: [
    'workers [--total 24GiB --free 22GiB] [--max-workers 2] [--config FILE.json | --preset NAME]',
    'workers --env',
  ],
  more: ['Exit codes: 0 done, also on the CPU; 2 not even one has room.'],
  flags: {
    total: {
      type: 'string',
      value: '24GiB',
      about: 'the card; default: the first of this machine',
    },
    free: { type: 'string', value: '22GiB', about: 'what is free on it now; default: all of it' },
    'max-workers': { type: 'string', value: 'N', about: 'never more than these; default: 2' },
    config: {
      type: 'string',
      value: 'FILE.json',
      about: `settings; default: ${WORKER_CONFIG_FILE} in this folder, where it is`,
    },
    preset: {
      type: 'string',
      value: 'NAME',
      about: Object.keys(WORKER_PRESETS).join(', '),
    },
    'ollama-model': {
      type: 'string',
      value: '14b',
      about: 'what Ollama is to hold; its size decides the reservation',
    },
    env: { type: 'boolean', about: 'lines for a shell: eval "$(vram-pilot workers --env)"' },
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
  const plan = planWorkers({
    totalBytes: memory.totalBytes,
    freeBytes: memory.freeBytes,
    ollamaHeldBytes: memory.ollamaHeldBytes,
    settings: { ...settings.value, maxWorkers: cap ?? settings.value.maxWorkers },
  });
  const forShell = isSet(input, 'env');
  if (forShell) for (const step of plan.steps) doors.tell(step);
  return {
    exitCode: plan.workers === 0 ? EXIT_REFUSED : 0,
    json: { ...plan, environment: workerEnvironment(plan) },
    text: forShell ? shellLines(plan) : workersText(plan),
  };
}

/** A refused plan takes back what an earlier one may have set. */
function shellLines(plan: WorkersPlan): string {
  const environment = workerEnvironment(plan);
  if (environment === null) return `unset ${WORKER_VARIABLES.join(' ')}`;
  return WORKER_VARIABLES.map((name) => `export ${name}=${shellWord(environment[name])}`).join(
    '\n',
  );
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

/** A file named wins, then a preset, then the file of the folder this runs in, then the defaults; a model's size over all. */
async function settingsFromFlags(
  input: CommandInput,
  doors: CommandDoors,
): Promise<Result<WorkerSettings>> {
  const preset = textFlag(input, 'preset');
  if (preset !== null && !isPreset(preset))
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
  const chosen =
    preset === null ? DEFAULT_WORKER_SETTINGS : withPreset(DEFAULT_WORKER_SETTINGS, preset);
  const config = textFlag(input, 'config');
  const found =
    preset !== null || config !== null ? null : await doors.files.stat(WORKER_CONFIG_FILE);
  const path = config ?? (found ? WORKER_CONFIG_FILE : null);
  const text = path === null ? null : await readInputText(doors, path, MAX_DOCUMENT_BYTES);
  if (text && !text.ok) return text;
  const isMeant = text !== null && (config !== null || !isAboutOthers(text.value));
  const read = isMeant ? readWorkerConfig(text.value, chosen, path ?? '') : ok(chosen);
  return read.ok && size ? ok(forOllamaModel(read.value, size.parameters / 1e9)) : read;
}

const isPreset = (name: string): name is WorkerPreset => Object.hasOwn(WORKER_PRESETS, name);

/** The first GPU of this machine, and what a visible Ollama holds on it. */
async function liveMemory(doors: CommandDoors, settings: WorkerSettings): Promise<CardMemory> {
  const sample = await sampleGpus(doors);
  for (const problem of sample?.problems ?? []) doors.tell(problem.text);
  const [gpu] = plannableGpus(sample?.gpus ?? []);
  if (!sample || !gpu) return { totalBytes: null, freeBytes: null, ollamaHeldBytes: null };
  return {
    totalBytes: gpu.totalBytes,
    freeBytes: gpu.freeBytes ?? null,
    ollamaHeldBytes: settings.detectsOllama ? await ollamaHolds(doors, sample, gpu.index) : null,
  };
}

async function ollamaHolds(
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
  return heldByOllama(holders, gpuIndex);
}

function workersText({ source, steps }: WorkersPlan): string {
  return [`Settings: ${source}`, ...steps, '', 'If it goes wrong', ...WORKER_HINTS].join('\n');
}
