/** Sums tensor headers into groups by what an engine does with them: shard, quantize, replicate, leave out. */
import type { WeightGroup, WeightSummary } from '../shared/planRequest';
import type { TensorInfo } from './safetensors';

type WeightRole = WeightGroup['role'];

/**
 * First match wins, so the order matters: a vision tower has attention too, and attention has norms.
 * Names as transformers writes them; routers and everything unknown are `other` (full on each GPU).
 */
const ROLES: readonly (readonly [RegExp, WeightRole])[] = [
  [/(^|\.)(mtp|eagle|nextn|draft)[._]/, 'draft'],
  [
    /(^|\.)(visual|vision\w*|vit|vpm|image\w*|img\w*|audio\w*|speech\w*|multi_modal\w*|mm_\w+|mlp1|resampler|embed_vision|embed_audio|patch_embed\w*|aligner|whisper)\./,
    'vision',
  ],
  [/(^|\.)(lm_head|embed_out|output_layer|score)\.|^output\.weight$|(^|\.)lm_head$/, 'head'],
  [
    /(^|\.)(embed_tokens\w*|wte|wpe|word_embeddings\w*|tok_embeddings|embed_in|embed_positions|embeddings?|embedding_table)\.|^shared\.weight$/,
    'embedding',
  ],
  [
    /\.(mlp\.gate|router|gate)\.(weight|bias|e_score_correction_bias)|\.router\.|shared_expert_gate/,
    'other',
  ],
  [/(norm\w*|(^|\.)ln_?\w*)\.(weight|bias|scale|gamma|beta)$|(norm|layernorm)$/, 'norm'],
  [/\.(experts|local_experts)\./, 'expert'],
  [
    /shared_experts?\.|\.(mlp|ffn|feed_forward|ff|block_sparse_moe)\.|\.(fc1|fc2|gate_proj|up_proj|down_proj|gate_up_proj|dense_h_to_4h|dense_4h_to_h|c_fc|w1|w2|w3)\./,
    'mlp',
  ],
  [
    /attn|attention|\.mixer\.|\.mamba\.|\.conv\.|[._](q|k|v|o|qkv|out)_proj|\.(wq|wk|wv|wo|wqkv|query_key_value|W_pack)\./,
    'attention',
  ],
];

/** What a tensor is, by its name. `layers`: the model's own; a block behind them is a draft (MTP) layer. */
export function roleOf(name: string, layers: number | null = null): WeightRole {
  if (layers !== null) {
    const block = /(?:^|\.)layers\.(\d+)\./.exec(name)?.[1];
    if (block !== undefined && Number(block) >= layers && !/visi|visual|audio/.test(name))
      return 'draft';
  }
  return ROLES.find(([pattern]) => pattern.test(name))?.[1] ?? 'other';
}

/**
 * Buffers that older checkpoints store and no engine loads: causal masks (GPT-2, GPT-NeoX), rotary frequencies. A bias that
 * is a parameter has one dimension.
 */
const isBuffer = ({ name, shape }: TensorInfo): boolean =>
  (shape.length !== 1 && /(attn|attention)\.(masked_)?bias$/.test(name)) ||
  /rotary\w*\.(inv_freq|cos_cached|sin_cached)$/.test(name);

/** Groups by role and dtype, largest first. `totalBytes` is all that is stored, buffers included. */
export function summarizeWeights(
  tensors: readonly TensorInfo[],
  layers: number | null = null,
): WeightSummary {
  const groups = new Map<string, WeightGroup>();
  let totalBytes = 0;
  for (const tensor of tensors) {
    const { name, dtype, shape, bytes } = tensor;
    totalBytes += bytes;
    if (isBuffer(tensor)) continue;
    const role = roleOf(name, layers);
    const key = `${role} ${dtype}`;
    const group = groups.get(key) ?? emptyGroup(role, dtype);
    const elements = shape.reduce((product, dim) => product * dim, 1);
    const isMatrix = shape.length >= 2;
    group.bytes += bytes;
    group.elements += elements;
    group.matrixBytes += isMatrix ? bytes : 0;
    group.matrixElements += isMatrix ? elements : 0;
    groups.set(key, group);
  }
  return {
    totalBytes,
    tensorCount: tensors.length,
    groups: [...groups.values()].sort((a, b) => b.bytes - a.bytes),
  };
}

function emptyGroup(role: WeightRole, dtype: string): WeightGroup {
  return { role, dtype, bytes: 0, elements: 0, matrixBytes: 0, matrixElements: 0 };
}

const FLOATS = new Set(['BF16', 'F16', 'F32', 'F64']);

/** Parameters, where every tensor holds plain numbers; null for packed (quantized) checkpoints. */
export function parameterCount(summary: WeightSummary): number | null {
  if (summary.tensorCount === 0) return null;
  return summary.groups.every((group) => FLOATS.has(group.dtype))
    ? summary.groups.reduce((sum, group) => sum + group.elements, 0)
    : null;
}
