/** Models for llama.cpp with experts, and with latent attention. */
import {
  attention,
  experts,
  feedForward,
  latentAttention,
  norms,
  vector,
  type Attention,
  type Latent,
} from './ggufBlocks';
import { heads, mixture, model, type LlamaModel } from './llamaRecipes';

const LLAMA_8B: Attention = { width: 4096, heads: 32, keyValueHeads: 8, keyLength: 128 };

const QWEN3: Attention = {
  width: 2560,
  heads: 32,
  keyValueHeads: 8,
  keyLength: 128,
  qkNorm: 'head',
};

function gptOss(): LlamaModel {
  const a: Attention = { width: 2880, heads: 64, keyValueHeads: 8, keyLength: 64, bias: true };
  const count = 32;
  return model('gpt-oss', {
    architecture: 'gpt-oss',
    width: a.width,
    blocks: 4,
    vocabulary: 1024,
    untied: true,
    keys: {
      ...heads(a, 2880),
      'attention.sliding_window': 128,
      expert_count: count,
      expert_used_count: 4,
      expert_feed_forward_length: 2880,
    },
    block: (at) => [
      ...norms(at, a.width, 'attn_norm', 'post_attention_norm'),
      ...attention(at, a),
      vector(`${at}.attn_sinks.weight`, a.heads),
      ...experts(at, a.width, 2880, count),
      vector(`${at}.ffn_gate_inp.bias`, count),
      vector(`${at}.ffn_gate_exps.bias`, 2880, count),
      vector(`${at}.ffn_up_exps.bias`, 2880, count),
      vector(`${at}.ffn_down_exps.bias`, a.width, count),
    ],
  });
}

const DEEPSEEK: Latent = {
  width: 5120,
  heads: 128,
  queryRank: 1536,
  rank: 512,
  rope: 64,
  key: 192,
  value: 128,
};

function deepseek(id: string, s: Latent): LlamaModel {
  const { expanded = false } = s;
  return model(id, {
    architecture: 'deepseek2',
    width: s.width,
    blocks: 4,
    vocabulary: 1024,
    untied: true,
    keys: {
      'attention.head_count': s.heads,
      'attention.head_count_kv': expanded ? s.heads : 1,
      'attention.key_length': expanded ? s.key : s.rank + s.rope,
      'attention.value_length': expanded ? s.value : s.rank,
      ...(expanded
        ? {}
        : { 'attention.key_length_mla': s.key, 'attention.value_length_mla': s.value }),
      'attention.q_lora_rank': s.queryRank,
      'attention.kv_lora_rank': s.rank,
      'rope.dimension_count': s.rope,
      feed_forward_length: 12288,
      expert_count: 16,
      expert_used_count: 6,
      expert_shared_count: 2,
      expert_feed_forward_length: 1536,
      leading_dense_block_count: 1,
    },
    block: (at, index) => [
      ...norms(at, s.width, 'attn_norm', 'ffn_norm'),
      ...latentAttention(at, s),
      ...(index === 0
        ? feedForward(at, s.width, 12288)
        : [...experts(at, s.width, 1536, 16), ...feedForward(at, s.width, 2 * 1536, '_shexp')]),
    ],
  });
}

function llama4(): LlamaModel {
  const a: Attention = { width: 5120, heads: 40, keyValueHeads: 8, keyLength: 128 };
  return mixture('llama4', 'llama4', a, 8192, 16, 1, {
    keys: {
      feed_forward_length: 16384,
      interleave_moe_layer_step: 1,
    },
    block: (at) => [
      ...norms(at, a.width, 'attn_norm', 'ffn_norm'),
      ...attention(at, a),
      ...experts(at, a.width, 8192, 16),
      ...feedForward(at, a.width, 8192, '_shexp'),
    ],
  });
}

export const MIXTURES: readonly LlamaModel[] = [
  mixture('qwen3moe', 'qwen3moe', { ...QWEN3, width: 2048, keyValueHeads: 4 }, 768, 128, 8),
  mixture('mixtral', 'llama', LLAMA_8B, 14336, 8, 2),
  gptOss(),
  deepseek('deepseek2', DEEPSEEK),
  deepseek('deepseek2-expanded', { ...DEEPSEEK, expanded: true }),
  deepseek('glm-flash', {
    ...DEEPSEEK,
    width: 2048,
    heads: 20,
    queryRank: 768,
    key: 256,
    value: 256,
  }),
  llama4(),
];
