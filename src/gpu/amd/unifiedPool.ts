/** When an AMD GPU is part of a processor: then models live in the system's memory, mapped for it (GTT). */
import type { MemoryKind } from '../gpu';
import { sumOf } from '../values';
import { GIB } from '../../shared/units';

export interface AmdMemory {
  readonly vramTotalBytes: number | null;
  readonly vramUsedBytes: number | null;
  readonly gttTotalBytes: number | null;
  readonly gttUsedBytes: number | null;
}

export interface AmdPool {
  readonly memory: MemoryKind;
  readonly totalBytes: number | null;
  readonly usedBytes: number | null;
}

const SMALL_CARVE_OUT_BYTES = 4 * GIB;
const LARGE_GTT_BYTES = 8 * GIB;
const GTT_TIMES_VRAM = 4;

/**
 * A carve-out of at most 4 GiB beside a GTT of at least 8 GiB and four times as much counts as one pool with it, as
 * Ollama does. A carve-out of 96 GiB set in the firmware is memory of the GPU's own.
 */
export function amdPoolOf(memory: AmdMemory): AmdPool {
  const { vramTotalBytes: vram, gttTotalBytes: gtt } = memory;
  const isPool =
    vram !== null &&
    gtt !== null &&
    vram <= SMALL_CARVE_OUT_BYTES &&
    gtt >= Math.max(LARGE_GTT_BYTES, GTT_TIMES_VRAM * vram);
  if (!isPool) return { memory: 'dedicated', totalBytes: vram, usedBytes: memory.vramUsedBytes };
  return {
    memory: 'unified',
    totalBytes: vram + gtt,
    usedBytes: sumOf([memory.vramUsedBytes, memory.gttUsedBytes]),
  };
}
