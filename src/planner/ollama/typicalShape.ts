/** Where only a name (or a parameter count) is known: the shape of well-known models of that size, with wide bounds. */
import type { ModelRequest } from '../../shared/planRequest';
import { parametersInName } from '../nameSize';
import { around, type Bounded } from './bounded';
import type { GgufShape } from './ggufShape';

interface TypicalRow {
  /** In 10⁹, as the models call themselves. */
  readonly billions: number;
  readonly blocks: number;
  readonly width: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly feedForward: number;
  readonly vocabulary: number;
}

/** Qwen 2.5 0.5B, Llama 3.2 1B and 3B, Qwen 3 4B, Llama 3.1 8B, Qwen 3 14B and 32B, Llama 3.1 70B and 405B. */
const ROWS: readonly TypicalRow[] = [
  row(0.5, 24, 896, 14, 2, 4864, 151936),
  row(1.2, 16, 2048, 32, 8, 8192, 128256),
  row(3.2, 28, 3072, 24, 8, 8192, 128256),
  row(4, 36, 2560, 32, 8, 9728, 151936),
  row(8, 32, 4096, 32, 8, 14336, 128256),
  row(14.8, 40, 5120, 40, 8, 17408, 151936),
  row(32.8, 64, 5120, 64, 8, 25600, 151936),
  row(70.6, 80, 8192, 64, 8, 28672, 128256),
  row(405, 126, 16384, 128, 8, 53248, 128256),
];

function row(
  billions: number,
  blocks: number,
  width: number,
  heads: number,
  keyValueHeads: number,
  feedForward: number,
  vocabulary: number,
): TypicalRow {
  return { billions, blocks, width, heads, keyValueHeads, feedForward, vocabulary };
}

/** Bits per weight of a whole file, by the label in the name; Ollama's library serves Q4_K_M where a tag names none. */
const BITS_BY_LABEL: readonly { readonly pattern: RegExp; readonly bits: number }[] = [
  { pattern: /(?:^|[^a-z0-9])(?:fp?16|bf16|f16)(?:$|[^a-z0-9])/i, bits: 16 },
  { pattern: /(?:q8_0|int8|8bit)/i, bits: 8.5 },
  { pattern: /q6_k/i, bits: 6.6 },
  { pattern: /q5_/i, bits: 5.7 },
  { pattern: /(?:q4_0|mxfp4|nvfp4)/i, bits: 4.6 },
  { pattern: /(?:q3_k|iq3)/i, bits: 3.9 },
  { pattern: /(?:q2_k|iq2)/i, bits: 3.1 },
];
/** Of Q4_K_M. */
export const DEFAULT_BITS = 4.9;

/** Of a file whose label nobody gave: embeddings in more bits, which small models consist of. */
const EMBEDDING_BYTES = 0.16e9;

/** Small encoders, which the library serves in 16 bits. */
const ENCODER_NAME = /embed|minilm|(?:^|[/_-])(?:bge|gte|e5)(?:[-_:]|$)/i;
const ENCODER = { belowBillions: 0.6, assumedBillions: 0.35, bits: 16 };

/** Gemma's `e4b` has the weights of an 8B, half of them tables of embeddings. */
const EFFECTIVE = { pattern: /(?:^|[:_-])e(\d+(?:\.\d+)?)b(?![a-z])/i, factor: 2.1 };

/** Also `270m`, which Ollama's tags use for the smallest models. */
function billionsInName(name: string): number | null {
  const effective = EFFECTIVE.pattern.exec(name);
  if (effective) return Number(effective[1]) * EFFECTIVE.factor;
  const named = parametersInName(name);
  if (named) return named.parameters / 1e9;
  const millions = /(?:^|[:_-])(\d+)m(?![a-z])/i.exec(name);
  return millions ? Number(millions[1]) / 1000 : null;
}

export interface TypicalModel {
  readonly shape: GgufShape;
  /** As given, else parameters × bits. */
  readonly fileBytes: number;
  readonly billions: number;
  readonly bits: number;
  /** True where not even the name says how large it is. */
  readonly assumed: boolean;
  /** Of `fileBytes`: how far off the name may be. */
  readonly scale: Bounded;
}

const ASSUMED_BILLIONS = 7;

/**
 * By the parameters given, else those in the name, else those that the given bytes come to, else 7B; null: there is nothing
 * to go by.
 */
export function typicalModel(model: ModelRequest): TypicalModel | null {
  const name = model.name ?? '';
  if (name === '' && !model.parameterCount && !model.weightsBytes) return null;
  const label = BITS_BY_LABEL.find(({ pattern }) => pattern.test(name));
  const given = (model.parameterCount ? model.parameterCount / 1e9 : null) ?? billionsInName(name);
  const encodes = ENCODER_NAME.test(name) && (given ?? 0) < ENCODER.belowBillions;
  const bits = label?.bits ?? (encodes ? ENCODER.bits : DEFAULT_BITS);
  const stated = given ?? (model.weightsBytes ? (8 * model.weightsBytes) / bits / 1e9 : null);
  const billions = stated ?? (encodes ? ENCODER.assumedBillions : ASSUMED_BILLIONS);
  const extra = label || encodes ? 0 : EMBEDDING_BYTES;
  const distance = (candidate: TypicalRow): number =>
    Math.abs(Math.log(candidate.billions / billions));
  const nearest = ROWS.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  return {
    shape: encodes ? encoderOf(shapeOf(nearest)) : shapeOf(nearest),
    fileBytes: model.weightsBytes ?? Math.round((billions * 1e9 * bits) / 8 + extra),
    billions,
    bits,
    assumed: stated === null,
    scale: model.weightsBytes || label ? around(1, 0.9, 1.12) : scaleOf(billions, stated !== null),
  };
}

/** The library has 1B models in 8 bits and 0.4B ones in 16; what sees pictures is larger than its name. */
const scaleOf = (billions: number, stated: boolean): Bounded =>
  stated ? around(1, 0.85, Math.min(3.3, 1.12 + 0.8 / billions)) : around(1, 0.2, 2.2);

const encoderOf = (shape: GgufShape): GgufShape => ({
  ...shape,
  contextLength: 8192,
  layers: shape.layers.map((layer) => ({ ...layer, kind: 'none' })),
  embeds: true,
  encodes: true,
});

function shapeOf(typical: TypicalRow): GgufShape {
  const head = 128;
  return {
    architecture: 'typical',
    blockCount: typical.blocks,
    embeddingLength: typical.width,
    headCount: typical.heads,
    smallestHeadCount: typical.heads,
    keyValueHeads: typical.keyValueHeads,
    smallestKeyValueHeads: typical.keyValueHeads,
    keyLength: head,
    valueLength: head,
    vocabularySize: typical.vocabulary,
    contextLength: null,
    feedForwardLength: typical.feedForward,
    expertCount: 0,
    expertsUsed: 0,
    expertFeedForwardLength: null,
    leadingDenseBlocks: 0,
    slidingWindow: null,
    layers: Array.from({ length: typical.blocks }, () => ({
      kind: 'full' as const,
      keyValueHeads: typical.keyValueHeads,
      keyLength: head,
      valueLength: head,
      stateBytes: 0,
    })),
    stateWidth: 0,
    layerInputs: 0,
    draftBlocks: 0,
    latent: null,
    typical: true,
    embeds: false,
    encodes: false,
  };
}
