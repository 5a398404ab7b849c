/** A GGUF model's shape as the memory rules need it, layer by layer, from its metadata keys. */
import { FULL_LAYER_EVERY } from '../../models/slidingPattern';
import { readMetadata, type GgufMetadata } from './ggufMetadata';

/**
 * - `full`: keys and values for the whole context
 * - `sliding`: only for a window
 * - `recurrent`: a state of fixed size per sequence
 * - `none`: nothing kept (cross-layer sharing, encoder-only)
 */
export type LayerKind = 'full' | 'sliding' | 'recurrent' | 'none';

export interface LayerShape {
  readonly kind: LayerKind;
  readonly keyValueHeads: number;
  /** Elements per head. */
  readonly keyLength: number;
  readonly valueLength: number;
}

export interface GgufShape {
  readonly architecture: string;
  readonly blockCount: number;
  readonly embeddingLength: number;
  /** Widest layer. */
  readonly headCount: number;
  readonly smallestHeadCount: number;
  readonly keyValueHeads: number;
  readonly smallestKeyValueHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  readonly vocabularySize: number | null;
  readonly contextLength: number | null;
  readonly feedForwardLength: number | null;
  readonly expertCount: number;
  readonly expertsUsed: number;
  readonly expertFeedForwardLength: number | null;
  readonly leadingDenseBlocks: number;
  readonly slidingWindow: number | null;
  readonly layers: readonly LayerShape[];
  /** Bytes of one recurrent layer for one sequence; 0 where there is none. */
  readonly recurrentStateBytes: number;
  readonly compressedMla: boolean;
  /** A shape taken from models of about this size, not read: K/V may be half or twice as much. */
  readonly typical: boolean;
}

/** No K/V cache at all. */
const ENCODERS: ReadonlySet<string> = new Set([
  'bert',
  'nomic-bert',
  'nomic-bert-moe',
  'jina-bert-v2',
  'gemma-embedding',
  't5encoder',
]);

/** Every layer recurrent. */
const RECURRENT: ReadonlySet<string> = new Set(['mamba', 'mamba2', 'rwkv6', 'rwkv7']);

/** No model comes near; a torn header may say anything. */
const MOST_BLOCKS = 10_000;

/** null where the file does not even say how many layers there are. */
export function readShape(gguf: Readonly<Record<string, unknown>>): GgufShape | null {
  const meta = readMetadata(gguf);
  const architecture = meta.text('architecture') ?? 'unknown';
  const blockCount = meta.count('block_count');
  if (blockCount === null || blockCount > MOST_BLOCKS) return null;
  const headCounts = meta.perLayer('head_count', blockCount);
  const headCount = largest(headCounts) ?? 1;
  const keyValueCounts = meta.perLayer('head_count_kv', blockCount);
  const embeddingLength = meta.count('embedding_length');
  const keyLength = meta.count('key_length') ?? headSize(embeddingLength, headCount);
  // Without its heads or their size nothing about K/V can be said; the caller falls back to a typical shape.
  if (keyLength === null) return null;
  const valueLength = meta.count('value_length') ?? keyLength;
  const keyValueHeads = largest(keyValueCounts) ?? headCount;
  const base = {
    architecture,
    blockCount,
    embeddingLength: embeddingLength ?? headCount * keyLength,
    headCount,
    smallestHeadCount: smallest(headCounts) ?? headCount,
    keyValueHeads,
    smallestKeyValueHeads: smallest(keyValueCounts) ?? keyValueHeads,
    keyLength,
    valueLength,
    vocabularySize: meta.count('vocab_size'),
    contextLength: meta.count('context_length'),
    feedForwardLength: largest(meta.perLayer('feed_forward_length', blockCount)),
    expertCount: meta.count('expert_count') ?? 0,
    expertsUsed: meta.count('expert_used_count') ?? 0,
    expertFeedForwardLength: meta.count('expert_feed_forward_length'),
    leadingDenseBlocks:
      meta.count('leading_dense_block_count') ??
      (architecture === 'deepseek2' ? deepseekDense(blockCount) : 0),
    slidingWindow: meta.count('sliding_window'),
    compressedMla: meta.count('key_length_mla') !== null,
    recurrentStateBytes: recurrentStateBytes(meta),
    typical: false,
  };
  return { ...base, layers: readLayers(meta, base, keyValueCounts) };
}

