/**
 * DeepSeek-V4's caches (vLLM `models/deepseek_v4`): every layer keeps a window of latent vectors; by its ratio a layer
 * keeps one compressed vector for 4 or 128 tokens and the raw state of the group that is still being compressed; those
 * of ratio 4 an indexer with a compressor of its own.
 */
import type { HfShape } from '../../models/hfConfig';
import type { KvLayers } from './kvCache';
import type { VllmSettings } from './settings';

/** 448 values of one byte, 64 rotary ones of two, 8 scales. */
const PACKED_LATENT_BYTES = 584;
const WINDOW_BLOCK_TOKENS = 64;
const DEFAULT_BLOCK_TOKENS = 256;
/** Compressors keep keys and gates in float32; of ratio 4 for two overlapping groups. */
const STATES = { 4: { block: 4, groups: 2 }, 128: { block: 8, groups: 1 } } as const;

/** null: dims or ratios are missing, or a ratio is none of 0, 4 and 128. Equal on every tensor-parallel rank. */
export function deepseekV4Layers(
  shape: HfShape,
  ratios: readonly number[],
  settings: VllmSettings,
): KvLayers[] | null {
  const { headDim, slidingWindow, layers, indexer } = shape;
  if (headDim === null || slidingWindow === null || layers === null || !indexer) return null;
  if (ratios.length < layers) return null;
  // Checkpoints are fp8; only a 16-bit format asked for by name is kept plain.
  const isPlain = settings.kvDtype.id === 'bfloat16' || settings.kvDtype.id === 'float16';
  const alignment = isPlain ? 512 : 576;
  const latentBytes = isPlain ? headDim * 2 : PACKED_LATENT_BYTES;
  const block = settings.options.blockSize ?? DEFAULT_BLOCK_TOKENS;
  const page = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;
  const one = { count: 1, beside: true } as const;
  const found: KvLayers[] = [];
  for (const ratio of ratios.slice(0, layers)) {
    found.push({
      kind: 'sliding',
      count: 1,
      blockSize: WINDOW_BLOCK_TOKENS,
      pageBytes: page(WINDOW_BLOCK_TOKENS * latentBytes),
      window: slidingWindow,
    });
    if (ratio === 0) continue;
    if (ratio !== 4 && ratio !== 128) return null;
    const { block: stateBlock, groups } = STATES[ratio];
    const compressed = (rowBytes: number): KvLayers => ({
      ...one,
      kind: 'mla',
      blockSize: block,
      pageBytes: page(Math.floor(block / ratio) * rowBytes),
    });
    const compressor = (dim: number): KvLayers => ({
      ...one,
      kind: 'sliding',
      blockSize: stateBlock,
      pageBytes: page(stateBlock * 2 * groups * dim * 4),
      window: groups * ratio,
    });
    if (ratio === 4) found.push(compressed(indexer.headDim + 4), compressor(indexer.headDim));
    found.push(compressed(latentBytes), compressor(headDim));
  }
  return found;
}
