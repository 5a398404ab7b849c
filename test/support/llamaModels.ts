/**
 * Models that llama.cpp loads: true headers of many architectures, real widths and few blocks, and no data. Vocabularies
 * are small where the logits would hide everything else in the compute buffer.
 */
import { attention, feedForward, norms, vector, weight, type Attention } from './ggufBlocks';
import { dense, f32, heads, model, type LlamaModel } from './llamaRecipes';
import { FURTHER } from './llamaFurther';
import { FURTHER_MIXTURES } from './llamaFurtherMixtures';
import { HELD_OUT } from './llamaHeldOut';
import { MIXERS } from './llamaMixers';
import { MIXTURES } from './llamaMixtures';

const LLAMA_8B: Attention = { width: 4096, heads: 32, keyValueHeads: 8, keyLength: 128 };

const LLAMA_1B: Attention = { width: 2048, heads: 32, keyValueHeads: 8, keyLength: 64 };

const QWEN2: Attention = { width: 3584, heads: 28, keyValueHeads: 4, keyLength: 128, bias: false };

const QWEN3: Attention = {
  width: 2560,
  heads: 32,
  keyValueHeads: 8,
  keyLength: 128,
  qkNorm: 'head',
};

const GEMMA2: Attention = { width: 2304, heads: 8, keyValueHeads: 4, keyLength: 256 };

const GEMMA3: Attention = { ...GEMMA2, width: 2560, qkNorm: 'head' };

const POST_NORMS = ['attn_norm', 'ffn_norm', 'post_attention_norm', 'post_ffw_norm'];

/** One Llama for each tensor type that llama.cpp still reads, by ggml's number. */
const TENSOR_TYPES = [
  0, 1, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 29, 30, 34, 35, 39, 40,
];

const typed = (type: number): LlamaModel =>
  dense(`llama-type-${String(type)}`, 'llama', { ...LLAMA_1B, width: 1024, heads: 16 }, 2048, {
    blocks: 2,
    untied: true,
    type,
  });

/** Other heads and lengths in sliding than in full blocks; the last blocks use the K/V of earlier ones. */
function gemma4(): LlamaModel {
  const width = 2560;
  const inner = 10240;
  const pattern = [0, 1, 2].flatMap(() => [true, true, true, false]);
  const shared = 4;
  const sizes = (index: number): Attention =>
    pattern[index] === true
      ? { width, heads: 8, keyValueHeads: 2, keyLength: 256, qkNorm: 'head' }
      : { width, heads: 8, keyValueHeads: 2, keyLength: 512, qkNorm: 'head' };
  return model('gemma4', {
    architecture: 'gemma4',
    width,
    blocks: pattern.length,
    vocabulary: 1024,
    extra: [vector('rope_freqs.weight', 256)],
    keys: {
      ...heads(sizes(3), inner),
      'attention.sliding_window': 512,
      'attention.sliding_window_pattern': { array: 'bool', values: pattern },
      'attention.shared_kv_layers': shared,
      'attention.key_length_swa': 256,
      'attention.value_length_swa': 256,
      'rope.dimension_count_swa': 256,
      embedding_length_per_layer_input: 0,
    },
    block: (at, index) => [
      ...norms(at, width, ...POST_NORMS),
      ...attention(at, sizes(index)),
      ...feedForward(at, width, inner),
    ],
  });
}

