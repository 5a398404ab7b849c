/** Turns what one tool printed about a card into a `Gpu`: what it did not print, or what cannot be true, is `null`. */
import type { Gpu, MigDevice } from './gpu';
import { MIB } from '../shared/units';

/** Tools round each part on its own: used + free + reserved was seen 2 MiB off the total. */
const ROUNDING_BYTES = 2 * MIB;
/** No card or pool comes near 16 TiB: a larger figure is a torn line. */
export const MAX_BYTES = 16 * 1024 ** 4;

/** `known` may lack anything; impossible figures (negative, used above total, 3000 °C) count as not printed. */
export function completeGpu(index: number, known: Partial<Omit<Gpu, 'index'>>): Gpu {
  const { totalBytes, room } = capacityOf(known.totalBytes);
  return {
    ...known,
    index,
    name: known.name ?? null,
    uuid: known.uuid ?? null,
    busId: known.busId ?? null,
    totalBytes,
    usedBytes: plausible(known.usedBytes, 0, room),
    freeBytes: plausible(known.freeBytes, 0, room),
    reservedBytes: plausible(known.reservedBytes, 0, room),
    utilizationPercent: plausible(known.utilizationPercent, 0, 100),
    temperatureC: plausible(known.temperatureC, 0, 150),
    powerW: plausible(known.powerW, 0, 10_000),
    powerLimitW: plausible(known.powerLimitW, 0, 10_000),
    memory: known.memory ?? 'dedicated',
    computeCapability: known.computeCapability ?? null,
    driverVersion: known.driverVersion ?? null,
  };
}

/** What one question left open, another has told: every null is filled in. */
export function filledFrom(gpu: Gpu, other: Gpu | undefined): Gpu {
  if (!other) return gpu;
  const told = Object.entries(gpu).filter(([, value]) => value !== null && value !== undefined);
  return { ...other, ...(Object.fromEntries(told) as Partial<Gpu>), index: gpu.index };
}

/** What stays true of a GPU that does not answer: who it is and how large. */
export function withoutReadings(gpu: Gpu): Gpu {
  return {
    ...gpu,
    usedBytes: null,
    freeBytes: null,
    reservedBytes: null,
    utilizationPercent: null,
    temperatureC: null,
    powerW: null,
  };
}

/** The same for a MIG slice. */
export function completeSlice(known: Partial<MigDevice>): MigDevice {
  const { totalBytes, room } = capacityOf(known.totalBytes);
  return {
    device: known.device ?? null,
    gpuInstanceId: known.gpuInstanceId ?? null,
    computeInstanceId: known.computeInstanceId ?? null,
    profile: known.profile ?? null,
    uuid: known.uuid ?? null,
    totalBytes,
    usedBytes: plausible(known.usedBytes, 0, room),
    freeBytes: plausible(known.freeBytes, 0, room),
  };
}

/** The total, and how much of anything can be in it at most. Beside a total of 0 every 0 is as made up. */
function capacityOf(total: number | null | undefined): { totalBytes: number | null; room: number } {
  const totalBytes = plausible(total, 1, MAX_BYTES);
  if (total === 0) return { totalBytes, room: -1 };
  return { totalBytes, room: totalBytes === null ? MAX_BYTES : totalBytes + ROUNDING_BYTES };
}

/** The number if it lies within the bounds, else null. */
export function plausible(
  value: number | null | undefined,
  lowest: number,
  highest: number,
): number | null {
  return value !== null && value !== undefined && value >= lowest && value <= highest
    ? value
    : null;
}
