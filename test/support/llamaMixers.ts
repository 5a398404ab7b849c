/** Models for llama.cpp with recurrent state: alone, in place of attention, or beside it. */
import {
  attention,
  deltaNet,
  experts,
  feedForward,
  mamba1,
  mamba2,
  norms,
  shortConvolution,
  vector,
  weight,
  type Attention,
  type StateSpace,
  type Tensor,
} from './ggufBlocks';
import { heads, model, perLayer, stateKeys, type LlamaModel } from './llamaRecipes';

function recurrent(
  id: string,
  architecture: string,
  s: StateSpace,
  layer: (at: string, s: StateSpace) => Tensor[],
): LlamaModel {
  return model(id, {
    architecture,
    width: s.width,
    blocks: 8,
    vocabulary: 1024,
    keys: {
      ...stateKeys(s),
      'attention.head_count': 0,
      feed_forward_length: 0,
    },
    block: (at) => [...norms(at, s.width, 'attn_norm'), ...layer(at, s)],
  });
}

/** Attention in some blocks, state in the others: those have 0 K/V heads. */
function hybrid(
  id: string,
  architecture: string,
  a: Attention,
  s: StateSpace,
  inner: number,
  pattern: readonly ('attention' | 'state')[],
  layer: (at: string, s: StateSpace) => Tensor[],
): LlamaModel {
  return model(id, {
    architecture,
    width: a.width,
    blocks: pattern.length,
    vocabulary: 1024,
    keys: {
      ...heads(a, inner),
      ...stateKeys(s),
      'attention.head_count_kv': perLayer(
        pattern.map((kind) => (kind === 'attention' ? a.keyValueHeads : 0)),
      ),
    },
    block: (at, index) => [
      ...norms(at, a.width, 'attn_norm', 'ffn_norm'),
      ...(pattern[index] === 'attention' ? attention(at, a) : layer(at, s)),
      ...feedForward(at, a.width, inner),
    ],
  });
}

function falconH1(): LlamaModel {
  const a: Attention = { width: 2048, heads: 8, keyValueHeads: 2, keyLength: 128 };
  const s: StateSpace = {
    width: 2048,
    inner: 3072,
    state: 256,
    convolution: 4,
    timeStep: 48,
    groups: 1,
  };
  return model('falcon-h1', {
    architecture: 'falcon-h1',
    width: a.width,
    blocks: 6,
    vocabulary: 1024,
    keys: { ...heads(a, 4096), ...stateKeys(s) },
    block: (at) => [
      ...norms(at, a.width, 'attn_norm'),
      vector(`${at}.ffn_norm`, a.width),
      ...attention(at, a),
      ...mamba2(at, s),
      ...feedForward(at, a.width, 4096),
    ],
  });
}

/** One thing per block: state, attention or feed-forward. */
function nemotronH(): LlamaModel {
  const a: Attention = { width: 3136, heads: 40, keyValueHeads: 8, keyLength: 128 };
  const s: StateSpace = {
    width: 3136,
    inner: 7680,
    state: 128,
    convolution: 4,
    timeStep: 96,
    groups: 8,
  };
  const inner = 12544;
  const pattern = ['state', 'feed', 'state', 'attention', 'feed', 'state', 'feed', 'attention'];
  return model('nemotron_h', {
    architecture: 'nemotron_h',
    width: a.width,
    blocks: pattern.length,
    vocabulary: 1024,
    untied: true,
    keys: {
      ...heads(a, inner),
      ...stateKeys(s),
      'attention.head_count_kv': perLayer(
        pattern.map((kind) => (kind === 'attention' ? a.keyValueHeads : 0)),
      ),
      feed_forward_length: perLayer(pattern.map((kind) => (kind === 'feed' ? inner : 0))),
    },
    block: (at, index) => [
      ...norms(at, a.width, 'attn_norm'),
      ...(pattern[index] === 'state'
        ? mamba2(at, s)
        : pattern[index] === 'attention'
          ? attention(at, a)
          : [weight(`${at}.ffn_up`, a.width, inner), weight(`${at}.ffn_down`, inner, a.width)]),
    ],
  });
}

function lfm2(): LlamaModel {
  const a: Attention = {
    width: 2048,
    heads: 32,
    keyValueHeads: 8,
    keyLength: 64,
    qkNorm: 'head',
  };
  const pattern = [0, 0, 8, 0, 0, 8, 0, 8];
  const inner = 8192;
  return model('lfm2', {
    architecture: 'lfm2',
    width: a.width,
    blocks: pattern.length,
    vocabulary: 1024,
    outputNorm: 'token_embd_norm',
    keys: {
      ...heads(a, inner),
      'attention.head_count_kv': perLayer(pattern),
      'shortconv.l_cache': 3,
    },
    block: (at, index) => [
      ...norms(at, a.width, 'attn_norm', 'ffn_norm'),
      ...(pattern[index] === 0 ? shortConvolution(at, a.width) : attention(at, a)),
      ...feedForward(at, a.width, inner),
    ],
  });
}

const QWEN35: Attention = {
  width: 2560,
  heads: 16,
  keyValueHeads: 4,
  keyLength: 256,
  qkNorm: 'head',
  gated: true,
};

const QWEN35_STATE: StateSpace = {
  width: 2560,
  inner: 4096,
  state: 128,
  convolution: 4,
  timeStep: 32,
  groups: 16,
};

