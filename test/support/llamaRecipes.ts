/** How a model for llama.cpp is put together from blocks: keys, tensors, and the usual shapes of a dense model and a mixture of experts. */
import {
  attention,
  experts,
  feedForward,
  norms,
  sized,
  vector,
  weight,
  type Attention,
  type StateSpace,
  type Tensor,
} from './ggufBlocks';
import type { GgufFixture, GgufFixtureValue } from './modelFiles';

export interface LlamaModel {
  readonly id: string;
  readonly fixture: GgufFixture;
}

type Values = Readonly<Record<string, GgufFixtureValue>>;

interface Recipe {
  readonly architecture: string;
  readonly width: number;
  readonly blocks: number;
  readonly vocabulary: number;
  /** Keys after the architecture's name. */
  readonly keys: Values;
  readonly block: (at: string, index: number) => Tensor[];
  /** Head of its own; absent: the embedding is the head. */
  readonly untied?: boolean;
  readonly outputNorm?: string;
  readonly extra?: readonly Tensor[];
  /** ggml's number; F16 where absent. */
  readonly type?: number;
}

const F16 = 1;
export const f32 = (value: number): GgufFixtureValue => ({ type: 'f32', value });
export const perLayer = (values: readonly number[]): GgufFixtureValue => ({ array: 'i32', values });
const EPSILON = {
  'attention.layer_norm_rms_epsilon': f32(1e-6),
  'attention.layer_norm_epsilon': f32(1e-6),
};

export function model(id: string, recipe: Recipe): LlamaModel {
  const { architecture, width, blocks, vocabulary, untied } = recipe;
  const values: Values = {
    context_length: 262144,
    block_count: blocks,
    embedding_length: width,
    vocab_size: vocabulary,
    ...EPSILON,
    ...recipe.keys,
  };
  const tensors = [
    weight('token_embd', width, vocabulary),
    vector(`${recipe.outputNorm ?? 'output_norm'}.weight`, width),
    ...(untied ? [weight('output', width, vocabulary)] : []),
    ...(recipe.extra ?? []),
    ...Array.from({ length: blocks }, (_, i) => recipe.block(`blk.${String(i)}`, i)).flat(),
  ];
  return {
    id,
    fixture: {
      metadata: [
        ['general.architecture', architecture],
        ['tokenizer.ggml.model', 'no_vocab'],
        ...Object.entries(values).map(
          ([key, value]) => [`${architecture}.${key}`, value] as [string, GgufFixtureValue],
        ),
      ],
      tensors: sized(tensors, recipe.type ?? F16),
    },
  };
}

export const heads = (a: Attention, inner: number): Values => ({
  'attention.head_count': a.heads,
  'attention.head_count_kv': a.keyValueHeads,
  'attention.key_length': a.keyLength,
  'attention.value_length': a.valueLength ?? a.keyLength,
  'rope.dimension_count': a.keyLength,
  feed_forward_length: inner,
});

export const stateKeys = (s: StateSpace): Values => ({
  'ssm.conv_kernel': s.convolution,
  'ssm.inner_size': s.inner,
  'ssm.state_size': s.state,
  'ssm.time_step_rank': s.timeStep,
  ...(s.groups === undefined ? {} : { 'ssm.group_count': s.groups }),
});

/** Attention and feed-forward in every block, as most models have them. */
export function dense(
  id: string,
  architecture: string,
  a: Attention,
  inner: number,
  more: Partial<Recipe> & { readonly normNames?: readonly string[] } = {},
): LlamaModel {
  const { normNames = ['attn_norm', 'ffn_norm'], ...rest } = more;
  return model(id, {
    architecture,
    width: a.width,
    blocks: 4,
    vocabulary: 1024,
    block: (at) => [
      ...norms(at, a.width, ...normNames),
      ...attention(at, a),
      ...feedForward(at, a.width, inner),
    ],
    ...rest,
    keys: { ...heads(a, inner), ...more.keys },
  });
}

/** Same experts in every block. */
export function mixture(
  id: string,
  architecture: string,
  a: Attention,
  inner: number,
  count: number,
  used: number,
  more: Partial<Recipe> = {},
): LlamaModel {
  return model(id, {
    architecture,
    width: a.width,
    blocks: 4,
    vocabulary: 1024,
    untied: true,
    block: (at) => [
      ...norms(at, a.width, 'attn_norm', 'ffn_norm'),
      ...attention(at, a),
      ...experts(at, a.width, inner, count),
    ],
    ...more,
    keys: {
      ...heads(a, inner),
      expert_count: count,
      expert_used_count: used,
      expert_feed_forward_length: inner,
      ...more.keys,
    },
  });
}
