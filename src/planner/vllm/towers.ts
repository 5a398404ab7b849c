/** Parameters of image and audio towers, from their part of the config or from what the family's checkpoints share. */
import { asFields, fieldReader, type Fields } from '../../models/hfFields';
import type { HfShape } from '../../models/hfConfig';

export interface Towers {
  readonly parameters: number;
  readonly guessed: boolean;
}

/** How an encoder is built beside its dims. */
interface TowerStyle {
  /** 3: gated MLP; 2: plain. */
  readonly matrices: 2 | 3;
  readonly bias: boolean;
  /** RMSNorm: one vector instead of two. */
  readonly rms: boolean;
  /** Into the language model: over merged patches (GLM's with an MLP), in one layer, in two, or Pixtral's merger and two. */
  readonly projector: 'merger' | 'glm' | 'one' | 'two' | 'pixtral';
  /** Vectors of encoder width: patch bias, class token, norms before and after. */
  readonly vectors: number;
}

interface TowerDims {
  readonly depth: number;
  readonly width: number;
  readonly mlp: number;
  /** Of the projector's MLP, where it has one. */
  readonly projectorMlp: number;
  /** Patches that are merged into one token before they enter the language model. */
  readonly merged: number;
  /** Further mergers from inner layers (Qwen3-VL's deep stack). */
  readonly deepMergers: number;
  readonly patchInputs: number;
  readonly positions: number;
}

const plain = { matrices: 2, bias: true, rms: false, projector: 'one', vectors: 3 } as const;

/** First match wins. From the families' modelling code in transformers; others are taken for CLIP-like. */
const STYLES: readonly (readonly [RegExp, TowerStyle])[] = [
  [/^qwen2vl/, { ...plain, projector: 'merger', vectors: 0 }],
  [/^(qwen25|dotsocr)/, { ...plain, matrices: 3, rms: true, projector: 'merger', vectors: 0 }],
  [/^glm4(v|6v)/, { matrices: 3, bias: false, rms: true, projector: 'glm', vectors: 3 }],
  [/^qwen3/, { ...plain, projector: 'merger', vectors: 1 }],
  [
    /^(mistral3|pixtral|ministral)/,
    { matrices: 3, bias: false, rms: true, projector: 'pixtral', vectors: 2 },
  ],
  [/^gemma3/, { ...plain, vectors: 4 }],
  [/^llama4/, { ...plain, projector: 'merger', vectors: 5 }],
  [/^(llava|internvl|phi3v)/, { ...plain, projector: 'two', vectors: 6 }],
];

/** Dims that all checkpoints of a family share, for configs that only say that there is a tower. */
const SHARED_DIMS: readonly (readonly [
  RegExp,
  Partial<TowerDims> & { depth: number; width: number; mlp: number },
])[] = [
  [/^qwen2vl/, { depth: 32, width: 1280, mlp: 5120, merged: 4 }],
  [/^qwen25vl/, { depth: 32, width: 1280, mlp: 3420, merged: 4 }],
  [/^qwen3(vl|5|6|8|next)/, { depth: 27, width: 1152, mlp: 4304, merged: 4, deepMergers: 3 }],
  [/^(mistral3|pixtral)/, { depth: 24, width: 1024, mlp: 4096 }],
  [/^gemma3/, { depth: 27, width: 1152, mlp: 4304, positions: 4096 }],
  [/^llama4/, { depth: 34, width: 1408, mlp: 5632, merged: 4 }],
  [/^mllama/, { depth: 40, width: 1280, mlp: 5120 }],
  [/^(llava|phi3v)/, { depth: 24, width: 1024, mlp: 4096, positions: 577 }],
  [/^dotsocr/, { depth: 42, width: 1536, mlp: 4224, merged: 4 }],
];

/** `body`: parameters of the language model, for a guess where nothing else is known. */
export function towersOf(shape: HfShape, body: number): Towers {
  const image = shape.hasVision ? imageTower(shape, body) : { parameters: 0, guessed: false };
  const audio = shape.hasAudio ? audioTower(shape) : { parameters: 0, guessed: false };
  const encoder = shape.isEncoderDecoder ? encoderParameters(shape.text) : 0;
  return {
    parameters: image.parameters + audio.parameters + encoder,
    guessed: image.guessed || audio.guessed,
  };
}

function imageTower(shape: HfShape, body: number): Towers {
  const family = outerFamily(shape);
  const dims = readDims(visionFields(shape), family) ?? sharedDims(shape, family);
  // A tenth of the language model between 0.3 and 0.7 billion.
  if (!dims) return { parameters: Math.min(0.7e9, Math.max(0.3e9, body / 10)), guessed: true };
  const style = styleOf(visionFields(shape), family);
  return { parameters: towerParameters(dims, style, shape.hidden ?? 0), guessed: false };
}

/** Pixtral's encoder in LLaVA's clothes has their projector. */
function styleOf(fields: Fields, family: string): TowerStyle {
  const known = (word: string) => STYLES.find(([pattern]) => pattern.test(word))?.[1];
  const own = known(family) ?? plain;
  const isPixtral = fields.model_type === 'pixtral' && own.projector === 'two';
  return isPixtral ? { ...own, matrices: 3, bias: false, rms: true } : own;
}

