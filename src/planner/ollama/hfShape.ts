/** A Hugging Face config as the GGUF that a conversion would make of it, for models that are not GGUF yet. */
import { readHfConfig, type HfShape } from '../../models/hfConfig';
import type { GgufShape, LayerShape } from './ggufShape';

/** null where the config does not say how large K and V of a layer are. */
export function shapeFromConfig(config: unknown): GgufShape | null {
  const hf = readHfConfig(config);
  if (!hf?.layerKinds || hf.heads === null || hf.hidden === null) return null;
  const heads = hf.heads;
  const keyLength = hf.headDim ?? Math.floor(hf.hidden / heads);
  const keyValueHeads = hf.kvHeads ?? heads;
  const layers = hf.layerKinds.flatMap((run) => {
    const layer: LayerShape =
      run.kind === 'mla'
        ? {
            kind: 'full',
            keyValueHeads: 1,
            keyLength: run.headDim ?? (hf.mla ? hf.mla.kvLoraRank + hf.mla.ropeDim : keyLength),
            valueLength: 0,
            stateBytes: 0,
          }
        : {
            kind: kindOf(run.kind),
            keyValueHeads: run.kvHeads ?? keyValueHeads,
            keyLength: run.headDim ?? keyLength,
            valueLength: run.valueDim ?? run.headDim ?? keyLength,
            stateBytes: run.kind === 'state' ? stateBytes(hf.state) : 0,
          };
    return Array.from({ length: run.count }, () => layer);
  });
  if (layers.length === 0) return null;
  return {
    architecture: hf.family || 'unknown',
    blockCount: layers.length,
    embeddingLength: hf.hidden,
    headCount: heads,
    smallestHeadCount: heads,
    keyValueHeads,
    smallestKeyValueHeads: keyValueHeads,
    keyLength,
    valueLength: hf.valueHeadDim ?? keyLength,
    vocabularySize: hf.vocab,
    contextLength: hf.maxLength,
    feedForwardLength: hf.intermediate,
    expertCount: hf.experts?.count ?? 0,
    expertsUsed: hf.experts?.perToken ?? 0,
    expertFeedForwardLength: hf.experts?.intermediate ?? null,
    leadingDenseBlocks: 0,
    slidingWindow: hf.slidingWindow,
    layers,
    stateWidth: stateWidth(hf.state, hf.hidden),
    layerInputs: 0,
    draftBlocks: 0,
    latent: hf.mla ? { keyLength, valueLength: hf.valueHeadDim ?? keyLength } : null,
    typical: false,
    embeds: false,
    encodes: false,
  };
}

function kindOf(kind: string): LayerShape['kind'] {
  if (kind === 'sliding' || kind === 'chunked') return 'sliding';
  if (kind === 'state') return 'recurrent';
  if (kind === 'shared' || kind === 'encoder' || kind === 'none') return 'none';
  return 'full';
}

/** f32 in llama.cpp, whatever the config says. */
function stateBytes(state: HfShape['state']): number {
  if (!state) return 0;
  const convolution = 'convKernel' in state ? Math.max(0, state.convKernel - 1) : 0;
  switch (state.kind) {
    case 'gdn': {
      const inner = state.valueHeads * state.valueDim;
      return 4 * (state.keyDim * inner + convolution * (inner + 2 * state.keyHeads * state.keyDim));
    }
    case 'mamba1':
      return 4 * state.innerSize * (state.stateSize + convolution);
    case 'mamba2':
      return (
        4 *
        (state.stateSize * state.innerSize +
          convolution * (state.innerSize + 2 * state.groups * state.stateSize))
      );
    case 'kda':
      return 4 * state.heads * state.headDim * (state.headDim + 3 * convolution);
    case 'lightning':
      return 4 * state.heads * state.headDim * state.headDim;
    case 'shortConv':
      return 4 * state.width * convolution;
  }
}

/** Elements that a recurrent mixer works on per token; 0 without one. */
function stateWidth(state: HfShape['state'], hidden: number): number {
  switch (state?.kind) {
    case undefined:
      return 0;
    case 'gdn':
      return state.valueHeads * state.valueDim;
    case 'mamba1':
    case 'mamba2':
      return state.innerSize;
    default:
      return hidden;
  }
}
