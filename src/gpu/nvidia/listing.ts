/** Reads `nvidia-smi -L`: names and uuids of cards and of their MIG slices, nothing else. */
import type { Gpu } from '../gpu';
import { completeGpu, completeSlice } from '../completeGpu';
import { isIntegrated, linesOf } from '../values';

const GPU_LINE = /^GPU (\d{1,3}): (.*) \(UUID: (\S+)\)\s*$/;
const SLICE_LINE = /^\s+MIG (\S+)\s+Device\s+(\d{1,3}): \(UUID: (\S+)\)\s*$/;

/** In order of their indexes, without any figure; lines of other kinds are passed over. */
export function readListing(text: string): Gpu[] {
  const gpus = new Map<number, Gpu>();
  let current: number | null = null;
  for (const line of linesOf(text)) {
    const gpu = GPU_LINE.exec(line);
    if (gpu) {
      current = Number(gpu[1]);
      const name = gpu[2] ?? null;
      const memory = isIntegrated(name) ? 'unified' : 'dedicated';
      gpus.set(current, completeGpu(current, { name, uuid: gpu[3] ?? null, memory }));
      continue;
    }
    const slice = SLICE_LINE.exec(line);
    const parent = current === null ? undefined : gpus.get(current);
    if (!slice || !parent) continue;
    const migDevices = [
      ...(parent.migDevices ?? []),
      completeSlice({
        profile: slice[1] ?? null,
        device: Number(slice[2]),
        uuid: slice[3] ?? null,
      }),
    ];
    gpus.set(parent.index, { ...parent, mig: true, migDevices });
  }
  return [...gpus.values()];
}
