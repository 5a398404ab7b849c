/** Models added after the compute buffer's formula was made, real sizes and vocabularies among them: 117 of their 143 loads were in its range at once. */
import {
  attention,
  experts,
  feedForward,
  norms,
  vector,
  weight,
  type Attention,
} from './ggufBlocks';
import { dense, f32, heads, mixture, model, type LlamaModel } from './llamaRecipes';

const POST_NORMS = ['attn_norm', 'ffn_norm', 'post_attention_norm', 'post_ffw_norm'];

/** AltUp, LAuReL and embeddings per layer; the K/V of the first 20 blocks serve the rest. */
function gemma3n(): LlamaModel {
  const width = 2048;
  const inner = 8192;
  const blocks = 22;
  const altUp = 4;
  const perLayer = 256;
  const a: Attention = { width, heads: 8, keyValueHeads: 2, keyLength: 256, qkNorm: 'head' };
  return model('gemma3n', {
    architecture: 'gemma3n',
    width,
    blocks,
    vocabulary: 1024,
    keys: {
      ...heads(a, inner),
      'attention.sliding_window': 512,
      'attention.shared_kv_layers': 2,
      embedding_length_per_layer_input: perLayer,
    },
    extra: [
      weight('altup_proj', width, width, altUp - 1),
      weight('altup_unembd_proj', width, width, altUp - 1),
      weight('per_layer_token_embd', perLayer * blocks, 1024),
      weight('per_layer_model_proj', width, perLayer * blocks),
      vector('per_layer_proj_norm.weight', perLayer),
    ],
    block: (at) => [
      ...norms(at, width, ...POST_NORMS, 'post_norm', 'altup_router_norm', 'laurel_post_norm'),
      ...attention(at, a),
      ...feedForward(at, width, inner),
      weight(`${at}.inp_gate`, width, perLayer),
      weight(`${at}.proj`, perLayer, width),
      vector(`${at}.altup_correct_coef.weight`, altUp, altUp),
      vector(`${at}.altup_correct_scale.weight`, width),
      vector(`${at}.altup_predict_coef.weight`, altUp, altUp * altUp),
      weight(`${at}.altup_router`, width, altUp),
      weight(`${at}.laurel_l`, width, 64),
      weight(`${at}.laurel_r`, 64, width),
    ],
  });
}

/** Shared expert, one dense block in front, one block at the end that drafts tokens. */
function glm4Moe(): LlamaModel {
  const a: Attention = { width: 4096, heads: 96, keyValueHeads: 8, keyLength: 128 };
  const blocks = 5;
  return mixture('glm4moe', 'glm4moe', a, 1408, 128, 8, {
    blocks,
    keys: {
      feed_forward_length: 10944,
      leading_dense_block_count: 1,
      expert_shared_count: 1,
      nextn_predict_layers: 1,
    },
    block: (at, index) => [
      ...norms(at, a.width, 'attn_norm', 'post_attention_norm'),
      ...attention(at, a),
      ...(index === 0
        ? feedForward(at, a.width, 10944)
        : [
            ...experts(at, a.width, 1408, 128),
            vector(`${at}.exp_probs_b.bias`, 128),
            ...feedForward(at, a.width, 1408, '_shexp'),
          ]),
      ...(index === blocks - 1
        ? [
            weight(`${at}.nextn.eh_proj`, 2 * a.width, a.width),
            ...norms(at, a.width, 'nextn.enorm', 'nextn.hnorm', 'nextn.shared_head_norm'),
          ]
        : []),
    ],
  });
}

const arcee: Attention = { width: 2560, heads: 20, keyValueHeads: 4, keyLength: 128 };

export const HELD_OUT: readonly LlamaModel[] = [
  dense('llama-70b', 'llama', { width: 8192, heads: 64, keyValueHeads: 8, keyLength: 128 }, 28672, {
    vocabulary: 128256,
    untied: true,
  }),
  dense(
    'mistral-nemo',
    'llama',
    { width: 5120, heads: 32, keyValueHeads: 8, keyLength: 128 },
    14336,
    {
      vocabulary: 131072,
      untied: true,
    },
  ),
  dense(
    'qwen3-0.6b',
    'qwen3',
    { width: 1024, heads: 16, keyValueHeads: 8, keyLength: 128, qkNorm: 'head' },
    3072,
    { vocabulary: 151936 },
  ),
  dense(
    'gemma3-27b',
    'gemma3',
    { width: 5376, heads: 32, keyValueHeads: 16, keyLength: 128, qkNorm: 'head' },
    21504,
    { blocks: 7, normNames: POST_NORMS, keys: { 'attention.sliding_window': 1024 } },
  ),
  dense('gemma', 'gemma', { width: 3072, heads: 16, keyValueHeads: 16, keyLength: 256 }, 24576),
  dense('granite', 'granite', { width: 4096, heads: 32, keyValueHeads: 8, keyLength: 128 }, 12800, {
    keys: { logit_scale: f32(8) },
  }),
  dense('arcee', 'arcee', arcee, 18432, {
    block: (at) => [
      ...norms(at, arcee.width, 'attn_norm', 'ffn_norm'),
      ...attention(at, arcee),
      weight(`${at}.ffn_up`, arcee.width, 18432),
      weight(`${at}.ffn_down`, 18432, arcee.width),
    ],
  }),
  mixture(
    'qwen3-235b',
    'qwen3moe',
    { width: 4096, heads: 64, keyValueHeads: 4, keyLength: 128, qkNorm: 'head' },
    1536,
    128,
    8,
    { vocabulary: 151936 },
  ),
  mixture(
    'olmoe',
    'olmoe',
    { width: 2048, heads: 16, keyValueHeads: 16, keyLength: 128, qkNorm: 'row' },
    1024,
    64,
    8,
  ),
  gemma3n(),
  glm4Moe(),
];
