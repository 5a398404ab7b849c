/** Parameters of one layer's attention or recurrent part. */
import type { HfShape } from '../../models/hfConfig';
import type { FamilyTraits } from './familyTraits';

export interface MixerWeights {
  /** Split over the TP group, and quantized. */
  readonly linear: number;
  /** Whole on every GPU: biases, norms, latent down-projections, convolutions. */
  readonly small: number;
}

export interface AttentionWeights extends MixerWeights {
  /** Of `linear`, K and V. */
  readonly keyValue: number;
  /** Of `small`, latent down-projections, which are quantized like the rest. */
  readonly down: number;
}

const NOTHING: AttentionWeights = { linear: 0, keyValue: 0, small: 0, down: 0 };

/** The mean over a model's attention layers; null: not told. */
export function attentionOf(shape: HfShape, traits: FamilyTraits): AttentionWeights | null {
  const { hidden, heads, headDim, mla } = shape;
  if (hidden === null) return null;
  if (heads === null) return shape.layerKinds?.some((run) => run.kind === 'full') ? null : NOTHING;
  if (mla) return latentAttention(shape, hidden, heads, mla);
  const runs = (shape.layerKinds ?? []).filter(
    (run) => run.kvHeads !== null && run.headDim !== null,
  );
  const count = runs.reduce((sum, run) => sum + run.count, 0);
  if (count === 0) {
    const [kv, dim] = [shape.kvHeads, headDim];
    if (kv === null || dim === null) return shape.layerKinds === null ? null : NOTHING;
    return oneAttention(hidden, heads, kv, dim, shape, traits);
  }
  // Layers with different heads (Gemma 4): the mean of what they have.
  let [linear, keyValue, small] = [0, 0, 0];
  for (const run of runs) {
    const one = oneAttention(hidden, heads, run.kvHeads ?? heads, run.headDim ?? 0, shape, traits);
    linear += (one.linear * run.count) / count;
    keyValue += (one.keyValue * run.count) / count;
    small += (one.small * run.count) / count;
  }
  return { linear, keyValue, small, down: 0 };
}

function latentAttention(
  shape: HfShape,
  hidden: number,
  heads: number,
  mla: NonNullable<HfShape['mla']>,
): AttentionWeights {
  const nope = mla.nopeDim ?? 128;
  const value = mla.valueDim ?? 128;
  const query = heads * (nope + mla.ropeDim);
  const up = mla.kvLoraRank * heads * (nope + value);
  const rank = mla.queryLoraRank;
  const down = hidden * (mla.kvLoraRank + mla.ropeDim) + hidden * (rank ?? 0);
  const q = rank === null ? hidden * query : rank * query;
  const norms = mla.kvLoraRank + (rank ?? 0);
  const { indexer } = shape;
  // DeepSeek's sparse attention: queries from the latent, one key, a weight per head.
  const index = indexer
    ? indexer.headDim * ((indexer.heads ?? 64) * (rank ?? hidden) + hidden + 2) +
      hidden * (indexer.heads ?? 64)
    : 0;
  return {
    linear: q + up + heads * value * hidden,
    keyValue: 0,
    small: down + norms + index,
    down: down + index,
  };
}

function oneAttention(
  hidden: number,
  heads: number,
  kvHeads: number,
  headDim: number,
  shape: HfShape,
  traits: FamilyTraits,
): AttentionWeights {
  const [queryWidth, keyWidth] = [heads * headDim, kvHeads * headDim];
  const keyValue = 2 * hidden * keyWidth;
  // Qwen3-Next and later gate the attention output: the query projection is twice as wide.
  const gated = shape.state?.kind === 'gdn' ? 2 : 1;
  const query = hidden * queryWidth;
  const norms = { none: 0, head: 2 * headDim, full: queryWidth + keyWidth };
  const sinks = shape.family === 'gptoss' ? heads : 0;
  const biases =
    (traits.queryBias ? queryWidth + 2 * keyWidth : 0) + (traits.outputBias ? hidden : 0);
  return {
    linear: gated * query + keyValue + query,
    keyValue,
    small: norms[traits.queryKeyNorm] + biases + sinks,
    down: 0,
  };
}

/** One recurrent layer. */
export function stateOf(shape: HfShape, hidden: number): MixerWeights {
  const { state } = shape;
  if (!state) return { linear: 4 * hidden * hidden, small: 0 };
  switch (state.kind) {
    case 'gdn': {
      const [key, value] = [state.keyHeads * state.keyDim, state.valueHeads * state.valueDim];
      return {
        linear: hidden * (2 * key + 2 * value + 2 * state.valueHeads) + value * hidden,
        small: (2 * key + value) * state.convKernel + 2 * state.valueHeads + state.valueDim,
      };
    }
    case 'mamba2': {
      const mixed = state.innerSize + 2 * state.groups * state.stateSize;
      return {
        linear: hidden * (state.innerSize + mixed + state.heads) + state.innerSize * hidden,
        small: mixed * (state.convKernel + 1) + 3 * state.heads + state.innerSize,
      };
    }
    case 'mamba1': {
      const { innerSize: inner, stateSize } = state;
      const rank = stepRank(shape, hidden);
      // Jamba norms what it takes the step from.
      const norms = shape.family.startsWith('jamba') ? rank + 2 * stateSize : 0;
      return {
        linear: 3 * hidden * inner + inner * (rank + 2 * stateSize) + rank * inner,
        small: inner * (state.convKernel + 1) + inner + inner * stateSize + inner + norms,
      };
    }
    case 'kda':
    case 'lightning':
      return { linear: 5 * hidden * state.heads * state.headDim, small: 0 };
    case 'shortConv':
      return { linear: 4 * hidden * state.width, small: state.width * state.convKernel };
  }
}

function stepRank(shape: HfShape, hidden: number): number {
  for (const key of ['time_step_rank', 'mamba_dt_rank']) {
    const rank = shape.text[key];
    if (typeof rank === 'number' && rank > 0 && rank < 1e6) return rank;
  }
  return Math.ceil(hidden / 16);
}