const DENSE: readonly LlamaModel[] = [
  dense('llama', 'llama', LLAMA_8B, 14336, { untied: true }),
  dense('llama-vocabulary', 'llama', LLAMA_1B, 8192, { vocabulary: 128256 }),
  dense('llama-heads', 'llama', { ...LLAMA_8B, keyValueHeads: 32 }, 11008, { untied: true }),
  dense('qwen2', 'qwen2', { ...QWEN2 }, 18944, { untied: true }),
  dense('qwen3', 'qwen3', QWEN3, 9728),
  dense('gemma2', 'gemma2', GEMMA2, 9216, {
    normNames: POST_NORMS,
    keys: { 'attention.sliding_window': 4096 },
  }),
  dense('gemma3', 'gemma3', GEMMA3, 10240, {
    blocks: 8,
    normNames: POST_NORMS,
    keys: { 'attention.sliding_window': 1024 },
  }),
  dense(
    'gemma3-vocabulary',
    'gemma3',
    { ...GEMMA3, width: 1152, heads: 4, keyValueHeads: 1 },
    6912,
    {
      blocks: 7,
      vocabulary: 262144,
      normNames: POST_NORMS,
      keys: { 'attention.sliding_window': 512 },
    },
  ),
  gemma4(),
  dense(
    'phi3',
    'phi3',
    { width: 3072, heads: 32, keyValueHeads: 32, keyLength: 96, fused: true },
    8192,
    {
      untied: true,
      keys: { 'attention.sliding_window': 2047 },
      block: (at) => [
        ...norms(at, 3072, 'attn_norm', 'ffn_norm'),
        ...attention(at, { width: 3072, heads: 32, keyValueHeads: 32, keyLength: 96, fused: true }),
        weight(`${at}.ffn_up`, 3072, 2 * 8192),
        weight(`${at}.ffn_down`, 8192, 3072),
      ],
    },
  ),
  dense(
    'starcoder2',
    'starcoder2',
    { width: 3072, heads: 24, keyValueHeads: 2, keyLength: 128, bias: true },
    12288,
    {
      extra: [vector('output_norm.bias', 3072)],
      block: (at) => [
        ...norms(at, 3072, 'attn_norm', 'ffn_norm'),
        vector(`${at}.attn_norm.bias`, 3072),
        vector(`${at}.ffn_norm.bias`, 3072),
        ...attention(at, { width: 3072, heads: 24, keyValueHeads: 2, keyLength: 128, bias: true }),
        weight(`${at}.ffn_up`, 3072, 12288),
        vector(`${at}.ffn_up.bias`, 12288),
        weight(`${at}.ffn_down`, 12288, 3072),
        vector(`${at}.ffn_down.bias`, 3072),
      ],
    },
  ),
  dense('command-r', 'command-r', { ...LLAMA_8B, keyValueHeads: 32 }, 11264, {
    normNames: ['attn_norm'],
  }),
  dense('cohere2', 'cohere2', LLAMA_8B, 14336, {
    blocks: 8,
    normNames: ['attn_norm'],
    keys: { 'attention.sliding_window': 4096, logit_scale: f32(0.25) },
  }),
  dense('olmo2', 'olmo2', { ...LLAMA_8B, keyValueHeads: 32, qkNorm: 'row' }, 11008, {
    untied: true,
    normNames: ['post_attention_norm', 'post_ffw_norm'],
  }),
  dense('olmo3', 'olmo2', { ...LLAMA_8B, keyValueHeads: 32, qkNorm: 'row' }, 11008, {
    untied: true,
    blocks: 8,
    normNames: ['post_attention_norm', 'post_ffw_norm'],
    keys: { 'attention.sliding_window': 4096 },
  }),
  dense('glm4', 'glm4', { width: 4096, heads: 32, keyValueHeads: 2, keyLength: 128 }, 13696, {
    untied: true,
    block: (at) => [
      ...norms(at, 4096, ...POST_NORMS),
      ...attention(at, { width: 4096, heads: 32, keyValueHeads: 2, keyLength: 128 }),
      weight(`${at}.ffn_up`, 4096, 2 * 13696),
      weight(`${at}.ffn_down`, 13696, 4096),
    ],
  }),
  dense(
    'exaone4',
    'exaone4',
    { width: 2048, heads: 32, keyValueHeads: 8, keyLength: 64, qkNorm: 'head' },
    4096,
    {
      blocks: 8,
      normNames: ['post_attention_norm', 'post_ffw_norm'],
      keys: { 'attention.sliding_window': 4096 },
    },
  ),
];

export const LLAMA_MODELS: readonly LlamaModel[] = [
  ...DENSE,
  ...MIXTURES,
  ...MIXERS,
  ...HELD_OUT,
  ...FURTHER,
  ...FURTHER_MIXTURES,
  ...TENSOR_TYPES.map(typed),
];
