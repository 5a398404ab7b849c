/** Parameters of a model by what sharding and quantization do with them, counted from its config. */
import type { HfShape } from '../../models/hfConfig';

export interface Parameters {
  readonly embedding: number;
  readonly head: number;
  /** Linear layers split over the TP group. */
  readonly linear: number;
  /** Of `linear`, attention and recurrent layers. */
  readonly attention: number;
  /** Of `linear`, the K and V projections, which replicate once TP exceeds the KV heads. */
  readonly keyValue: number;
  readonly expert: number;
  /** Norms, routers, latent down-projections: whole on every GPU. */
  readonly replicated: number;
  /** Image and audio towers. */
  readonly tower: number;
  /** MTP layers that come with the checkpoint; loaded only for speculative decoding. */
  readonly draft: number;
  /** Attention plus dense MLP of one layer; PP stages are cut by layers. */
  readonly layers: number;
  /** The tower's size is a guess. */
  readonly towerGuessed: boolean;
}

/** MLPs with two matrices instead of three. */
const PLAIN_MLP =
  /^(gpt2|gptj|gptneox|gptbigcode|opt|bloom|falcon|mpt|phi|starcoder2|nemotron|bert|roberta|whisper|t5|plamo)$/;

/** null: too little is known to count. */
export function parametersOf(shape: HfShape | null): Parameters | null {
  if (!shape) return null;
  const { layers, hidden, vocab } = shape;
  if (layers === null || hidden === null || vocab === null) return null;
  const runs = shape.layerKinds ?? [];
  const stateLayers = countRuns(runs, 'state');
  const plainLayers = countRuns(runs, 'none');
  const attentionLayers = Math.max(0, layers - stateLayers - plainLayers);
  const attention = attentionOf(shape);
  if (attention === null) return null;
  const state = stateLayers > 0 ? stateProjections(shape, hidden) : 0;
  const mlp = mlpOf(shape, layers, plainLayers, stateLayers);
  if (mlp === null) return null;
  const embedding = vocab * hidden;
  const tied = shape.tiedEmbeddings ?? shape.family.startsWith('gemma');
  const perLayer = shape.perLayerEmbedding;
  const perLayerWeights = perLayer
    ? perLayer.vocab * perLayer.hidden * layers + 3 * hidden * perLayer.hidden * layers
    : 0;
  const mixing = attentionLayers * attention.linear + stateLayers * state;
  const linear = mixing + mlp.dense + mlp.shared;
  const body = linear + mlp.expert + embedding;
  const tower = towerOf(shape, body);
  return {
    embedding: embedding + perLayerWeights,
    head: tied ? 0 : embedding,
    linear,
    attention: mixing,
    keyValue: attentionLayers * attention.keyValue,
    expert: mlp.expert,
    replicated: layers * (2 * hidden + attention.replicated) + mlp.router,
    tower: tower.parameters,
    towerGuessed: tower.guessed,
    draft: draftOf(shape, layers, attention.linear, linear + mlp.expert, hidden),
    layers,
  };
}

function countRuns(runs: NonNullable<HfShape['layerKinds']>, kind: string): number {
  return runs.reduce((sum, run) => sum + (run.kind === kind ? run.count : 0), 0);
}

interface AttentionWeights {
  linear: number;
  keyValue: number;
  replicated: number;
}

function attentionOf(shape: HfShape): AttentionWeights | null {
  const { hidden, heads, headDim, mla } = shape;
  if (hidden === null) return null;
  if (heads === null)
    return shape.layerKinds?.some((r) => r.kind === 'full')
      ? null
      : { linear: 0, keyValue: 0, replicated: 0 };
  if (mla) {
    const nope = mla.nopeDim ?? 128;
    const value = mla.valueDim ?? 128;
    const query = heads * (nope + mla.ropeDim);
    const up = mla.kvLoraRank * heads * (nope + value);
    const down = hidden * (mla.kvLoraRank + mla.ropeDim) + hidden * (mla.queryLoraRank ?? 0);
    const q = mla.queryLoraRank === null ? hidden * query : mla.queryLoraRank * query;
    return { linear: q + up + heads * value * hidden, keyValue: 0, replicated: down };
  }
  const runs = (shape.layerKinds ?? []).filter(
    (run) => run.kvHeads !== null && run.headDim !== null,
  );
  const count = runs.reduce((sum, run) => sum + run.count, 0);
  if (count === 0) {
    const [kv, dim] = [shape.kvHeads, headDim];
    if (kv === null || dim === null) return null;
    return oneAttention(hidden, heads, kv, dim, shape);
  }
  // Layers with different heads (Gemma 4): the mean of what they have.
  let [linear, keyValue] = [0, 0];
  for (const run of runs) {
    const one = oneAttention(hidden, heads, run.kvHeads ?? heads, run.headDim ?? 0, shape);
    linear += (one.linear * run.count) / count;
    keyValue += (one.keyValue * run.count) / count;
  }
  return { linear, keyValue, replicated: 0 };
}

