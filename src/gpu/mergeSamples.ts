/** Samples of several makers' GPUs become one. */
import type { Gpu, GpuSample, GpuVendor } from './gpu';
import { GIB } from '../shared/units';

export interface SamplePart {
  readonly vendor: GpuVendor | null;
  readonly sample: GpuSample;
}

/** A carve-out below this is a processor's display, not a card. */
const CARD_BYTES = 2 * GIB;

/**
 * The first part keeps its numbers, the others count on after it. The GPU of a processor beside a card of its own is left
 * out: it draws the desktop, nobody loads a model on it, and its few hundred MiB would always look full.
 */
export function mergeSamples(parts: readonly SamplePart[]): GpuSample {
  const hasCard = parts.some(({ sample }) => sample.gpus.some(isCard));
  const gpus: Gpu[] = [];
  const processes: GpuSample['processes'][number][] = [];
  for (const { vendor, sample } of parts) {
    const kept = sample.gpus.filter((gpu) => vendor !== 'amd' || !hasCard || isCard(gpu));
    const after = gpus.reduce((highest, gpu) => Math.max(highest, gpu.index), -1) + 1;
    const isFirst = gpus.length === 0 && kept.length === sample.gpus.length;
    const place = new Map(kept.map((gpu, at) => [gpu.index, isFirst ? gpu.index : after + at]));
    for (const gpu of kept)
      gpus.push({
        ...gpu,
        index: place.get(gpu.index) ?? gpu.index,
        ...(vendor === null ? {} : { vendor }),
      });
    for (const process of sample.processes) {
      const on = process.gpus.map((index) => place.get(index)).filter((at) => at !== undefined);
      // on a GPU that is left out, and on no other
      if (on.length > 0 || process.gpus.length === 0) processes.push({ ...process, gpus: on });
    }
  }
  return { gpus, processes, problems: parts.flatMap(({ sample }) => sample.problems) };
}

function isCard(gpu: Gpu): boolean {
  return gpu.memory === 'dedicated' && (gpu.totalBytes === null || gpu.totalBytes >= CARD_BYTES);
}
