/** The recurrent state of Mamba and linear-attention layers, from the many names its dims go by. */
import type { FieldReader } from './hfFields';

/** State of one layer (vLLM reference 2.5), before tensor parallel. `convKernel` includes the current token. */
export type StateShape =
  | { kind: 'mamba1'; innerSize: number; stateSize: number; convKernel: number }
  | {
      kind: 'mamba2';
      innerSize: number;
      heads: number;
      headDim: number;
      stateSize: number;
      groups: number;
      convKernel: number;
    }
  | {
      kind: 'gdn';
      keyHeads: number;
      valueHeads: number;
      keyDim: number;
      valueDim: number;
      convKernel: number;
    }
  | { kind: 'kda'; heads: number; headDim: number; convKernel: number }
  /** MiniMax: a state matrix per head, no convolution. */
  | { kind: 'lightning'; heads: number; headDim: number }
  /** LFM2: only the convolution's last inputs. */
  | { kind: 'shortConv'; width: number; convKernel: number };

/** null where the model has no recurrent layers, or a dim of theirs is missing. */
export function readState(text: FieldReader): StateShape | null {
  return gatedDelta(text) ?? kimiDelta(text) ?? mamba2(text) ?? mamba1(text) ?? simple(text);
}

function gatedDelta(text: FieldReader): StateShape | null {
  const keyHeads = text.count('heads', 'linear_num_key_heads');
  const valueHeads = text.count('heads', 'linear_num_value_heads');
  const keyDim = text.count('dim', 'linear_key_head_dim');
  const valueDim = text.count('dim', 'linear_value_head_dim');
  if (keyHeads === null || valueHeads === null || keyDim === null || valueDim === null) return null;
  const convKernel = text.count('dim', 'linear_conv_kernel_dim') ?? 4;
  return { kind: 'gdn', keyHeads, valueHeads, keyDim, valueDim, convKernel };
}

function kimiDelta(text: FieldReader): StateShape | null {
  const linear = text.object('linear_attn_config');
  if (!linear) return null;
  const heads = whole(linear.num_heads);
  const headDim = whole(linear.head_dim);
  if (heads === null || headDim === null) return null;
  return { kind: 'kda', heads, headDim, convKernel: whole(linear.short_conv_kernel_size) ?? 4 };
}

/** Nemotron-H, Bamba, Falcon-H1, Granite 4, Zamba2, and plain Mamba-2 (whose keys have no prefix). */
function mamba2(text: FieldReader): StateShape | null {
  const plain = text.fields.model_type === 'mamba2';
  const heads = text.count(
    'heads',
    'mamba_num_heads',
    'mamba_n_heads',
    'n_mamba_heads',
    ...(plain ? ['num_heads'] : []),
  );
  if (heads === null) return null;
  const hidden = text.count('dim', 'hidden_size', 'd_model');
  const expand = text.count('dim', 'mamba_expand', 'expand') ?? 2;
  const named = text.count(
    'dim',
    'mamba_head_dim',
    'mamba_d_head',
    'mamba_headdim',
    ...(plain ? ['head_dim'] : []),
  );
  const inner =
    text.count('dim', 'mamba_d_ssm') ??
    (named !== null ? heads * named : hidden !== null ? hidden * expand : null);
  const stateSize = text.count('dim', 'ssm_state_size', 'mamba_d_state', 'state_size');
  if (inner === null || stateSize === null) return null;
  return {
    kind: 'mamba2',
    innerSize: inner,
    heads,
    headDim: named ?? Math.floor(inner / heads),
    stateSize,
    groups: text.count('heads', 'mamba_n_groups', 'mamba_ngroups', 'n_groups') ?? 1,
    convKernel: text.count('dim', 'mamba_d_conv', 'conv_kernel') ?? 4,
  };
}

/** Jamba, Mamba, Falcon-Mamba. */
function mamba1(text: FieldReader): StateShape | null {
  const stateSize = text.count('dim', 'mamba_d_state', 'state_size');
  const hidden = text.count('dim', 'hidden_size', 'd_model');
  if (stateSize === null || hidden === null) return null;
  return {
    kind: 'mamba1',
    innerSize: mambaWidth(text) ?? hidden * (text.count('dim', 'mamba_expand', 'expand') ?? 2),
    stateSize,
    convKernel: text.count('dim', 'mamba_d_conv', 'conv_kernel') ?? 4,
  };
}

/** Pure Mamba names its width as other models name their MLP's; Falcon-Mamba's `expand` contradicts it. */
function mambaWidth(text: FieldReader): number | null {
  const family = text.text('model_type') ?? '';
  return family === 'mamba' || family === 'falcon_mamba'
    ? text.count('dim', 'intermediate_size')
    : null;
}

function simple(text: FieldReader): StateShape | null {
  const width = text.count('dim', 'hidden_size');
  const cached = text.count('dim', 'conv_L_cache');
  if (cached !== null && width !== null) return { kind: 'shortConv', width, convKernel: cached };
  const family = text.fields.model_type;
  if (typeof family !== 'string' || !family.toLowerCase().startsWith('minimax')) return null;
  const heads = text.count('heads', 'num_attention_heads');
  const headDim = text.count('dim', 'head_dim');
  return heads === null || headDim === null ? null : { kind: 'lightning', heads, headDim };
}

function whole(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}