function visionFields(shape: HfShape): Fields {
  const { raw } = shape;
  const thinker = asFields(raw.thinker_config);
  return (
    asFields(thinker?.vision_config) ??
    asFields(raw.vision_config) ??
    asFields(raw.vision_encoder) ??
    {}
  );
}

/** The whole model's word: `qwen3_5` and not its text part's `qwen3_5_text`. */
export function outerFamily(shape: HfShape): string {
  const type = typeof shape.raw.model_type === 'string' ? shape.raw.model_type : null;
  const word = type ?? (shape.architectures[0] ?? '').replace(/For[A-Z]\w*$/, '');
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

function readDims(fields: Fields, family: string): TowerDims | null {
  const read = fieldReader(fields);
  // Qwen2-VL names the encoder's width `embed_dim`; its `hidden_size` is the language model's.
  const width = read.count('dim', 'embed_dim', 'hidden_size', 'width');
  const depth = read.count('layers', 'depth', 'num_hidden_layers', 'layers', 'num_layers');
  if (width === null || depth === null) return null;
  const ratio = fields.mlp_ratio;
  const patch = read.count('dim', 'patch_size') ?? 14;
  const image = read.count('dim', 'image_size');
  const merge = read.count('dim', 'spatial_merge_size') ?? 1;
  const frames = read.count('dim', 'temporal_patch_size') ?? 1;
  const hasTable = !/^(qwen2|dotsocr|mistral3|pixtral)/.test(family);
  const mlp =
    read.count('dim', 'intermediate_size', 'mlp_dim') ??
    Math.round(width * (typeof ratio === 'number' && ratio > 0 && ratio < 100 ? ratio : 4));
  // GLM names the width of its projector so; the encoder's own is what it hands on.
  const isGlm = /^glm4(v|6v)/.test(family);
  return {
    depth,
    width,
    mlp: isGlm ? (read.count('dim', 'out_hidden_size') ?? mlp) : mlp,
    projectorMlp: mlp,
    merged: (family.startsWith('llama4') ? 2 : merge) ** 2,
    deepMergers: read.counts('deepstack_visual_indexes')?.length ?? 0,
    patchInputs: (read.count('dim', 'num_channels', 'in_channels') ?? 3) * frames * patch * patch,
    positions:
      read.count('dim', 'num_position_embeddings') ??
      (hasTable && image !== null ? Math.floor(image / patch) ** 2 : 0),
  };
}

function sharedDims(shape: HfShape, family: string): TowerDims | null {
  const row = SHARED_DIMS.find(([pattern]) => pattern.test(family))?.[1];
  if (!row) return null;
  // Qwen3-VL's 2B and 4B have the smaller encoder.
  const isSmall = (shape.hidden ?? 0) <= 2560 && family.startsWith('qwen3');
  const dims = isSmall ? { ...row, depth: 24, width: 1024, mlp: 4096 } : row;
  return { merged: 1, deepMergers: 0, patchInputs: 588, positions: 0, projectorMlp: 0, ...dims };
}

function towerParameters(dims: TowerDims, style: TowerStyle, hidden: number): number {
  const { depth, width, mlp } = dims;
  const { matrices, bias } = style;
  const norm = style.rms ? width : 2 * width;
  const layer =
    4 * width * width +
    matrices * width * mlp +
    2 * norm +
    (bias ? 5 * width + (matrices - 1) * mlp : 0);
  return (
    depth * layer +
    (dims.patchInputs + dims.positions + style.vectors) * width +
    projectorParameters(dims, style, hidden, norm)
  );
}

function projectorParameters(
  { width, merged, deepMergers, projectorMlp }: TowerDims,
  { projector }: TowerStyle,
  hidden: number,
  norm: number,
): number {
  const joined = merged * width;
  switch (projector) {
    case 'merger': {
      const merger = joined * joined + joined * hidden + joined + hidden;
      return norm + merger + deepMergers * (merger + 2 * joined);
    }
    case 'glm':
      return joined * hidden + hidden * hidden + 3 * hidden * projectorMlp;
    case 'pixtral':
      return 4 * width * width + width * hidden + hidden * hidden;
    case 'one':
      return width * hidden;
    case 'two':
      return width * hidden + hidden * hidden + 2 * hidden;
  }
}

/** Whisper-shaped encoders, which most audio models carry. */
function audioTower(shape: HfShape): Towers {
  const fields =
    asFields(asFields(shape.raw.thinker_config)?.audio_config) ?? asFields(shape.raw.audio_config);
  const counted = fields ? encoderParameters(fields) : 0;
  return counted > 0
    ? { parameters: counted, guessed: false }
    : { parameters: 0.3e9, guessed: true };
}

function encoderParameters(fields: Fields): number {
  const read = fieldReader(fields);
  const width = read.count('dim', 'd_model', 'hidden_size');
  const depth = read.count('layers', 'encoder_layers', 'num_hidden_layers');
  if (width === null || depth === null) return 0;
  const mlp = read.count('dim', 'encoder_ffn_dim', 'intermediate_size') ?? 4 * width;
  const mels = read.count('dim', 'num_mel_bins') ?? 80;
  const positions = read.count('dim', 'max_source_positions') ?? 1500;
  // Keys have no bias; two convolutions of width 3 lead in.
  const layer = 4 * width * width + 3 * width + 2 * width * mlp + mlp + width + 4 * width;
  return depth * layer + 3 * width * (mels + width) + 2 * width + positions * width + 2 * width;
}
