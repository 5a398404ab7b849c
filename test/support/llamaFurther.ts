/** Dense models and encoders added after the compute buffer's formula was made: all dense ones were in its range at once; encoders were not known to it. */
import {
  attention,
  feedForward,
  latentAttention,
  norms,
  vector,
  weight,
  type Attention,
  type Tensor,
} from './ggufBlocks';
import { dense, model, perLayer, type LlamaModel } from './llamaRecipes';

const LLAMA_8B: Attention = { width: 4096, heads: 32, keyValueHeads: 8, keyLength: 128 };

/** Heads of 80, which quantized K and V can't be packed in. */
const HEADS_OF_80: Attention = { width: 2560, heads: 32, keyValueHeads: 32, keyLength: 80 };

const biasedNorms = (at: string, width: number, ...names: string[]): Tensor[] => [
  ...norms(at, width, ...names),
  ...names.map((name) => vector(`${at}.${name}.bias`, width)),
];

const twoMatrices = (at: string, width: number, inner: number, bias = false): Tensor[] => [
  weight(`${at}.ffn_up`, width, inner),
  weight(`${at}.ffn_down`, inner, width),
  ...(bias ? [vector(`${at}.ffn_up.bias`, inner), vector(`${at}.ffn_down.bias`, width)] : []),
];

const fusedBias = (at: string, a: Attention): Tensor =>
  vector(`${at}.attn_qkv.bias`, (a.heads + 2 * a.keyValueHeads) * a.keyLength);

function phi2(): LlamaModel {
  const a: Attention = { ...HEADS_OF_80, bias: true };
  return dense('phi2', 'phi2', a, 10240, {
    untied: true,
    extra: [vector('output_norm.bias', a.width), vector('output.bias', 1024)],
    block: (at) => [
      ...biasedNorms(at, a.width, 'attn_norm'),
      ...attention(at, a),
      ...twoMatrices(at, a.width, 10240, true),
    ],
  });
}

function gptneox(): LlamaModel {
  const a: Attention = { ...HEADS_OF_80, fused: true };
  return dense('gptneox', 'gptneox', a, 10240, {
    untied: true,
    extra: [vector('output_norm.bias', a.width)],
    keys: { use_parallel_residual: true },
    block: (at) => [
      ...biasedNorms(at, a.width, 'attn_norm', 'ffn_norm'),
      ...attention(at, a),
      fusedBias(at, a),
      vector(`${at}.attn_output.bias`, a.width),
      ...twoMatrices(at, a.width, 10240, true),
    ],
  });
}

function stablelm(): LlamaModel {
  const { width } = HEADS_OF_80;
  return dense('stablelm', 'stablelm', HEADS_OF_80, 6912, {
    untied: true,
    extra: [vector('output_norm.bias', width)],
    keys: { use_parallel_residual: false },
    block: (at) => [
      ...biasedNorms(at, width, 'attn_norm', 'ffn_norm'),
      ...attention(at, HEADS_OF_80),
      ...feedForward(at, width, 6912),
    ],
  });
}

function falcon(): LlamaModel {
  const a: Attention = { width: 4544, heads: 71, keyValueHeads: 1, keyLength: 64, fused: true };
  return dense('falcon', 'falcon', a, 18176, {
    untied: true,
    extra: [vector('output_norm.bias', a.width)],
    block: (at) => [
      ...biasedNorms(at, a.width, 'attn_norm'),
      ...attention(at, a),
      ...twoMatrices(at, a.width, 18176),
    ],
  });
}

function nemotron(): LlamaModel {
  const a: Attention = { width: 6144, heads: 48, keyValueHeads: 8, keyLength: 128 };
  return dense('nemotron', 'nemotron', a, 24576, {
    untied: true,
    extra: [vector('output_norm.bias', a.width)],
    block: (at) => [
      ...biasedNorms(at, a.width, 'attn_norm', 'ffn_norm'),
      ...attention(at, a),
      ...twoMatrices(at, a.width, 24576),
    ],
  });
}

function chatglm(): LlamaModel {
  const a: Attention = { ...LLAMA_8B, keyValueHeads: 2, fused: true };
  return dense('chatglm', 'chatglm', a, 13696, {
    untied: true,
    block: (at) => [
      ...norms(at, a.width, 'attn_norm', 'ffn_norm'),
      ...attention(at, a),
      fusedBias(at, a),
      weight(`${at}.ffn_up`, a.width, 2 * 13696),
      weight(`${at}.ffn_down`, 13696, a.width),
    ],
  });
}

/** Latent attention that is always kept expanded. */
function minicpm3(): LlamaModel {
  const width = 2560;
  const sizes = { width, heads: 40, queryRank: 768, rank: 256, rope: 32, key: 96, value: 64 };
  return model('minicpm3', {
    architecture: 'minicpm3',
    width,
    blocks: 4,
    vocabulary: 1024,
    keys: {
      'attention.head_count': 40,
      'attention.head_count_kv': 40,
      'attention.key_length': 96,
      'attention.value_length': 64,
      'attention.q_lora_rank': 768,
      'attention.kv_lora_rank': 256,
      'rope.dimension_count': 32,
      feed_forward_length: 6400,
    },
    extra: [vector('rope_factors_long.weight', 16), vector('rope_factors_short.weight', 16)],
    block: (at) => [
      ...norms(at, width, 'attn_norm', 'ffn_norm'),
      ...latentAttention(at, { ...sizes, expanded: true }),
      ...feedForward(at, width, 6400),
    ],
  });
}

