/** Bytes of keys and values, layer by layer, by the rule of the engine that runs the model. */
import type { GgufShape, LayerShape } from './ggufShape';

/**
 * How many cells a sliding layer keeps:
 * - `ignored`: as many as a full layer
 * - `estimated`: slots × max(window, kept at least) + batch, for all slots together (memory.go)
 * - `engine`: the same in Ollama's engine, padded, and where a slot is no longer than that, all of it
 * - `perSlot`: each slot pad256(min(context, window + ubatch)) (llama-server with `-np`)
 * - `unified`: min(all cells, pad256(window × slots + ubatch)) (a plain llama-server's unified cache)
 */
export type SlidingRule = 'ignored' | 'estimated' | 'engine' | 'perSlot' | 'unified';

export interface CacheSettings {
  /** Tokens of one slot. */
  readonly numCtx: number;
  readonly numParallel: number;
  readonly batch: number;
  readonly cacheType: string;
  readonly sliding: SlidingRule;
  /** Cells are rounded up to a multiple of this. */
  readonly padCells: number;
  /** llama.cpp without flash attention keeps V transposed, as wide in each layer as in the widest. */
  readonly equalValues: boolean;
}

/** Bytes per element with their block scales: q8_0 is 34 bytes for 32. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q5_1: 24 / 32,
  q5_0: 22 / 32,
  q4_1: 20 / 32,
  q4_0: 18 / 32,
  iq4_nl: 18 / 32,
};

export const CACHE_TYPES = Object.keys(ELEMENT_BYTES);

function cacheElementBytes(cacheType: string): number | null {
  return ELEMENT_BYTES[cacheType] ?? null;
}

/** Ollama's engine keeps at least so many rows of a sliding layer, to be able to step back. */
const KEPT_ROWS: Readonly<Record<string, number>> = { gptoss: 4096, 'gpt-oss': 4096, gemma4: 4096 };

const padTo = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Cells over all slots of one layer of this kind. */
export function cacheCells(
  shape: GgufShape,
  kind: LayerShape['kind'],
  cache: CacheSettings,
): number {
  const slotCells = padTo(cache.numCtx, cache.padCells);
  const all = slotCells * cache.numParallel;
  if (kind === 'full') return all;
  if (kind !== 'sliding') return 0;
  const window = shape.slidingWindow;
  if (window === null || cache.sliding === 'ignored') return all;
  const batch = Math.min(cache.batch, cache.numCtx);
  const kept = Math.max(window, KEPT_ROWS[shape.architecture] ?? 0);
  switch (cache.sliding) {
    case 'estimated':
      return cache.numParallel * kept + batch;
    case 'engine':
      return kept >= slotCells ? all : padTo(cache.numParallel * kept + batch, cache.padCells);
    case 'perSlot':
      return cache.numParallel * Math.min(slotCells, padTo(window + cache.batch, 256));
    case 'unified':
      return Math.min(all, padTo(window * cache.numParallel + cache.batch, 256));
  }
}

/** K and V of each layer in bytes. Recurrent state is apart, see {@link stateBytesPerLayer}. */
export function cacheBytesPerLayer(shape: GgufShape, cache: CacheSettings): number[] {
  const element = cacheElementBytes(cache.cacheType) ?? 2;
  const cells = {
    full: cacheCells(shape, 'full', cache),
    sliding: cacheCells(shape, 'sliding', cache),
    recurrent: 0,
    none: 0,
  };
  const elements = elementsPerCell(shape, cache);
  return shape.layers.map((layer) => cells[layer.kind] * elements(layer) * element);
}

function elementsPerCell(shape: GgufShape, cache: CacheSettings): (layer: LayerShape) => number {
  const values = (layer: LayerShape): number => layer.keyValueHeads * layer.valueLength;
  const widest = cache.equalValues ? Math.max(0, ...shape.layers.map(values)) : 0;
  return (layer) => layer.keyValueHeads * layer.keyLength + Math.max(values(layer), widest);
}

/** What one more token of context costs: only layers that keep the whole context grow. */
export function cacheBytesPerToken(shape: GgufShape, cache: CacheSettings): number {
  const element = cacheElementBytes(cache.cacheType) ?? 2;
  const elements = elementsPerCell(shape, cache);
  let sum = 0;
  for (const layer of shape.layers)
    if (layer.kind === 'full' || (layer.kind === 'sliding' && cache.sliding === 'ignored'))
      sum += elements(layer) * element;
  return sum;
}

/** What each layer keeps per sequence, for all slots; independent of the context. */
export function stateBytesPerLayer(shape: GgufShape, numParallel: number): number[] {
  return shape.layers.map((layer) => layer.stateBytes * numParallel);
}
