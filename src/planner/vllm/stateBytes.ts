/** Bytes of the recurrent state of one Mamba or linear-attention layer on one GPU (vLLM reference 2.5). */
import type { HfShape } from '../../models/hfConfig';
import type { VllmSettings } from './settings';

const WIDTHS: Readonly<Record<string, number>> = {
  float32: 4,
  float: 4,
  float16: 2,
  half: 2,
  bfloat16: 2,
};

/** null: the config does not tell the state's shape. */
export function stateBytesOf(shape: HfShape, settings: VllmSettings): number | null {
  const { state } = shape;
  if (!state) return null;
  const tp = settings.tensorParallel;
  const convBytes = settings.elementBytes;
  const stateBytes = WIDTHS[shape.stateDtype ?? ''] ?? defaultWidth(shape, convBytes);
  const spec = settings.speculativeTokens;
  const share = (count: number) => Math.ceil(count / tp);
  switch (state.kind) {
    case 'mamba1':
      return (
        share(state.innerSize) * ((state.convKernel - 1) * convBytes + state.stateSize * stateBytes)
      );
    case 'mamba2': {
      const groups = tp > state.groups ? tp : state.groups;
      const conv = share(state.innerSize + 2 * groups * state.stateSize);
      const recurrent = share(state.heads) * state.headDim * state.stateSize;
      return conv * (state.convKernel - 1 + spec) * convBytes + recurrent * stateBytes;
    }
    case 'gdn': {
      const conv = share(2 * state.keyHeads * state.keyDim + state.valueHeads * state.valueDim);
      const recurrent = share(state.valueHeads) * state.valueDim * state.keyDim;
      return conv * (state.convKernel - 1 + spec) * convBytes + recurrent * stateBytes;
    }
    case 'kda': {
      const projections = 3 * share(state.heads * state.headDim);
      const recurrent = share(state.heads) * state.headDim * state.headDim;
      return projections * (state.convKernel - 1) * convBytes + recurrent * 4;
    }
    case 'shortConv':
      return share(state.width) * (state.convKernel - 1 + spec) * convBytes;
    case 'lightning':
      return share(state.heads) * state.headDim * state.headDim * stateBytes;
  }
}

/** Elements of a state per channel, and channels per element of the hidden size: Mamba-2 in most published hybrids. */
const TYPICAL_STATE = 128;
const TYPICAL_EXPANSION = 2;
const TYPICAL_HIDDEN = 4096;

/**
 * What stands in where the config is silent. Pages of all layers are as large as the largest, so that beside attention
 * it changes little how many tokens there are: it decides how many of them a block holds.
 */
export function typicalStateBytes(shape: HfShape, settings: VllmSettings): number {
  const channels = TYPICAL_EXPANSION * (shape.hidden ?? TYPICAL_HIDDEN);
  const width = WIDTHS[shape.stateDtype ?? ''] ?? defaultWidth(shape, settings.elementBytes);
  return Math.ceil(channels / settings.tensorParallel) * TYPICAL_STATE * width;
}

/** Nemotron-H keeps float32 where the config is silent; the others the conv dtype. */
function defaultWidth(shape: HfShape, convBytes: number): number {
  return shape.family.startsWith('nemotron') ? 4 : convBytes;
}
