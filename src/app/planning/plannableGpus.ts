/** The GPUs of a sample as the planner takes them. */
import type { Gpu } from '../../gpu/gpu';
import type { GpuRequest } from '../../shared/planRequest';
import { freeBytesOf } from '../state';

export type PlannableGpu = GpuRequest & {
  readonly index: number;
  readonly usedBytes: number | null;
};

/**
 * GPUs with a known size, as the planner takes them; the others can't be planned on. Only those of one maker: no build of
 * an engine uses several makers' at once.
 */
export function plannableGpus(gpus: readonly Gpu[]): PlannableGpu[] {
  const sized = gpus.map(asSeen).filter((gpu) => gpu.totalBytes !== null);
  const vendor = sized[0]?.vendor;
  return sized
    .filter((gpu) => gpu.vendor === vendor)
    .map((gpu) => ({
      index: gpu.index,
      name: gpu.name,
      totalBytes: gpu.totalBytes ?? 0,
      usedBytes: gpu.usedBytes,
      freeBytes: freeBytesOf(gpu),
      memory: gpu.memory,
      ...(gpu.cudaBytes === undefined ? {} : { cudaBytes: gpu.cudaBytes }),
    }));
}

/** Of a card that is cut into slices (MIG) a program sees one: the one with most room is planned on. */
function asSeen(gpu: Gpu): Gpu {
  const [slice] = (gpu.migDevices ?? [])
    .map((each) => ({ ...each, freeBytes: freeBytesOf(each) }))
    .filter(({ totalBytes }) => totalBytes !== null)
    .sort((a, b) => (b.freeBytes ?? 0) - (a.freeBytes ?? 0));
  if (slice?.totalBytes == null) return gpu;
  const { totalBytes, usedBytes, freeBytes } = slice;
  const name = `${gpu.name ?? 'GPU'} MIG ${slice.profile ?? String(slice.device ?? '')}`.trim();
  return { ...gpu, name, totalBytes, usedBytes, freeBytes, cudaBytes: totalBytes };
}
