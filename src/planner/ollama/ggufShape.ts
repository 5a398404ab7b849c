/** A GGUF model's shape as the memory rules need it, layer by layer, from its metadata keys. */
import { slidingLayers, slidingWindow } from '../../models/slidingPattern';
import { readMetadata, type GgufMetadata } from './ggufMetadata';
import { crossStateBytes, recurrentStateBytes, stateKinds, type StateKind } from './layerState';

/**
 * - `full`: keys and values for the whole context
 * - `sliding`: only for a window
 * - `recurrent`: a state of fixed size per sequence
 * - `none`: nothing kept (cross-layer sharing, encoder-only, a block that is only a feed-forward)
 */
export type LayerKind = 'full' | 'sliding' | 'recurrent' | 'none';

export interface LayerShape {
  readonly kind: LayerKind;
  readonly keyValueHeads: number;
  /** Elements per head. */
  readonly keyLength: number;
  readonly valueLength: number;
  /** Kept for each sequence whatever the context; with some architectures beside K and V. */
  readonly stateBytes: number;
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
  /** Width of the recurrent mixers; 0 where there is none. */
  readonly stateWidth: number;
  /** Elements per token of the inputs that Gemma 3n and 4 feed to each layer. */
  readonly layerInputs: number;
  /** Blocks at the end that draft tokens: part of the file, neither loaded nor cached by the main context. */
  readonly draftBlocks: number;
  /** Multi-head latent attention that is cached compressed: one head's lengths before compression. */
  readonly latent: { readonly keyLength: number; readonly valueLength: number } | null;
  /** A shape taken from models of about this size, not read: K/V may be half or twice as much. */
  readonly typical: boolean;
  /** Answers with vectors, not text: Ollama gives it one slot, and a batch for a whole input. */
  readonly embeds: boolean;
  /** Sees the whole input at once: no K/V cache, no logits, no output layer with weights. */
  readonly encodes: boolean;
}

/** Architectures that are encoders; a Gemma 3 that pools its answers is one as well. */
const ENCODERS: ReadonlySet<string> = new Set([
  'bert',
  'nomic-bert',
  'nomic-bert-moe',
  'jina-bert-v2',
  'gemma-embedding',
  't5encoder',
]);

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
  const pools = meta.count('pooling_type') !== null;
  const encodes = ENCODERS.has(architecture) || (architecture === 'gemma3' && pools);
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
    slidingWindow: slidingWindow(architecture, blockCount, meta.count('sliding_window')),
    latent: latentLengths(meta),
    stateWidth: stateWidth(meta),
    layerInputs: blockCount * (meta.count('embedding_length_per_layer_input') ?? 0),
    draftBlocks: Math.min(blockCount - 1, meta.count('nextn_predict_layers') ?? 0),
    typical: false,
    embeds: encodes || pools,
    encodes,
  };
  return { ...base, layers: readLayers(meta, base, keyValueCounts) };
}

function readLayers(
  meta: GgufMetadata,
  shape: Omit<GgufShape, 'layers'>,
  keyValueCounts: readonly (number | null)[],
): LayerShape[] {
  const { architecture, blockCount } = shape;
  const states = stateKinds(meta, architecture, blockCount);
  const kinds = layerKinds(meta, shape, states);
  const stateBytes = recurrentStateBytes(meta) ?? 0;
  const slidingHeads = meta.count('head_count_kv_swa');
  const slidingKey = meta.count('key_length_swa');
  const slidingValue = meta.count('value_length_swa') ?? slidingKey;
  // Sparse attention (DeepSeek V3.2) ranks the past by keys of its own, one head in each layer.
  const indexKey = shape.latent ? (meta.count('indexer_key_length') ?? 0) : 0;
  const crossed = new Set(meta.numbers('cross_attention_layers'));
  return kinds.map((kind, layer): LayerShape => {
    const state = states[layer] ?? null;
    const kept = state === 'instead' || state === 'beside' ? stateBytes : 0;
    if (kind === 'none') return { ...NOTHING_KEPT, stateBytes: 0 };
    if (kind === 'recurrent') return { ...NOTHING_KEPT, kind, stateBytes: kept };
    const sliding = kind === 'sliding';
    const keyValueHeads =
      (sliding ? slidingHeads : null) ?? keyValueCounts[layer] ?? shape.headCount;
    const keyLength = (sliding ? slidingKey : null) ?? shape.keyLength;
    const valueLength = (sliding ? slidingValue : null) ?? shape.valueLength;
    if (crossed.has(layer)) {
      const elements = keyValueHeads * (keyLength + valueLength);
      return { ...NOTHING_KEPT, kind: 'recurrent', stateBytes: crossStateBytes(elements) };
    }
    // Compressed MLA keeps one latent head, and no V: it is a view of K.
    return shape.latent
      ? {
          kind,
          keyValueHeads: 1,
          keyLength: keyLength + indexKey,
          valueLength: 0,
          stateBytes: kept,
        }
      : { kind, keyValueHeads, keyLength, valueLength, stateBytes: kept };
  });
}

