/** Parameters of a model by what sharding and quantization do with them, counted from its config. */
import type { HfShape } from '../../models/hfConfig';
import { oncePer } from '../../shared/lazily';
import { attentionOf, stateOf } from './attentionParameters';
import { traitsOf, type FamilyTraits } from './familyTraits';
import { towersOf } from './towers';

export interface Parameters {
  readonly embedding: number;
  readonly head: number;
  /** Linear layers split over the TP group. */
  readonly linear: number;
  /** Of `linear`, attention and recurrent layers. */
  readonly attention: number;
  /** Of `linear`, the experts that every token passes. */
  readonly shared: number;
  /** Of `linear`, the K and V projections, which replicate once TP exceeds the KV heads. */
  readonly keyValue: number;
  readonly expert: number;
  /** Norms, biases, routers, latent down-projections: whole on every GPU, 16 bit in most formats. */
  readonly replicated: number;
  /** Of `replicated`, latent down-projections, which are quantized like attention. */
  readonly down: number;
  /** Image and audio towers. */
  readonly tower: number;
  /** MTP layers that come with the checkpoint; loaded only for speculative decoding. */
  readonly draft: number;
  /** Attention plus dense MLP of one layer; PP stages are cut by layers. */
  readonly layers: number;
  /** The tower's size is a guess. */
  readonly towerGuessed: boolean;
}

/** All that are loaded without speculative decoding. */
export const parameterTotal = (parameters: Parameters): number =>
  parameters.embedding +
  parameters.head +
  parameters.linear +
  parameters.expert +
  parameters.replicated +
  parameters.tower;

/** null: too little is known to count. */
export const parametersOf = (shape: HfShape | null): Parameters | null => shape && counted(shape);

const counted = oncePer(countParameters);

function countParameters(shape: HfShape): Parameters | null {
  const { layers, hidden, vocab } = shape;
  if (layers === null || hidden === null || vocab === null) return null;
  const traits = traitsOf(shape);
  const counts = layerCounts(shape, layers);
  const attention = attentionOf(shape, traits);
  if (attention === null) return null;
  const state = counts.state > 0 ? stateOf(shape, hidden) : { linear: 0, small: 0 };
  const mlp = mlpOf(shape, traits, layers, counts);
  if (mlp === null) return null;
  const norm = hidden * (traits.normBias ? 2 : 1);
  const table = vocab * hidden;
  const extra = perLayerInputs(shape, layers, hidden);
  const mixing = counts.attention * attention.linear + counts.state * state.linear;
  const linear = mixing + mlp.dense + mlp.shared + extra.linear;
  const towers = towersOf(shape, linear + mlp.expert + table);
  return {
    embedding: table + positionsOf(shape, traits) * hidden + extra.embedding,
    head: (traits.tied ? 0 : table) + (traits.headBias ? vocab : 0),
    linear,
    attention: mixing,
    shared: mlp.shared,
    keyValue: counts.attention * attention.keyValue,
    expert: mlp.expert,
    replicated:
      layers * norm * traits.layerNorms +
      norm * traits.outerNorms +
      counts.attention * attention.small +
      counts.state * state.small +
      mlp.small +
      extra.small,
    down: counts.attention * attention.down,
    tower: towers.parameters,
    towerGuessed: towers.guessed,
    draft: draftOf(shape, attention.linear, mlp, hidden),
    layers,
  };
}

interface LayerCounts {
  /** Layers with an attention of their own; a layer may have a state beside it. */
  readonly attention: number;
  readonly state: number;
  /** Layers with neither. */
  readonly plain: number;
}

function layerCounts(shape: HfShape, layers: number): LayerCounts {
  const runs = shape.layerKinds;
  if (!runs) return { attention: layers, state: 0, plain: 0 };
  const count = (isMeant: (kind: string) => boolean) =>
    runs.reduce((sum, run) => sum + (isMeant(run.kind) ? run.count : 0), 0);
  const [state, plain] = [count((kind) => kind === 'state'), count((kind) => kind === 'none')];
  return { attention: count((kind) => kind !== 'state' && kind !== 'none'), state, plain };
}

interface MlpWeights {
  readonly dense: number;
  readonly shared: number;
  readonly expert: number;
  readonly expertLayers: number;
  /** Routers and biases. */
  readonly small: number;
}

