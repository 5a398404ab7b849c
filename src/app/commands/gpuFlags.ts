/** `--gpu 24GiB`, `--gpu "RTX 4090"`, `--gpu auto`, each as often as there are cards; `--free` for what is free of them. */
import { cardByName } from '../../planner/cardNames';
import type { GpuRequest } from '../../shared/planRequest';
import { fail, ok, type Result } from '../../shared/failure';
import { parseSize } from '../../shared/units';
import { plannableGpus } from '../planning/plannableGpus';
import { textFlags, type CommandDoors, type CommandInput, type FlagTable } from './command';
import { sampleGpus } from './sampleGpus';

export const gpuFlagTable: FlagTable = {
  gpu: { type: 'string', multiple: true },
  free: { type: 'string', multiple: true },
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
    return totalBytes > 0 ? { name: null, totalBytes, freeBytes: null, memory: 'dedicated' } : null;
  const card = cardByName(word);
  return card ? { ...card, freeBytes: null } : null;
}

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
  return ok(
    gpus.map((gpu, index) => ({ ...gpu, freeBytes: sizes[index] ?? sizes[0] ?? gpu.freeBytes })),
  );
}