const NOTHING_KEPT = { kind: 'none', keyValueHeads: 0, keyLength: 0, valueLength: 0 } as const;

function layerKinds(
  meta: GgufMetadata,
  shape: Omit<GgufShape, 'layers'>,
  states: readonly (StateKind | null)[],
): LayerKind[] {
  const { blockCount } = shape;
  const withK = blockCount - shape.draftBlocks - sharingLayers(meta, shape);
  const sliding = slidingOf(meta, shape);
  return states.map((state, layer) => {
    if (shape.encodes || layer >= withK || state === 'neither') return 'none';
    if (state === 'instead') return 'recurrent';
    return sliding[layer] === true ? 'sliding' : 'full';
  });
}

/** The last layers of Gemma 3n and 4 use the K and V of earlier ones. llama.cpp gives them to Gemma 3n's first 20, whatever the file says. */
function sharingLayers(meta: GgufMetadata, shape: Omit<GgufShape, 'layers'>): number {
  if (shape.architecture === 'gemma3n') return Math.max(0, shape.blockCount - 20);
  return meta.count('shared_kv_layers') ?? 0;
}

function slidingOf(meta: GgufMetadata, shape: Omit<GgufShape, 'layers'>): readonly boolean[] {
  const { blockCount, architecture, slidingWindow: window } = shape;
  const pattern = meta.flags('sliding_window_pattern');
  if (pattern) return pattern;
  const full = meta.count('full_layers');
  const sliding = meta.count('swa_layers');
  const usual = slidingLayers(architecture, blockCount, meta.count('sliding_window_pattern'));
  if (usual && (full === null || usual.filter((one) => !one).length === full))
    return window === null ? [] : usual;
  // Only the number of full layers is known: they are spread evenly, which is how every known model places them.
  if (full !== null && sliding !== null)
    return Array.from(
      { length: blockCount },
      (_, layer) =>
        Math.floor(((layer + 1) * full) / blockCount) === Math.floor((layer * full) / blockCount),
    );
  // LFM2's attention layers all have it.
  return window !== null && architecture.startsWith('lfm2')
    ? Array<boolean>(blockCount).fill(true)
    : [];
}

function latentLengths(meta: GgufMetadata): GgufShape['latent'] {
  const keyLength = meta.count('key_length_mla');
  if (keyLength === null) return null;
  return { keyLength, valueLength: meta.count('value_length_mla') ?? keyLength };
}

/** Elements that a recurrent mixer works on per token, in sixths of what it keeps alive. */
function stateWidth(meta: GgufMetadata): number {
  const width = meta.count('embedding_length') ?? 0;
  if (meta.count('wkv_head_size') !== null) return 3 * width;
  const inner = meta.count('ssm_inner_size');
  if (inner === null) return recurrentStateBytes(meta) === null ? 0 : width;
  const convolved = 2 * (meta.count('ssm_group_count') ?? 0) * (meta.count('ssm_state_size') ?? 0);
  return inner + convolved / 3;
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
