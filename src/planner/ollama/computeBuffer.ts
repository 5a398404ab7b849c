/**
 * The compute buffer (graph) with its bounds. Formulas and their errors are from measured loads of llama.cpp and Ollama:
 * with logits for every row 10 of 15 rows are within 3 %; with few rows the four rows seen are within 4 %.
 */
import { MIB } from '../../shared/units';
import { around, type Bounded } from './bounded';
import type { GgufShape } from './ggufShape';
import { estimateGraph, type GraphEstimate } from './graphEstimate';
import type { LogitsReserve, OllamaRules } from './ollamaVersions';

export interface ComputeInput {
  readonly shape: GgufShape;
  readonly rules: OllamaRules;
  readonly flashAttention: boolean;
  readonly batch: number;
  readonly numParallel: number;
  /** Cells of one slot's full layer, and over all slots. */
  readonly slotCells: number;
  readonly allCells: number;
  /** Cells of one sliding layer over all slots; 0 without such layers. */
  readonly slidingCells: number;
  readonly cacheBytes: number;
  readonly fullCacheBytes: number;
  /** Largest block, which a partly offloaded mixture of experts copies for long prompts. */
  readonly largestLayerBytes: number;
  readonly gpuCount: number;
}

export interface ComputeBuffers {
  /** Per GPU, with every layer on a GPU. */
  readonly full: Bounded;
  /** Per GPU, with some layers on the host. */
  readonly partial: Bounded;
  readonly hostBytes: number;
  /** What the placement is decided with where that is a formula and not the real size. */
  readonly estimate: GraphEstimate | null;
}

export function computeBuffers(input: ComputeInput): ComputeBuffers {
  const { rules, shape, batch } = input;
  const hostBytes =
    4 * batch * (input.allCells + shape.embeddingLength * (isHybrid(shape) ? 2 : 1));
  if (rules.era !== 'fit' && !(rules.era === 'layout' && rules.ownEngine)) {
    const estimate = estimateGraph({
      shape,
      cells: input.allCells,
      batch,
      cacheBytes: input.cacheBytes,
      fullCacheBytes: input.fullCacheBytes,
      gptOssFactor: rules.gptOssGraphFactor,
    });
    // Printed and reserved is the estimate; allocated is what llama.cpp needs, often far less.
    const real = measured(input, 'everyRow');
    const low = Math.min(real.low, ownEngineBuffer(input).low);
    const bound = (bytes: number): Bounded => around(bytes, low, bytes);
    return {
      full: bound(input.gpuCount > 1 ? estimate.partialBytes : estimate.fullBytes),
      partial: bound(estimate.partialBytes),
      hostBytes,
      estimate,
    };
  }
  const full = rules.era === 'fit' ? measured(input, rules.logits) : ownEngineBuffer(input);
  return { full, partial: partly(input, full), hostBytes, estimate: null };
}

/** llama.cpp: mask, widest activations, and (older builds) logits for every row; a score matrix without flash attention. */
function measured(input: ComputeInput, logits: LogitsReserve): Bounded {
  const { shape, batch } = input;
  const width = shape.embeddingLength;
  const scores = input.flashAttention
    ? 0
    : 4 * batch * (1 + 4 * width + input.slotCells * (1 + shape.headCount));
  // Four reads of the feed-forward width: exact for 0.32.15 (68.0 MiB at width 8192), within 4 % for gemma 3 and 4.
  const activations =
    2 * batch * (input.slotCells + input.slidingCells / input.numParallel) +
    16 * batch * activeFeedForward(shape);
  const pipelineCopies = input.gpuCount > 1 ? 3 * 2 * batch * (input.slotCells + 2 * width) : 0;
  const few = Math.max(activations, scores) + pipelineCopies;
  const fewRows = around(few, 0.65 * few, 1.5 * few + 32 * MIB);
  if (logits === 'fewRows') return fewRows;
  // Vocabulary not in the file: 256k rows are the most that models have.
  const vocabulary = shape.vocabularySize ?? 152064;
  const every = Math.max(4 * batch * (vocabulary + width), activations, scores) + pipelineCopies;
  const everyHigh =
    shape.vocabularySize === null ? Math.max(every, 4 * batch * (262144 + width)) : every;
  const slack = input.slotCells >= 100_000 || shape.headCount >= 100 ? 1.3 : 1.1;
  const everyRow = around(every, 0.9 * every - 64 * MIB, slack * everyHigh + 64 * MIB);
  if (logits === 'everyRow') return everyRow;
  return { low: Math.min(fewRows.low, everyRow.low), point: every, high: everyRow.high };
}

/** Ollama's own engine: few logits; masks are kept in both f32 and f16. Four measured loads lie between 0.76 and 1.6 of it. */
function ownEngineBuffer(input: ComputeInput): Bounded {
  const { shape, batch } = input;
  const masks = 6 * batch * (input.allCells + input.slidingCells);
  const scores = input.flashAttention ? 0 : 4 * batch * input.slotCells * shape.headCount;
  const bytes = masks + scores + 16 * batch * activeFeedForward(shape);
  return around(bytes, bytes / 1.6, bytes * 1.75 + 32 * MIB);
}

function partly(input: ComputeInput, full: Bounded): Bounded {
  const copies = input.shape.expertCount > 0 ? 4 * input.largestLayerBytes : 0;
  return { ...full, high: full.high + copies };
}

/** Width of what one token activates; a mixture of experts only runs the chosen ones. */
function activeFeedForward(shape: GgufShape): number {
  const dense = shape.feedForwardLength ?? 4 * shape.embeddingLength;
  if (shape.expertCount === 0 || shape.expertFeedForwardLength === null) return dense;
  const experts = shape.expertsUsed * shape.expertFeedForwardLength;
  return shape.leadingDenseBlocks > 0 ? Math.max(dense, experts) : experts;
}

const isHybrid = (shape: GgufShape): boolean => shape.recurrentStateBytes > 0;