function readLayers(
  meta: GgufMetadata,
  shape: Omit<GgufShape, 'layers'>,
  keyValueCounts: readonly (number | null)[],
): LayerShape[] {
  const { architecture, blockCount } = shape;
  const kinds = layerKinds(meta, shape, keyValueCounts);
  const shared = meta.count('shared_kv_layers') ?? 0;
  const slidingHeads = meta.count('head_count_kv_swa');
  const slidingKey = meta.count('key_length_swa');
  const slidingValue = meta.count('value_length_swa') ?? slidingKey;
  return kinds.map((kind, layer) => {
    const sliding = kind === 'sliding';
    if (ENCODERS.has(architecture) || layer >= blockCount - shared)
      return { kind: 'none', keyValueHeads: 0, keyLength: 0, valueLength: 0 };
    // Compressed MLA keeps one latent head, and no V: it is a view of K.
    if (shape.compressedMla)
      return { kind, keyValueHeads: 1, keyLength: shape.keyLength, valueLength: 0 };
    return {
      kind,
      keyValueHeads: (sliding ? slidingHeads : null) ?? keyValueCounts[layer] ?? shape.headCount,
      keyLength: (sliding ? slidingKey : null) ?? shape.keyLength,
      valueLength: (sliding ? slidingValue : null) ?? shape.valueLength,
    };
  });
}

function layerKinds(
  meta: GgufMetadata,
  shape: Omit<GgufShape, 'layers'>,
  keyValueCounts: readonly (number | null)[],
): LayerKind[] {
  const { blockCount, architecture } = shape;
  const all = (kindOf: (layer: number) => LayerKind): LayerKind[] =>
    Array.from({ length: blockCount }, (_, layer) => kindOf(layer));
  if (RECURRENT.has(architecture)) return all(() => 'recurrent');
  if (shape.recurrentStateBytes > 0) {
    const interval = meta.count('full_attention_interval');
    if (interval !== null)
      return all((layer) => ((layer + 1) % interval === 0 ? 'full' : 'recurrent'));
    return all((layer) => (keyValueCounts[layer] === 0 ? 'recurrent' : 'full'));
  }
  const pattern = meta.flags('sliding_window_pattern');
  if (pattern) return all((layer) => (pattern[layer] === true ? 'sliding' : 'full'));
  const full = meta.count('full_layers');
  const sliding = meta.count('swa_layers');
  // Only the number of full layers is known: they are spread evenly, which is how every known model places them.
  if (full !== null && sliding !== null)
    return all((layer) =>
      Math.floor(((layer + 1) * full) / blockCount) > Math.floor((layer * full) / blockCount)
        ? 'full'
        : 'sliding',
    );
  const period = meta.count('sliding_window_pattern') ?? FULL_LAYER_EVERY[architecture];
  if (shape.slidingWindow !== null && period !== undefined)
    return all((layer) => (layer % period === period - 1 ? 'full' : 'sliding'));
  return all(() => 'full');
}

/** 4 B × (state × inner + (conv − 1) × (inner + 2 × groups × state)); short convolutions (LFM2) keep E × (l_cache − 1). */
function recurrentStateBytes(meta: GgufMetadata): number {
  const inner = meta.count('ssm_inner_size');
  if (inner !== null) {
    const state = meta.count('ssm_state_size') ?? 0;
    const convolution = Math.max(0, (meta.count('ssm_conv_kernel') ?? 1) - 1);
    const groups = meta.count('ssm_group_count') ?? 0;
    return 4 * (state * inner + convolution * (inner + 2 * groups * state));
  }
  const cache = meta.count('shortconv_l_cache') ?? meta.count('l_cache');
  const width = meta.count('embedding_length');
  return cache !== null && width !== null ? 4 * width * Math.max(0, cache - 1) : 0;
}

/** Where the key is missing: V3 and R1 start with three dense blocks, V2 and its Lite with one. */
const deepseekDense = (blockCount: number): number => (blockCount >= 61 ? 3 : 1);

const headSize = (embeddingLength: number | null, heads: number): number | null =>
  embeddingLength === null ? null : Math.floor(embeddingLength / heads);

/** Layers without heads (0) are recurrent and count for neither. */
const present = (values: readonly (number | null)[]): number[] =>
  values.filter((value): value is number => value !== null && value > 0);

const largest = (values: readonly (number | null)[]): number | null =>
  present(values).reduce<number | null>((best, v) => (best === null ? v : Math.max(best, v)), null);

const smallest = (values: readonly (number | null)[]): number | null =>
  present(values).reduce<number | null>((best, v) => (best === null ? v : Math.min(best, v)), null);