function mlpOf(
  shape: HfShape,
  traits: FamilyTraits,
  layers: number,
  counts: LayerCounts,
): MlpWeights | null {
  const { experts, hidden, intermediate, family } = shape;
  if (hidden === null) return null;
  const matrices = traits.mlpMatrices;
  // Where MLPs are layers of their own (Nemotron-H), the others have none; pure Mamba has none at all.
  const mlpLayers = family.startsWith('nemotronh')
    ? counts.plain
    : /^(mamba|mamba2|falconmamba)$/.test(family)
      ? 0
      : layers;
  const withExperts = experts ? Math.min(mlpLayers, experts.layers ?? mlpLayers) : 0;
  const denseLayers = mlpLayers - withExperts;
  // Gemma 4 runs a dense MLP beside the experts.
  const beside = experts && family.startsWith('gemma4') ? withExperts : 0;
  const width = denseWidth(shape) ?? 0;
  if (denseLayers + beside > 0 && intermediate === null && counts.state < layers) return null;
  const dense = (denseLayers + beside) * matrices * hidden * width;
  const biases = traits.mlpBias ? (denseLayers + beside) * ((matrices - 1) * width + hidden) : 0;
  if (!experts) return { dense, shared: 0, expert: 0, expertLayers: 0, small: biases };
  if (experts.intermediate === null) return null;
  const inner = experts.latent ?? hidden;
  const latentProjections = experts.latent === null ? 0 : 2 * hidden * experts.latent;
  // Llama 4 runs one shared expert beside the routed ones without naming it.
  const sharedWidth =
    experts.sharedIntermediate ?? (family.startsWith('llama4') ? experts.intermediate : 0);
  // gpt-oss gives router and experts biases; Qwen2-MoE and Qwen3-Next gate their shared expert.
  const ownBias = family === 'gptoss' ? experts.count * (2 * experts.intermediate + hidden + 1) : 0;
  const gate = sharedWidth > 0 && family.startsWith('qwen') ? hidden : 0;
  const correction = hasCorrectionBias(shape) ? experts.count : 0;
  return {
    dense,
    shared: withExperts * (matrices * hidden * sharedWidth + latentProjections),
    expert: withExperts * experts.count * matrices * inner * experts.intermediate,
    expertLayers: withExperts,
    small: biases + withExperts * (hidden * experts.count + ownBias + gate + correction),
  };
}

/** Llama 4 names the width of its dense layers apart from the experts'. */
function denseWidth(shape: HfShape): number | null {
  const named = shape.text.intermediate_size_mlp;
  return typeof named === 'number' && named > 0 && named < 1e7 ? named : shape.intermediate;
}

const hasCorrectionBias = (shape: HfShape): boolean =>
  shape.text.topk_method === 'noaux_tc' || /^(deepseekv3|glm4moe|kimi)/.test(shape.family);

/** Rows of a learned position table. */
function positionsOf(shape: HfShape, traits: FamilyTraits): number {
  if (traits.positionExtra === null) return 0;
  const { text } = shape;
  for (const key of ['max_position_embeddings', 'n_positions', 'max_target_positions']) {
    const rows = text[key];
    if (typeof rows === 'number' && rows > 0 && rows < 1e6) return rows + traits.positionExtra;
  }
  return 0;
}

/** Gemma 3n and 4: a second embedding and its way into every layer. */
function perLayerInputs(
  shape: HfShape,
  layers: number,
  hidden: number,
): { embedding: number; linear: number; small: number } {
  const input = shape.perLayerEmbedding;
  if (!input) return { embedding: 0, linear: 0, small: 0 };
  return {
    embedding: input.vocab * input.hidden * layers,
    // One projection of all layers, and a gate and a way back in each.
    linear: 3 * hidden * input.hidden * layers,
    small: layers * hidden + input.hidden,
  };
}

/** An MTP layer is a projection of two hidden states, then one attention and one MLP like the model's last. */
function draftOf(shape: HfShape, attention: number, mlp: MlpWeights, hidden: number): number {
  if (shape.draftLayers === null) return 0;
  const layer =
    mlp.expertLayers > 0
      ? (mlp.expert + mlp.shared) / mlp.expertLayers
      : 3 * hidden * (shape.intermediate ?? 0);
  return shape.draftLayers * (attention + layer + 2 * hidden * hidden);
}
