/** Experts added after the compute buffer's formula was made: three of their loads, without flash attention, were out of its range. */
import {
  attention,
  experts,
  feedForward,
  mamba2,
  norms,
  shortConvolution,
  vector,
  weight,
  type Attention,
  type StateSpace,
  type Tensor,
} from './ggufBlocks';
import { f32, heads, mixture, model, perLayer, stateKeys, type LlamaModel } from './llamaRecipes';
import type { GgufFixtureValue } from './modelFiles';

interface Shared {
  /** Blocks in front without experts, and their width. */
  readonly dense?: { readonly blocks: number; readonly inner: number };
  /** Width of what every token goes through; 0: nothing. */
  readonly shared?: number;
  readonly biased?: boolean;
  readonly blocks?: number;
  readonly keys?: Readonly<Record<string, GgufFixtureValue>>;
  readonly normNames?: readonly string[];
  readonly more?: (at: string) => Tensor[];
}

/** Dense blocks first, then experts beside one that all tokens share. */
function besideShared(
  architecture: string,
  a: Attention,
  inner: number,
  count: number,
  used: number,
  { dense, shared = 0, biased = false, blocks = 4, keys = {}, normNames, more }: Shared,
): LlamaModel {
  return mixture(architecture, architecture, a, inner, count, used, {
    blocks,
    keys: {
      ...(dense
        ? { feed_forward_length: dense.inner, leading_dense_block_count: dense.blocks }
        : {}),
      ...(shared > 0 ? { expert_shared_count: 1, expert_shared_feed_forward_length: shared } : {}),
      expert_gating_func: 2,
      ...keys,
    },
    block: (at, index) => [
      ...norms(at, a.width, ...(normNames ?? ['attn_norm', 'ffn_norm'])),
      ...attention(at, a),
      ...(more?.(at) ?? []),
      ...(dense && index < dense.blocks
        ? feedForward(at, a.width, dense.inner)
        : [
            ...experts(at, a.width, inner, count),
            ...(biased ? [vector(`${at}.exp_probs_b.bias`, count)] : []),
            ...(shared > 0 ? feedForward(at, a.width, shared, '_shexp') : []),
          ]),
    ],
  });
}

const QWEN2MOE: Attention = { width: 2048, heads: 16, keyValueHeads: 16, keyLength: 128 };
const AFMOE: Attention = {
  width: 2048,
  heads: 32,
  keyValueHeads: 4,
  keyLength: 128,
  qkNorm: 'head',
};

function lfm2moe(): LlamaModel {
  const a: Attention = { width: 2048, heads: 32, keyValueHeads: 8, keyLength: 64, qkNorm: 'head' };
  const pattern = [0, 0, 8, 0, 0, 8, 0, 8];
  return model('lfm2moe', {
    architecture: 'lfm2moe',
    width: a.width,
    blocks: pattern.length,
    vocabulary: 1024,
    outputNorm: 'token_embd_norm',
    keys: {
      ...heads(a, 7168),
      'attention.head_count_kv': perLayer(pattern),
      'shortconv.l_cache': 3,
      expert_count: 32,
      expert_used_count: 4,
      expert_feed_forward_length: 1792,
      leading_dense_block_count: 2,
      expert_gating_func: 2,
    },
    block: (at, index) => [
      ...norms(at, a.width, 'attn_norm', 'ffn_norm'),
      ...(pattern[index] === 0 ? shortConvolution(at, a.width) : attention(at, a)),
      ...(index < 2
        ? feedForward(at, a.width, 7168)
        : [...experts(at, a.width, 1792, 32), vector(`${at}.exp_probs_b.bias`, 32)]),
    ],
  });
}

function graniteHybrid(): LlamaModel {
  const width = 1536;
  const a: Attention = { width, heads: 12, keyValueHeads: 4, keyLength: 128 };
  const s: StateSpace = { width, inner: 3072, state: 128, convolution: 4, timeStep: 48, groups: 1 };
  const pattern = [0, 0, 0, 4, 0, 0, 4, 0];
  return model('granitehybrid-moe', {
    architecture: 'granitehybrid',
    width,
    blocks: pattern.length,
    vocabulary: 1024,
    keys: {
      ...heads(a, 512),
      ...stateKeys(s),
      'attention.head_count_kv': perLayer(pattern),
      expert_count: 64,
      expert_used_count: 6,
      expert_shared_feed_forward_length: 1024,
    },
    block: (at, index) => [
      ...norms(at, width, 'attn_norm', 'ffn_norm'),
      ...(pattern[index] === 0 ? mamba2(at, s) : attention(at, a)),
      ...experts(at, width, 512, 64),
      ...feedForward(at, width, 1024, '_shexp'),
    ],
  });
}

