/** What must be known about a GPU beside its figures: what programs on it see of its memory, and why it differs. */
import type { Gpu, MigDevice } from '../../gpu/gpu';
import { cardOf } from '../../planner/cards';
import { formatBytes, formatGib } from '../../shared/units';

/** Sentences, none where total is total. */
export function gpuNotes(gpu: Gpu): readonly string[] {
  if (gpu.asleep === true) return ['It sleeps; asking for more would wake it.'];
  const notes: string[] = [];
  const { totalBytes, limitBytes } = gpu;
  const slices = (gpu.migDevices ?? []).filter(isFirstOfItsMemory);
  if (slices.length > 0)
    notes.push(
      'Cut into slices (MIG); a program sees one of them:',
      ...slices.map(
        (slice) =>
          `slice ${slice.profile ?? String(slice.device ?? '?')}: ${formatGib(slice.usedBytes, 1)} of ${formatGib(slice.totalBytes, 1)} used`,
      ),
    );
  else if (gpu.memory === 'unified')
    notes.push(
      "It shares the system's memory: used is the GPU's part, free is what the system could still give.",
    );
  else if (totalBytes !== null && gpu.vendor === 'nvidia') notes.push(...ofCuda(gpu, totalBytes));
  if (limitBytes !== undefined)
    notes.push(
      `Programs on the GPU may take ${gpu.isLimitEstimated === true ? 'about ' : ''}${formatGib(limitBytes, 1)}.`,
    );
  return notes;
}

/** Two compute instances of one GPU instance share its memory, and are listed with the same figures. */
function isFirstOfItsMemory(slice: MigDevice, at: number, all: readonly MigDevice[]): boolean {
  const { gpuInstanceId } = slice;
  return (
    gpuInstanceId === null || all.findIndex((each) => each.gpuInstanceId === gpuInstanceId) === at
  );
}

function ofCuda(gpu: Gpu, totalBytes: number): string[] {
  const { name, memory, cudaBytes } = gpu;
  const seen = cardOf({ name, totalBytes, memory, cudaBytes }, null).cudaBytes;
  if (seen < totalBytes)
    return [
      `CUDA sees ${formatGib(seen)} of ${formatGib(totalBytes)}: the driver keeps ${formatBytes(totalBytes - seen)}.`,
    ];
  return gpu.reservedBytes === null || gpu.reservedBytes === 0
    ? []
    : [`The driver keeps ${formatBytes(gpu.reservedBytes)} for itself.`];
}
