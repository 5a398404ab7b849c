/** `--gpu 24GiB`, `--gpu "RTX 4090"`, `--gpu auto`, each as often as there are cards; `--free` for what is free of them. */
import { cardByName } from '../../planner/cardNames';
import type { GpuRequest } from '../../shared/planRequest';
import { fail, ok, type Result } from '../../shared/failure';
import { formatGib, parseSize } from '../../shared/units';
import { plannableGpus } from '../planning/plannableGpus';
import { textFlags, type CommandDoors, type CommandInput, type FlagTable } from './command';
import { sampleGpus } from './sampleGpus';

export const gpuFlagTable: FlagTable = {
  gpu: {
    type: 'string',
    multiple: true,
    value: '24GiB|NAME|auto',
    about: 'the card; once for each; default: auto, those of this machine',
  },
  free: {
    type: 'string',
    multiple: true,
    value: '20GiB',
    about: 'what is free on it now; once for all, or once for each',
  },
};

const EXAMPLES = 'a size such as 24GiB, a card such as "RTX 4090", or auto';

/** Without any `--gpu` the GPUs of this machine are taken; none found is an empty list. */
export async function gpusFromFlags(
  input: CommandInput,
  doors: CommandDoors,
): Promise<Result<GpuRequest[]>> {
  const gpus: GpuRequest[] = [];
  const wanted = textFlags(input, 'gpu');
  for (const word of wanted.length > 0 ? wanted : ['auto']) {
    if (word.toLowerCase() === 'auto') {
      gpus.push(...(await liveGpus(doors)));
      continue;
    }
    const gpu = gpuOf(word);
    if (!gpu) return fail('invalid', `--gpu: found "${word}", expected ${EXAMPLES}`);
    gpus.push(gpu);
  }
  return withFreeMemory(gpus, textFlags(input, 'free'));
}

async function liveGpus(doors: CommandDoors): Promise<GpuRequest[]> {
  const sample = await sampleGpus(doors);
  if (!sample) doors.tell('No GPU tool was found here; give --gpu to plan for a card.');
  for (const problem of sample?.problems ?? []) doors.tell(problem.text);
  return plannableGpus(sample?.gpus ?? []).map(
    ({ name, totalBytes, freeBytes, memory, cudaBytes }) => ({
      name,
      totalBytes,
      freeBytes,
      memory,
      ...(cudaBytes === undefined ? {} : { cudaBytes }),
    }),
  );
}

function gpuOf(word: string): GpuRequest | null {
  const totalBytes = parseSize(word);
  if (totalBytes !== null && hasUnit(word))
    return totalBytes > 0 && totalBytes <= MAX_CARD_BYTES
      ? { name: null, totalBytes, freeBytes: null, memory: 'dedicated' }
      : null;
  const card = cardByName(word);
  return card ? { ...card, freeBytes: null } : null;
}

/** No card, and no node of them as one, is near it. */
const MAX_CARD_BYTES = 1024 ** 5;

/** What is said to be free is often the rounded total. */
const ROUNDED = 1.05;

/** A bare number is no size of a card: `--gpu 24` would be 24 bytes. */
const hasUnit = (word: string): boolean => /[a-z]/i.test(word);

/** One `--free` is for every GPU, several are for each in turn. */
function withFreeMemory(gpus: GpuRequest[], free: readonly string[]): Result<GpuRequest[]> {
  const sizes: number[] = [];
  for (const word of free) {
    const bytes = parseSize(word);
    if (bytes === null || !hasUnit(word))
      return fail('invalid', `--free: found "${word}", expected a size such as 20GiB`);
    sizes.push(bytes);
  }
  if (sizes.length === 0) return ok(gpus);
  if (sizes.length > 1 && sizes.length !== gpus.length)
    return fail(
      'invalid',
      `--free: found ${String(sizes.length)} sizes, expected one, or one for each of ${String(gpus.length)} GPUs`,
    );
  const filled: GpuRequest[] = [];
  for (const [index, gpu] of gpus.entries()) {
    const bytes = sizes[index] ?? sizes[0] ?? 0;
    if (bytes > gpu.totalBytes * ROUNDED)
      return fail(
        'invalid',
        `--free: found ${formatGib(bytes)}, expected at most the card's ${formatGib(gpu.totalBytes)}`,
      );
    filled.push({ ...gpu, freeBytes: Math.min(bytes, gpu.totalBytes) });
  }
  return ok(filled);
}
