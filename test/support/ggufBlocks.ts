/** The tensors of GGUF models, block by block, under the names and with the shapes that llama.cpp asks for. */
import { ggmlTensorBytes, ggmlType } from '../../src/models/ggmlTypes';
import type { GgufFixture } from './modelFiles';

/** Name and shape, the row first; `f32` where the file never quantizes it. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly f32?: boolean;
}

export const weight = (name: string, ...shape: number[]): Tensor => ({
  name: `${name}.weight`,
  shape,
});
/** Norms and biases stay in 32 bits. */
export const vector = (name: string, ...shape: number[]): Tensor => ({ name, shape, f32: true });

const norm = (name: string, width: number): Tensor => vector(`${name}.weight`, width);

/** Sizes of one block's attention; widths in elements. */
export interface Attention {
  readonly width: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly keyLength: number;
  /** Absent: as K. */
  readonly valueLength?: number;
  readonly qkNorm?: 'head' | 'row';
  readonly bias?: boolean;
  /** Q and K and V as one tensor. */
  readonly fused?: boolean;
  /** Query projected twice as wide, the second half a gate. */
  readonly gated?: boolean;
}

export function attention(at: string, sizes: Attention): Tensor[] {
  const { width, heads, keyValueHeads, keyLength, valueLength = keyLength } = sizes;
  const query = heads * keyLength;
  const key = keyValueHeads * keyLength;
  const value = keyValueHeads * valueLength;
  const projected = query * (sizes.gated === true ? 2 : 1);
  const tensors = sizes.fused
    ? [weight(`${at}.attn_qkv`, width, query + key + value)]
    : [
        weight(`${at}.attn_q`, width, projected),
        weight(`${at}.attn_k`, width, key),
        weight(`${at}.attn_v`, width, value),
      ];
  tensors.push(weight(`${at}.attn_output`, heads * valueLength, width));
  if (sizes.bias)
    tensors.push(
      vector(`${at}.attn_q.bias`, query),
      vector(`${at}.attn_k.bias`, key),
      vector(`${at}.attn_v.bias`, value),
      vector(`${at}.attn_output.bias`, width),
    );
  if (sizes.qkNorm !== undefined) {
    const isHead = sizes.qkNorm === 'head';
    tensors.push(norm(`${at}.attn_q_norm`, isHead ? keyLength : query));
    tensors.push(norm(`${at}.attn_k_norm`, isHead ? keyLength : key));
  }
  return tensors;
}

export const norms = (at: string, width: number, ...names: string[]): Tensor[] =>
  names.map((name) => norm(`${at}.${name}`, width));

export const feedForward = (at: string, width: number, inner: number, suffix = ''): Tensor[] => [
  weight(`${at}.ffn_gate${suffix}`, width, inner),
  weight(`${at}.ffn_up${suffix}`, width, inner),
  weight(`${at}.ffn_down${suffix}`, inner, width),
];

export const experts = (at: string, width: number, inner: number, count: number): Tensor[] => [
  vector(`${at}.ffn_gate_inp.weight`, width, count),
  weight(`${at}.ffn_gate_exps`, width, inner, count),
  weight(`${at}.ffn_up_exps`, width, inner, count),
  weight(`${at}.ffn_down_exps`, inner, width, count),
];

export interface StateSpace {
  readonly width: number;
  readonly inner: number;
  readonly state: number;
  readonly convolution: number;
  readonly timeStep: number;
  readonly groups?: number;
}

export function mamba1(at: string, s: StateSpace, normed = false): Tensor[] {
  return [
    weight(`${at}.ssm_in`, s.width, 2 * s.inner),
    vector(`${at}.ssm_conv1d.weight`, s.convolution, s.inner),
    vector(`${at}.ssm_conv1d.bias`, s.inner),
    weight(`${at}.ssm_x`, s.inner, s.timeStep + 2 * s.state),
    weight(`${at}.ssm_dt`, s.timeStep, s.inner),
    vector(`${at}.ssm_dt.bias`, s.inner),
    vector(`${at}.ssm_a`, s.state, s.inner),
    vector(`${at}.ssm_d`, s.inner),
    weight(`${at}.ssm_out`, s.inner, s.width),
    ...(normed
      ? [
          norm(`${at}.ssm_dt_norm`, s.timeStep),
          norm(`${at}.ssm_b_norm`, s.state),
          norm(`${at}.ssm_c_norm`, s.state),
        ]
      : []),
  ];
}