/** `predicts`: blocks at the end that draft tokens; the main context keeps nothing for them. */
function qwen35(predicts: number): LlamaModel {
  const inner = 9216;
  return model(predicts > 0 ? 'qwen35-mtp' : 'qwen35', {
    architecture: 'qwen35',
    width: QWEN35.width,
    blocks: 8 + predicts,
    vocabulary: 1024,
    keys: {
      ...heads(QWEN35, inner),
      ...stateKeys(QWEN35_STATE),
      'rope.dimension_count': 64,
      'rope.dimension_sections': perLayer([11, 11, 10, 0]),
      full_attention_interval: 4,
      ...(predicts > 0 ? { nextn_predict_layers: predicts } : {}),
    },
    block: (at, index) => [
      ...norms(at, QWEN35.width, 'attn_norm', 'post_attention_norm'),
      ...(index >= 8 || (index + 1) % 4 === 0
        ? attention(at, QWEN35)
        : deltaNet(at, QWEN35_STATE, 'split')),
      ...feedForward(at, QWEN35.width, inner),
      ...(index >= 8
        ? [
            weight(`${at}.nextn.eh_proj`, 2 * QWEN35.width, QWEN35.width),
            ...norms(at, QWEN35.width, 'nextn.enorm', 'nextn.hnorm', 'nextn.shared_head_norm'),
          ]
        : []),
    ],
  });
}

function qwen3next(): LlamaModel {
  const a: Attention = { ...QWEN35, width: 2048, keyValueHeads: 2 };
  const s: StateSpace = { ...QWEN35_STATE, width: 2048 };
  return model('qwen3next', {
    architecture: 'qwen3next',
    width: a.width,
    blocks: 8,
    vocabulary: 1024,
    untied: true,
    keys: {
      ...heads(a, 5120),
      ...stateKeys(s),
      'rope.dimension_count': 64,
      expert_count: 64,
      expert_used_count: 10,
      expert_feed_forward_length: 512,
      expert_shared_feed_forward_length: 512,
    },
    block: (at, index) => [
      ...norms(at, a.width, 'attn_norm', 'post_attention_norm'),
      ...((index + 1) % 4 === 0 ? attention(at, a) : deltaNet(at, s, 'joined')),
      ...experts(at, a.width, 512, 64),
      vector(`${at}.ffn_gate_inp_shexp.weight`, a.width),
      ...feedForward(at, a.width, 512, '_shexp'),
    ],
  });
}

function rwkv7(): LlamaModel {
  const width = 1024;
  const rank = 64;
  return model('rwkv7', {
    architecture: 'rwkv7',
    width,
    blocks: 6,
    vocabulary: 1024,
    untied: true,
    extra: [
      vector('token_embd_norm.weight', width),
      vector('token_embd_norm.bias', width),
      vector('output_norm.bias', width),
    ],
    keys: {
      'attention.head_count': 0,
      feed_forward_length: 4096,
      'wkv.head_size': 64,
      'attention.decay_lora_rank': rank,
      'attention.iclr_lora_rank': rank,
      'attention.value_residual_mix_lora_rank': rank,
      'attention.gate_lora_rank': rank,
    },
    block: (at) => [
      ...['attn_norm', 'attn_norm_2', 'time_mix_ln'].flatMap((name) => [
        vector(`${at}.${name}.weight`, width),
        vector(`${at}.${name}.bias`, width),
      ]),
      ...['w', 'a', 'v'].flatMap((name) => [
        vector(`${at}.time_mix_${name}0.weight`, width),
        weight(`${at}.time_mix_${name}1`, width, rank),
        weight(`${at}.time_mix_${name}2`, rank, width),
      ]),
      weight(`${at}.time_mix_g1`, width, rank),
      weight(`${at}.time_mix_g2`, rank, width),
      vector(`${at}.time_mix_lerp_fused.weight`, width, 1, 1, 6),
      ...['k_k', 'k_a', 'r_k'].map((name) => vector(`${at}.time_mix_${name}.weight`, width)),
      ...['key', 'value', 'receptance', 'output'].map((name) =>
        weight(`${at}.time_mix_${name}`, width, width),
      ),
      vector(`${at}.channel_mix_lerp_k.weight`, width, 1, 1),
      weight(`${at}.channel_mix_key`, width, 4096),
      weight(`${at}.channel_mix_value`, 4096, width),
    ],
  });
}

export const MIXERS: readonly LlamaModel[] = [
  recurrent(
    'mamba',
    'mamba',
    { width: 2048, inner: 4096, state: 16, convolution: 4, timeStep: 128 },
    (at, s) => mamba1(at, s),
  ),
  recurrent(
    'mamba2',
    'mamba2',
    { width: 2048, inner: 4096, state: 128, convolution: 4, timeStep: 64, groups: 1 },
    mamba2,
  ),
  rwkv7(),
  hybrid(
    'jamba',
    'jamba',
    { width: 2560, heads: 20, keyValueHeads: 1, keyLength: 128 },
    { width: 2560, inner: 5120, state: 16, convolution: 4, timeStep: 160 },
    8192,
    ['state', 'state', 'state', 'attention', 'state', 'state', 'state', 'state'],
    (at, s) => mamba1(at, s, true),
  ),
  hybrid(
    'granitehybrid',
    'granitehybrid',
    { width: 2048, heads: 32, keyValueHeads: 8, keyLength: 64 },
    { width: 2048, inner: 4096, state: 128, convolution: 4, timeStep: 64, groups: 1 },
    8192,
    ['state', 'state', 'attention', 'state', 'state', 'state', 'attention', 'state'],
    mamba2,
  ),
  falconH1(),
  nemotronH(),
  lfm2(),
  qwen35(0),
  qwen35(1),
  qwen3next(),
];
