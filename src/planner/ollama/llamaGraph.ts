/**
 * The compute buffer that llama.cpp reserves for one batch: what is alive at once in the widest part of its graph. Terms
 * found in 450 loads of llama.cpp v0.5.0. Of 143 more, of models they were not made from, 117 were in range at once; the
 * rest were ungated feed-forwards, Gemma 3n's streams and small experts, which the terms now have. All loads are in
 * test/fixtures/facts/llama.json, and the test prints how well they are met.
 */
import type { GgufShape } from './ggufShape';

export interface GraphInput {
  readonly shape: GgufShape;
  readonly flashAttention: boolean;
  /** Tokens of one batch. */
  readonly tokens: number;
  /** Cells of one slot's full layer and of its sliding layer. */
  readonly slotCells: number;
  readonly slidingCells: number;
  /** Rows of the batch for which logits are reserved. */
  readonly logitRows: number;
  readonly vocabularySize: number;
  readonly numParallel: number;
  readonly cacheType: string;
}

/** Feed-forward of two matrices instead of three. */
const UNGATED: ReadonlySet<string> = new Set([
  'starcoder',
  'starcoder2',
  'phi2',
  'gpt2',
  'gptneox',
  'mpt',
  'bloom',
  'falcon',
  'codeshell',
  'arcee',
  'apertus',
  'nemotron',
  'nemotron_h',
  'bert',
  't5',
]);

/** Bytes, to within a tenth or so; bounds are the caller's. */
export function llamaGraphBytes(given: GraphInput): number {
  const { shape, tokens } = given;
  // An encoder keeps nothing: its tokens look at each other, and there are no logits.
  const input = shape.encodes
    ? { ...given, slotCells: tokens, slidingCells: tokens, logitRows: 0 }
    : given;
  const layers = summary(shape);
  const attends = layers.full || layers.sliding;
  const queryWidth = attends ? shape.headCount * (shape.latent?.valueLength ?? shape.keyLength) : 0;
  const body = Math.max(
    feedForward(shape, shape.encodes ? 0 : queryWidth),
    attends ? attention(input, queryWidth, layers.full ? input.slotCells : input.slidingCells) : 0,
    mixer(input, layers.stateBytes),
  );
  const masked = (layers.full ? input.slotCells : 0) + (layers.sliding ? input.slidingCells : 0);
  // Flash attention takes its mask in 16 bits.
  const mask = (input.flashAttention ? 2 : 4) * tokens * masked;
  const logits = 4 * input.logitRows * input.vocabularySize + 8 * tokens * shape.embeddingLength;
  return Math.max(mask + 4 * tokens * body, logits);
}

interface Summary {
  full: boolean;
  sliding: boolean;
  /** Of the layer with most. */
  stateBytes: number;
}

function summary({ encodes, slidingWindow, layers }: GgufShape): Summary {
  const found: Summary = {
    full: encodes,
    sliding: encodes && slidingWindow !== null,
    stateBytes: 0,
  };
  for (const { kind, stateBytes } of layers) {
    if (kind === 'full') found.full = true;
    else if (kind === 'sliding') found.sliding = true;
    if (stateBytes > found.stateBytes) found.stateBytes = stateBytes;
  }
  return found;
}

/** Elements per token that live through a layer. Gemma 3n carries four streams of them, before and after. */
function residual({ architecture, embeddingLength, layerInputs }: GgufShape): number {
  return (architecture === 'gemma3n' ? 11 : 3) * embeddingLength + layerInputs;
}

/** Elements per token: gate, up and their product beside the residual, its norm and what attention left. */
function feedForward(shape: GgufShape, queryWidth: number): number {
  const { embeddingLength: width, feedForwardLength } = shape;
  const rest = residual(shape) + queryWidth;
  const copies = UNGATED.has(shape.architecture) ? 1 : 3;
  // A model that is nothing but mixers has none.
  const dense = feedForwardLength ?? (shape.stateWidth > 0 ? 0 : 4 * width);
  if (shape.expertCount === 0 || shape.expertsUsed === 0)
    // What is narrow enough finds room where attention left some.
    return dense <= 2 * width ? copies * dense + rest - width - queryWidth : copies * dense + rest;
  const expertWidth = shape.expertFeedForwardLength ?? dense;
  const used = shape.expertsUsed;
  // Every expert's answer, weighted and not.
  const experts = Math.max(copies * used * expertWidth + rest, (2 * used + 3) * width);
  return shape.leadingDenseBlocks > 0 ? Math.max(copies * dense + rest, experts) : experts;
}

/** Elements per token; without flash attention a row of scores for each head. */
function attention(input: GraphInput, queryWidth: number, cells: number): number {
  const { shape, flashAttention, tokens } = input;
  const { embeddingLength: width, headCount, latent } = shape;
  const scores = flashAttention ? 0 : headCount * cells;
  // The query in the latent space, the answer in it, and both as heads.
  if (latent)
    return (
      scores +
      headCount * (shape.keyLength + shape.valueLength + latent.keyLength + latent.valueLength) +
      4 * width
    );
  const keyValue = shape.keyValueHeads * (shape.keyLength + shape.valueLength);
  const kept = scores + residual(shape) + 2 * queryWidth;
  if (!flashAttention || shape.encodes) return kept + keyValue;
  if (input.cacheType !== 'f32') return kept + 2 * keyValue;
  // Flash attention reads 16 bits: a cache in 32 is copied, layer by layer.
  const copied = input.slotCells * input.numParallel * keyValue;
  return kept + keyValue + copied / (2 * tokens);
}

/** Elements per token of a recurrent mixer: its input, gate, convolution, steps and result, and one layer's states. */
function mixer({ shape, tokens, numParallel }: GraphInput, stateBytes: number): number {
  if (shape.stateWidth === 0) return 0;
  return 6 * shape.stateWidth + shape.embeddingLength + (stateBytes * numParallel) / (4 * tokens);
}
