/** Where only a name (or a parameter count) is known: the shape of well-known models of that size, with wide bounds. */
import type { ModelRequest } from '../../shared/planRequest';
import { parametersInName } from '../nameSize';
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
const DEFAULT_BITS = 4.9;

/** Also `270m`, which Ollama's tags use for the smallest models. */
function billionsInName(name: string): number | null {
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
  const bits = label?.bits ?? DEFAULT_BITS;
  const stated =
    (model.parameterCount ? model.parameterCount / 1e9 : null) ??
    billionsInName(name) ??
    (model.weightsBytes ? (8 * model.weightsBytes) / bits / 1e9 : null);
  const billions = stated ?? ASSUMED_BILLIONS;
  const distance = (candidate: TypicalRow): number =>
    Math.abs(Math.log(candidate.billions / billions));
  const nearest = ROWS.reduce((a, b) => (distance(b) < distance(a) ? b : a));
  return {
    shape: shapeOf(nearest),
    fileBytes: model.weightsBytes ?? Math.round((billions * 1e9 * bits) / 8),
    billions,
    bits,
    assumed: stated === null,
  };
}

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
  };
}