function nemotronMoe(): LlamaModel {
  const width = 2688;
  const a: Attention = { width, heads: 32, keyValueHeads: 2, keyLength: 128 };
  const s: StateSpace = { width, inner: 4096, state: 128, convolution: 4, timeStep: 64, groups: 8 };
  const pattern = ['state', 'feed', 'state', 'attention', 'feed', 'state', 'feed', 'attention'];
  return model('nemotron_h_moe', {
    architecture: 'nemotron_h_moe',
    width,
    blocks: pattern.length,
    vocabulary: 1024,
    untied: true,
    keys: {
      ...heads(a, 1856),
      ...stateKeys(s),
      'attention.head_count_kv': perLayer(pattern.map((kind) => (kind === 'attention' ? 2 : 0))),
      feed_forward_length: perLayer(pattern.map((kind) => (kind === 'feed' ? 1856 : 0))),
      expert_count: 128,
      expert_used_count: 6,
      expert_shared_count: 1,
      expert_feed_forward_length: 1856,
      expert_shared_feed_forward_length: 3712,
      expert_gating_func: 2,
      expert_weights_norm: true,
      expert_weights_scale: f32(2.5),
    },
    block: (at, index) => [
      ...norms(at, width, 'attn_norm'),
      ...(pattern[index] === 'state'
        ? mamba2(at, s)
        : pattern[index] === 'attention'
          ? attention(at, a)
          : [
              vector(`${at}.ffn_gate_inp.weight`, width, 128),
              vector(`${at}.exp_probs_b.bias`, 128),
              weight(`${at}.ffn_up_exps`, width, 1856, 128),
              weight(`${at}.ffn_down_exps`, 1856, width, 128),
              weight(`${at}.ffn_up_shexp`, width, 3712),
              weight(`${at}.ffn_down_shexp`, 3712, width),
            ]),
    ],
  });
}

export const FURTHER_MIXTURES: readonly LlamaModel[] = [
  besideShared('qwen2moe', QWEN2MOE, 1408, 60, 4, {
    shared: 5632,
    keys: { feed_forward_length: 5632 },
    more: (at) => [vector(`${at}.ffn_gate_inp_shexp.weight`, 2048)],
  }),
  mixture(
    'granitemoe',
    'granitemoe',
    { width: 1536, heads: 24, keyValueHeads: 8, keyLength: 64 },
    512,
    40,
    8,
    {
      keys: { logit_scale: f32(6) },
    },
  ),
  mixture(
    'dbrx',
    'dbrx',
    { width: 6144, heads: 48, keyValueHeads: 8, keyLength: 128 },
    10752,
    16,
    4,
    {
      keys: { 'attention.clamp_kqv': f32(8) },
      block: (at) => [
        ...norms(at, 6144, 'attn_norm', 'attn_output_norm'),
        ...attention(at, { width: 6144, heads: 48, keyValueHeads: 8, keyLength: 128, fused: true }),
        ...experts(at, 6144, 10752, 16),
      ],
    },
  ),
  besideShared(
    'ernie4_5-moe',
    { width: 2560, heads: 20, keyValueHeads: 4, keyLength: 128 },
    1536,
    64,
    6,
    {
      dense: { blocks: 1, inner: 12288 },
      shared: 3072,
      biased: true,
      keys: { interleave_moe_layer_step: 1 },
    },
  ),
  besideShared(
    'dots1',
    { ...QWEN2MOE, width: 4096, heads: 32, keyValueHeads: 32, qkNorm: 'head' },
    1408,
    128,
    6,
    {
      dense: { blocks: 1, inner: 10944 },
      shared: 1408,
      biased: true,
    },
  ),
  besideShared(
    'hunyuan-moe',
    { ...QWEN2MOE, width: 4096, heads: 32, keyValueHeads: 8, qkNorm: 'head' },
    3072,
    64,
    8,
    {
      shared: 3072,
      keys: { feed_forward_length: 3072 },
    },
  ),
  besideShared(
    'bailingmoe2',
    { ...QWEN2MOE, keyValueHeads: 4, qkNorm: 'head', fused: true },
    512,
    256,
    8,
    {
      dense: { blocks: 1, inner: 5120 },
      shared: 512,
      biased: true,
      keys: { expert_group_count: 8, expert_group_used_count: 4 },
    },
  ),
  besideShared('afmoe', AFMOE, 1024, 128, 8, {
    dense: { blocks: 2, inner: 6144 },
    shared: 1024,
    biased: true,
    blocks: 8,
    keys: { 'attention.sliding_window': 2048 },
    normNames: ['attn_norm', 'ffn_norm', 'post_attention_norm', 'post_ffw_norm'],
    more: (at) => [weight(`${at}.attn_gate`, 2048, 4096)],
  }),
  mixture(
    'smallthinker',
    'smallthinker',
    { width: 2560, heads: 28, keyValueHeads: 4, keyLength: 128 },
    768,
    64,
    6,
    {
      blocks: 8,
      keys: { 'attention.sliding_window': 4096, expert_gating_func: 2 },
    },
  ),
  lfm2moe(),
  graniteHybrid(),
  nemotronMoe(),
];
