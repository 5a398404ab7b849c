/** Reads `/proc/<pid>/fdinfo/<fd>` of an open GPU. https://docs.kernel.org/gpu/drm-usage-stats.html */
import { MAX_BYTES, plausible } from '../completeGpu';
import { linesOf, sumOf, withoutTornEnd } from '../values';
import { GIB, KIB, MIB } from '../../shared/units';

/** One opening of one GPU. Descriptors that were copied or inherited show the same client again. */
export interface DrmClient {
  /** `amdgpu`, `xe`, `i915`, … */
  readonly driver: string;
  /** Bus id, e.g. `0000:03:00.0`. */
  readonly busId: string | null;
  readonly clientId: number | null;
  /** In memory of the card; null where the driver has no such line. */
  readonly vramBytes: number | null;
  /** In system memory mapped for the GPU. */
  readonly gttBytes: number | null;
}

const LINE = /^(drm-[a-z0-9-]+|(?:vram|gtt|cpu) mem):\s*(\S.*?)\s*$/;
const SIZE = /^(\d{1,15})(?: (KiB|MiB|GiB|kB))?$/;
const BYTES_PER: Readonly<Record<string, number>> = { KiB: KIB, kB: KIB, MiB: MIB, GiB: GIB };

/** Names of one figure, the newest kernels' first: `drm-resident-vram0`, …, `vram mem`. */
const NAMES = [/^drm-resident-(.+)$/, /^drm-memory-(.+)$/, /^drm-total-(.+)$/, /^(.+) mem$/];

/** null: no client of a GPU. */
export function readFdinfo(text: string): DrmClient | null {
  const cells = new Map<string, string>();
  // a size at the very end may be half of one: the kernel ends each line
  for (const line of linesOf(withoutTornEnd(text, /[1-9]\d{0,15}$/))) {
    const match = line.length > 200 ? null : LINE.exec(line);
    if (match?.[1] !== undefined) cells.set(match[1], match[2] ?? '');
  }
  const driver = cells.get('drm-driver');
  if (driver === undefined) return null;
  const id = cells.get('drm-client-id') ?? '';
  return {
    driver,
    busId: cells.get('drm-pdev') ?? null,
    clientId: /^\d{1,12}$/.test(id) ? Number(id) : null,
    vramBytes: regionBytes(cells, /^(?:vram|local)\d*$/),
    gttBytes: regionBytes(cells, /^(?:gtt|system)\d*$/),
  };
}

/** By the first name that is there; memory of several tiles adds up. */
function regionBytes(cells: ReadonlyMap<string, string>, region: RegExp): number | null {
  for (const name of NAMES) {
    const sizes = [...cells]
      .filter(([key]) => region.test(name.exec(key)?.[1] ?? ''))
      .map(([, value]) => sizeOf(value));
    if (sizes.length > 0) return plausible(sumOf(sizes), 0, MAX_BYTES);
  }
  return null;
}

/** No unit means bytes. */
function sizeOf(text: string): number | null {
  const match = SIZE.exec(text);
  return match ? Number(match[1]) * (BYTES_PER[match[2] ?? ''] ?? 1) : null;
}