function oneAttention(
  hidden: number,
  heads: number,
  kvHeads: number,
  headDim: number,
  shape: HfShape,
): AttentionWeights {
  const keyValue = 2 * hidden * kvHeads * headDim;
  // Qwen3-Next and later gate the attention output: the query projection is twice as wide.
  const gated = shape.state?.kind === 'gdn' ? 2 : 1;
  const query = hidden * heads * headDim;
  return { linear: gated * query + keyValue + query, keyValue, replicated: 2 * headDim };
}

/** Projections of one recurrent layer. */
function stateProjections(shape: HfShape, hidden: number): number {
  const { state } = shape;
  if (!state) return 4 * hidden * hidden;
  switch (state.kind) {
    case 'gdn': {
      const [key, value] = [state.keyHeads * state.keyDim, state.valueHeads * state.valueDim];
      return (
        hidden * (2 * key + 2 * value + 2 * state.valueHeads) +
        value * hidden +
        (2 * key + value) * state.convKernel
      );
    }
    case 'mamba2':
      return (
        hidden * (2 * state.innerSize + 2 * state.groups * state.stateSize + state.heads) +
        state.innerSize * hidden
      );
    case 'mamba1':
      return 3 * hidden * state.innerSize + state.innerSize * (2 * state.stateSize + hidden / 8);
    case 'kda':
    case 'lightning':
      return 5 * hidden * state.heads * state.headDim;
    case 'shortConv':
      return 4 * hidden * state.width;
  }
}

interface MlpWeights {
  dense: number;
  shared: number;
  expert: number;
  router: number;
}

function mlpOf(
  shape: HfShape,
  layers: number,
  plain: number,
  stateLayers: number,
): MlpWeights | null {
  const { experts, hidden, intermediate, family } = shape;
  if (hidden === null) return null;
  const matrices = PLAIN_MLP.test(family) || isNemotronH(shape) ? 2 : 3;
  // Where MLPs are layers of their own (Nemotron-H), the others have none.
  const mlpLayers = isNemotronH(shape) ? plain : layers;
  const withExperts = experts ? Math.min(mlpLayers, experts.layers ?? mlpLayers) : 0;
  const denseLayers = mlpLayers - withExperts;
  // Gemma 4 runs a dense MLP beside the experts.
  const beside = experts && family.startsWith('gemma4') ? withExperts : 0;
  const width = intermediate ?? 0;
  if (denseLayers + beside > 0 && intermediate === null && !(experts && denseLayers === 0)) {
    if (stateLayers < layers) return null;
  }
  const dense = (denseLayers + beside) * matrices * hidden * width;
  if (!experts) return { dense, shared: 0, expert: 0, router: 0 };
  if (experts.intermediate === null) return null;
  const inner = experts.latent ?? hidden;
  const latentProjections = experts.latent === null ? 0 : 2 * hidden * experts.latent;
  return {
    dense,
    shared:
      withExperts * (matrices * hidden * (experts.sharedIntermediate ?? 0) + latentProjections),
    expert: withExperts * experts.count * matrices * inner * experts.intermediate,
    router: withExperts * hidden * experts.count,
  };
}

const isNemotronH = (shape: HfShape): boolean => shape.family.startsWith('nemotronh');

/** From `vision_config` where it tells its size; else a tenth of the text model between 0.3 and 0.7 billion. */
function towerOf(shape: HfShape, body: number): { parameters: number; guessed: boolean } {
  if (!shape.hasVision && !shape.hasAudio) return { parameters: 0, guessed: false };
  const counted = countTower(shape.raw.vision_config);
  if (counted !== null) return { parameters: counted, guessed: shape.hasAudio };
  return { parameters: Math.min(0.7e9, Math.max(0.3e9, body / 10)), guessed: true };
}

function countTower(config: unknown): number | null {
  if (typeof config !== 'object' || config === null) return null;
  const read = (...keys: string[]): number | null => {
    for (const key of keys) {
      const value = (config as Readonly<Record<string, unknown>>)[key];
      if (typeof value === 'number' && value > 0 && value < 1e6) return value;
    }
    return null;
  };
  const width = read('hidden_size', 'embed_dim', 'width');
  const depth = read('depth', 'num_hidden_layers', 'layers', 'num_layers');
  if (width === null || depth === null) return null;
  const mlp = read('intermediate_size', 'mlp_dim') ?? 4 * width;
  const out = read('out_hidden_size') ?? 0;
  const merger = out > 0 ? 4 * width * 4 * width + 4 * width * out : 0;
  return depth * (4 * width * width + 3 * width * mlp) + merger;
}

function draftOf(
  shape: HfShape,
  layers: number,
  attention: number,
  body: number,
  hidden: number,
): number {
  if (shape.draftLayers === null) return 0;
  const perLayer = shape.experts
    ? body / layers
    : attention + 3 * hidden * (shape.intermediate ?? 0);
  return shape.draftLayers * (perLayer + 2 * hidden * hidden);
}
