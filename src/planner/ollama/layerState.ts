/** What a layer keeps per sequence whatever the context: recurrent state, and K/V of pictures in cross-attention. */
import type { GgufMetadata } from './ggufMetadata';

/** Every layer recurrent. */
const RECURRENT: ReadonlySet<string> = new Set([
  'mamba',
  'mamba2',
  'rwkv6',
  'rwkv6qwen2',
  'rwkv7',
  'arwkv7',
]);

/** State and attention side by side in every layer. */
const PARALLEL: ReadonlySet<string> = new Set(['falcon-h1']);

/** One full-attention layer in how many, where the file names no interval. */
const FULL_ATTENTION_EVERY: Readonly<Record<string, number>> = {
  qwen3next: 4,
  qwen35: 4,
  qwen35moe: 4,
};

/** `state` in place of attention, beside it, or a layer with neither (a feed-forward of its own). */
export type StateKind = 'instead' | 'beside' | 'neither';

/**
 * Bytes of one recurrent layer for one sequence, always in 32 bits; null where the model has none. Sizes as in llama.cpp's
 * `n_embd_r` and `n_embd_s`; a real llama.cpp prints the same for nine architectures (test/fixtures/facts/llama.json).
 */
export function recurrentStateBytes(meta: GgufMetadata): number | null {
  const width = meta.count('embedding_length') ?? 0;
  const headSize = meta.count('wkv_head_size');
  if (headSize !== null) return 4 * width * (headSize + (meta.count('token_shift_count') ?? 2));
  const kept = meta.count('shortconv_l_cache') ?? meta.count('l_cache');
  if (kept !== null) return 4 * width * Math.max(0, kept - 1);
  const convolution = Math.max(0, (meta.count('ssm_conv_kernel') ?? 1) - 1);
  const delta = meta.count('kda_head_dim');
  if (delta !== null) {
    const inner = delta * (meta.count('head_count') ?? 1);
    return 4 * inner * (delta + 3 * convolution);
  }
  const inner = meta.count('ssm_inner_size');
  if (inner === null) return null;
  const state = meta.count('ssm_state_size') ?? 0;
  const groups = meta.count('ssm_group_count') ?? 0;
  return 4 * (state * inner + convolution * (inner + 2 * groups * state));
}

/** How each layer stands to the recurrent state; null: plain attention. */
export function stateKinds(
  meta: GgufMetadata,
  architecture: string,
  layers: number,
): readonly (StateKind | null)[] {
  const all = (kindOf: (layer: number) => StateKind | null): (StateKind | null)[] =>
    Array.from({ length: layers }, (_, layer) => kindOf(layer));
  if (RECURRENT.has(architecture)) return all(() => 'instead');
  if (recurrentStateBytes(meta) === null) return all(() => null);
  if (PARALLEL.has(architecture)) return all(() => 'beside');
  const listed = meta.flags('recurrent_layers');
  if (listed) return all((layer) => (listed[layer] === true ? 'instead' : null));
  const every = meta.count('full_attention_interval') ?? FULL_ATTENTION_EVERY[architecture];
  if (every !== undefined) return all((layer) => ((layer + 1) % every === 0 ? null : 'instead'));
  const heads = meta.perLayer('head_count_kv', layers);
  const inner = meta.numbers('feed_forward_length');
  return all((layer) => {
    if (heads[layer] !== 0) return null;
    // Nemotron-H gives a block one thing to do; elsewhere a feed-forward follows in each.
    return inner?.includes(0) === true && (inner[layer] ?? 0) > 0 ? 'neither' : 'instead';
  });
}

/** Llama 3.2 Vision's cross-attention: 4 tiles of 1,601 patches, K and V in 32 bits (Ollama's `memory.go`). */
const CROSS_CELLS = 4 * 1601;

/** @param elementsPerCell of K and V together. */
export function crossStateBytes(elementsPerCell: number): number {
  return 4 * CROSS_CELLS * elementsPerCell;
}
