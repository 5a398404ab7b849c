/** Mixture-of-experts figures of a config. */
import type { FieldReader } from './hfFields';

export interface HfExperts {
  /** Routed experts per MoE layer. */
  readonly count: number;
  readonly perToken: number | null;
  /** Width of one routed expert. */
  readonly intermediate: number | null;
  readonly sharedCount: number | null;
  /** Width of all shared experts together. */
  readonly sharedIntermediate: number | null;
  /** Layers with experts; the rest are dense MLPs (or have none). null: not known. */
  readonly layers: number | null;
  /** Nemotron's experts work on this many dims instead of the hidden size. */
  readonly latent: number | null;
}

/** null for a dense model (no experts, or a single one). */
export function readExperts(text: FieldReader, layers: number | null): HfExperts | null {
  const ffn = text.object('ffn_config');
  const nested = typeof ffn?.moe_num_experts === 'number' ? ffn.moe_num_experts : null;
  const count =
    text.count(
      'experts',
      'num_experts',
      'moe_num_experts',
      'n_routed_experts',
      'num_local_experts',
    ) ?? nested;
  if (count === null || count <= 1) return null;
  const intermediate =
    text.count(
      'dim',
      'moe_intermediate_size',
      'expert_ffn_hidden_size',
      'intermediate_size',
      'ffn_hidden_size',
    ) ?? nestedCount(ffn?.ffn_hidden_size);
  const sharedCount = text.count(
    'experts',
    'n_shared_experts',
    'num_shared_experts',
    'moe_num_shared_experts',
    'num_shared_expert',
  );
  const ownShared = text.count(
    'dim',
    'shared_expert_intermediate_size',
    'moe_shared_expert_intermediate_size',
    'shared_intermediate_size',
  );
  return {
    count,
    perToken:
      text.count(
        'experts',
        'num_experts_per_tok',
        'top_k_experts',
        'moe_topk',
        'moe_top_k',
        'num_experts_per_token',
      ) ?? nestedCount(ffn?.moe_top_k),
    intermediate,
    sharedCount,
    sharedIntermediate:
      ownShared ??
      (sharedCount !== null && intermediate !== null ? sharedCount * intermediate : null),
    layers: layers === null ? null : moeLayers(text, layers),
    latent: text.count('dim', 'moe_latent_size'),
  };
}

/** A figure of DBRX's `ffn_config`. */
function nestedCount(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 1e7
    ? value
    : null;
}

function moeLayers(text: FieldReader, layers: number): number {
  const pattern = text.fields.hybrid_override_pattern;
  if (typeof pattern === 'string' && pattern.includes('E')) return pattern.split('E').length - 1;
  const kinds = text.texts('mlp_layer_types', 'layers_block_type');
  const sparse = kinds?.filter((kind) => kind === 'sparse' || kind === 'moe').length ?? 0;
  if (sparse > 0) return sparse;
  // Jamba: every period-th layer from an offset.
  const period = text.count('layers', 'expert_layer_period');
  if (period !== null) {
    const offset = text.count('layers', 'expert_layer_offset') ?? 0;
    return Math.max(0, Math.ceil((layers - offset) / period));
  }
  const step =
    text.count(
      'layers',
      'decoder_sparse_step',
      'interleave_moe_layer_step',
      'moe_layer_interval',
    ) ?? 1;
  const frequency = text.counts('moe_layer_freq');
  if (frequency) return frequency.filter((one) => one > 0).length;
  const denseFirst = text.count('layers', 'first_k_dense_replace', 'moe_layer_start_index') ?? 0;
  const denseNamed = text.counts('mlp_only_layers')?.length ?? 0;
  return Math.max(0, Math.floor((layers - denseFirst) / step) - denseNamed);
}
