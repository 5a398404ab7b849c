/** Samples of several makers' GPUs become one. */
import type { Gpu, GpuProcess, GpuSample, GpuVendor } from './gpu';
import { sumOf } from './values';
import { GIB } from '../shared/units';

export interface SamplePart {
  /** null: each GPU of the part names its own maker. */
  readonly vendor: GpuVendor | null;
  readonly sample: GpuSample;
}

/** A carve-out below this is a processor's display, not a card. */
const CARD_BYTES = 2 * GIB;

/**
 * The first part keeps its numbers, the others count on after it. Left out are the GPU of an AMD processor beside a card
 * (it draws the desktop, nobody loads a model on it, and its few hundred MiB would always look full), and, of a part with
 * GPUs of several makers (Windows' counters), those whose maker's own tool comes before it: of these the part only adds
 * what each process holds.
 */
export function mergeSamples(parts: readonly SamplePart[]): GpuSample {
  const hasCard = parts.some(({ sample }) => sample.gpus.some(isCard));
  const gpus: Gpu[] = [];
  let processes: readonly GpuProcess[] = [];
  for (const { vendor, sample } of parts) {
    const isTold = (maker: GpuVendor | undefined) =>
      vendor === null && maker !== undefined && gpus.some((gpu) => gpu.vendor === maker);
    const kept = sample.gpus.filter(
      (gpu) => (vendor !== 'amd' || !hasCard || isCard(gpu)) && !isTold(gpu.vendor),
    );
    for (const maker of new Set(sample.gpus.map((gpu) => gpu.vendor)))
      if (isTold(maker)) processes = withFigures(processes, gpus, maker, sample);
    const after = gpus.reduce((highest, gpu) => Math.max(highest, gpu.index), -1) + 1;
    const isFirst = gpus.length === 0 && kept.length === sample.gpus.length;
    const place = new Map(kept.map((gpu, at) => [gpu.index, isFirst ? gpu.index : after + at]));
    for (const gpu of kept)
      gpus.push({
        ...gpu,
        index: place.get(gpu.index) ?? gpu.index,
        ...(vendor === null ? {} : { vendor }),
      });
    const placed = sample.processes.flatMap((process) => {
      const on = process.gpus.map((index) => place.get(index)).filter((at) => at !== undefined);
      // on a GPU that is left out, and on no other
      return on.length > 0 || process.gpus.length === 0 ? [{ ...process, gpus: on }] : [];
    });
    processes = [...processes, ...placed];
  }
  const problems = parts.flatMap(({ sample }) => sample.problems);
  return { gpus, processes: joined(processes), problems };
}

/** A process on cards of two makers is one: its figures add up. */
function joined(processes: readonly GpuProcess[]): readonly GpuProcess[] {
  const byPid = new Map<number, GpuProcess>();
  for (const process of processes) {
    const { usedBytes, ...before } = byPid.get(process.pid) ?? {
      ...process,
      usedBytes: 0,
      gpus: [],
    };
    byPid.set(process.pid, {
      ...before,
      name: before.name ?? process.name,
      gpus: [...before.gpus, ...process.gpus],
      usedBytes: sumOf([usedBytes, process.usedBytes]),
    });
  }
  return [...byPid.values()];
}

/**
 * What the tool of a maker can't say of a process it lists (all of them, under Windows). Two equal cards can't be told
 * apart in both parts, so a process gets the sum over this maker's; one that the tool lacks is on the only card, if at all.
 */
function withFigures(
  processes: readonly GpuProcess[],
  gpus: readonly Gpu[],
  maker: GpuVendor | undefined,
  other: GpuSample,
): readonly GpuProcess[] {
  const ofMaker = (all: readonly Gpu[]) =>
    new Set(all.filter((gpu) => gpu.vendor === maker).map(({ index }) => index));
  const [here, there] = [ofMaker(gpus), ofMaker(other.gpus)];
  const held = new Map<number, number | null>();
  for (const { pid, usedBytes, gpus: on } of other.processes) {
    if (!on.some((index) => there.has(index))) continue;
    const before = held.has(pid) ? (held.get(pid) ?? null) : 0;
    held.set(pid, sumOf([before, usedBytes]));
  }
  const listed = new Set<number>();
  const filled = processes.map((process) => {
    if (!process.gpus.some((index) => here.has(index))) return process;
    listed.add(process.pid);
    return { ...process, usedBytes: process.usedBytes ?? held.get(process.pid) ?? null };
  });
  const unlisted = [...held].filter(([pid]) => here.size === 1 && !listed.has(pid));
  return [
    ...filled,
    ...unlisted.map(([pid, usedBytes]) => ({ pid, usedBytes, name: null, gpus: [...here] })),
  ];
}

function isCard(gpu: Gpu): boolean {
  return gpu.memory === 'dedicated' && (gpu.totalBytes === null || gpu.totalBytes >= CARD_BYTES);
}