export function mamba2(at: string, s: StateSpace): Tensor[] {
  const groups = s.groups ?? 1;
  const convolved = s.inner + 2 * groups * s.state;
  return [
    weight(`${at}.ssm_in`, s.width, s.inner + convolved + s.timeStep),
    vector(`${at}.ssm_conv1d.weight`, s.convolution, convolved),
    vector(`${at}.ssm_conv1d.bias`, convolved),
    vector(`${at}.ssm_dt.bias`, s.timeStep),
    vector(`${at}.ssm_a`, 1, s.timeStep),
    vector(`${at}.ssm_d`, 1, s.timeStep),
    vector(`${at}.ssm_norm.weight`, s.inner / groups, groups),
    weight(`${at}.ssm_out`, s.inner, s.width),
  ];
}

/** LFM2's gated convolution over the last inputs. */
export function shortConvolution(at: string, width: number): Tensor[] {
  return [
    vector(`${at}.shortconv.conv.weight`, 3, width),
    weight(`${at}.shortconv.in_proj`, width, 3 * width),
    weight(`${at}.shortconv.out_proj`, width, width),
  ];
}

/** Gated delta net of Qwen 3.5 (`split`) and Qwen3-Next (`ba` in one tensor). */
export function deltaNet(at: string, s: StateSpace, kind: 'split' | 'joined'): Tensor[] {
  const keys = s.state * (s.groups ?? 1);
  const values = s.state * s.timeStep;
  return [
    weight(`${at}.attn_qkv`, s.width, 2 * keys + values),
    weight(`${at}.attn_gate`, s.width, values),
    vector(`${at}.ssm_conv1d.weight`, s.convolution, 2 * keys + values),
    vector(`${at}.ssm_dt.bias`, s.timeStep),
    vector(`${at}.ssm_a`, s.timeStep),
    ...(kind === 'joined'
      ? [weight(`${at}.ssm_ba`, s.width, 2 * s.timeStep)]
      : [
          weight(`${at}.ssm_beta`, s.width, s.timeStep),
          weight(`${at}.ssm_alpha`, s.width, s.timeStep),
        ]),
    norm(`${at}.ssm_norm`, s.state),
    weight(`${at}.ssm_out`, values, s.width),
  ];
}

export interface Latent {
  readonly width: number;
  readonly heads: number;
  readonly queryRank: number;
  readonly rank: number;
  readonly rope: number;
  /** One head's K before and V after compression. */
  readonly key: number;
  readonly value: number;
  /** Old files keep `attn_kv_b` whole, and the cache is then expanded. */
  readonly expanded?: boolean;
}

/** Multi-head latent attention. */
export function latentAttention(at: string, s: Latent): Tensor[] {
  const plain = s.key - s.rope;
  return [
    norm(`${at}.attn_q_a_norm`, s.queryRank),
    norm(`${at}.attn_kv_a_norm`, s.rank),
    weight(`${at}.attn_q_a`, s.width, s.queryRank),
    weight(`${at}.attn_q_b`, s.queryRank, s.heads * s.key),
    weight(`${at}.attn_kv_a_mqa`, s.width, s.rank + s.rope),
    ...(s.expanded
      ? [weight(`${at}.attn_kv_b`, s.rank, s.heads * (plain + s.value))]
      : [
          weight(`${at}.attn_k_b`, plain, s.rank, s.heads),
          weight(`${at}.attn_v_b`, s.rank, s.value, s.heads),
        ]),
    weight(`${at}.attn_output`, s.heads * s.value, s.width),
  ];
}

/** With sizes in bytes, as the fixture writer wants them. `type`: ggml's number for everything that isn't kept in 32 bits. */
export function sized(tensors: readonly Tensor[], type: number): GgufFixture['tensors'] {
  return tensors.map(({ name, shape, f32 }) => {
    const id = f32 === true ? 0 : type;
    const known = ggmlType(id);
    const bytes = known ? ggmlTensorBytes(known, shape) : null;
    if (bytes === null) throw new Error(`${name} can't be of type ${String(id)}`);
    return { name, type: id, shape, bytes };
  });
}