interface PlainBlock {
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly inner: number;
}

/** Other heads and widths in each block; a block without heads or width has none of it. */
function uneven(
  architecture: string,
  width: number,
  keyLength: number,
  blocks: readonly PlainBlock[],
  more: Partial<Attention>,
): LlamaModel {
  return model(architecture, {
    architecture,
    width,
    blocks: blocks.length,
    vocabulary: 1024,
    untied: architecture === 'deci',
    keys: {
      'attention.head_count': perLayer(blocks.map(({ heads }) => heads)),
      'attention.head_count_kv': perLayer(blocks.map(({ keyValueHeads }) => keyValueHeads)),
      feed_forward_length: perLayer(blocks.map(({ inner }) => inner)),
      'attention.key_length': keyLength,
      'attention.value_length': keyLength,
      'rope.dimension_count': keyLength,
    },
    block: (at, index) => {
      const { inner, ...counts } = blocks[index] ?? { heads: 0, keyValueHeads: 0, inner: 0 };
      return [
        ...(counts.heads > 0
          ? [
              ...norms(at, width, 'attn_norm'),
              ...attention(at, { width, keyLength, ...counts, ...more }),
            ]
          : []),
        ...(inner > 0 ? [...norms(at, width, 'ffn_norm'), ...feedForward(at, width, inner)] : []),
      ];
    },
  });
}

/** No output norm, no head; tokens see each other. */
function encoder(
  architecture: string,
  extra: readonly Tensor[],
  block: (at: string) => Tensor[],
): LlamaModel {
  const made = model(architecture, {
    architecture,
    width: 768,
    blocks: 6,
    vocabulary: 1024,
    keys: {
      'attention.head_count': 12,
      'attention.causal': false,
      feed_forward_length: 3072,
      pooling_type: 1,
      context_length: 8192,
    },
    extra: [
      weight('token_types', 768, 2),
      vector('token_embd_norm.weight', 768),
      vector('token_embd_norm.bias', 768),
      ...extra,
    ],
    block: (at) => [...biasedNorms(at, 768, 'attn_output_norm', 'layer_output_norm'), ...block(at)],
  });
  const { metadata, tensors } = made.fixture;
  return {
    id: architecture,
    fixture: {
      metadata: [...metadata, ['tokenizer.ggml.token_type_count', 2]],
      tensors: tensors.filter(({ name }) => !name.startsWith('output_norm')),
    },
  };
}

const BERT: Attention = { width: 768, heads: 12, keyValueHeads: 12, keyLength: 64 };

export const FURTHER: readonly LlamaModel[] = [
  dense('hunyuan-dense', 'hunyuan-dense', { ...LLAMA_8B, qkNorm: 'head' }, 14336),
  dense('smollm3', 'smollm3', { width: 2048, heads: 16, keyValueHeads: 4, keyLength: 128 }, 11008),
  dense('mistral3', 'mistral3', LLAMA_8B, 14336, { untied: true }),
  dense('qwen3vl', 'qwen3vl', { ...LLAMA_8B, qkNorm: 'head' }, 12288, {
    untied: true,
    keys: { 'rope.dimension_sections': perLayer([24, 20, 20, 0]) },
  }),
  phi2(),
  gptneox(),
  stablelm(),
  falcon(),
  nemotron(),
  chatglm(),
  minicpm3(),
  uneven(
    'deci',
    8192,
    128,
    [
      { heads: 64, keyValueHeads: 8, inner: 28672 },
      { heads: 0, keyValueHeads: 0, inner: 14336 },
      { heads: 64, keyValueHeads: 8, inner: 0 },
      { heads: 64, keyValueHeads: 4, inner: 28672 },
    ],
    {},
  ),
  uneven(
    'openelm',
    1280,
    64,
    [
      { heads: 12, keyValueHeads: 3, inner: 1024 },
      { heads: 16, keyValueHeads: 4, inner: 1280 },
      { heads: 20, keyValueHeads: 5, inner: 1536 },
    ],
    { fused: true, qkNorm: 'head' },
  ),
  encoder('bert', [weight('position_embd', 768, 8192)], (at) => [
    ...attention(at, { ...BERT, bias: true }),
    ...twoMatrices(at, 768, 3072, true),
  ]),
  encoder('nomic-bert', [], (at) => [
    ...attention(at, { ...BERT, fused: true }),
    ...feedForward(at, 768, 3072),
  ]),
  dense(
    'gemma-embedding',
    'gemma-embedding',
    { width: 768, heads: 3, keyValueHeads: 1, keyLength: 256, qkNorm: 'head' },
    1152,
    {
      blocks: 8,
      normNames: ['attn_norm', 'ffn_norm', 'post_attention_norm', 'post_ffw_norm'],
      keys: { 'attention.sliding_window': 512, 'attention.causal': false, pooling_type: 1 },
    },
  ),
];
