/**
 * The compute buffer (graph) with its bounds. Formulas and their errors are from measured loads of llama.cpp and Ollama:
 * with logits for every row 10 of 15 rows are within 3 %; with few rows the four rows seen are within 4 %.
 */
import { MIB } from '../../shared/units';
import { around, type Bounded } from './bounded';
import type { GgufShape } from './ggufShape';
import { estimateGraph, type GraphEstimate } from './graphEstimate';
import { llamaGraphBytes } from './llamaGraph';
import type { LogitsReserve, OllamaRules } from './ollamaVersions';

/**
 * How far formula and a real llama.cpp are apart at most, by what decides: a score matrix is exact but for what lies beside
 * it; what experts leave behind fits into each other in ways that no formula tells.
 */
const SPREAD = {
  scores: { low: 0.94, high: 1.09 },
  // Llama 2 7B took 164 MiB in 2023, and would take 188 now: K and V were no part of it.
  olderScores: { low: 0.86, high: 1.09 },
  // Without flash attention their shared part can lie beside the scores: 18 % more in one of eleven such models.
  expertScores: { low: 0.94, high: 1.2 },
  dense: { low: 0.88, high: 1.16 },
  experts: { low: 0.83, high: 1.16 },
};
/** What a device's own alignment may add. */
const SLACK_BYTES = 4 * MIB;

/** Where the file doesn't say: what Qwen 2 and 3 have, and the most that models have. */
const USUAL_VOCABULARY = 152064;
const LARGEST_VOCABULARY = 262144;

export interface ComputeInput {
  readonly shape: GgufShape;
  readonly rules: OllamaRules;
  readonly flashAttention: boolean;
  readonly cacheType: string;
  readonly batch: number;
  readonly numParallel: number;
  /** Cells of one slot's full layer, and over all slots. */
  readonly slotCells: number;
  readonly allCells: number;
  /** Cells of one sliding layer over all slots; 0 without such layers. */
  readonly slidingCells: number;
  readonly cacheBytes: number;
  readonly fullCacheBytes: number;
  /** Largest block, which is copied for long prompts where it lies in RAM. */
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

/** Bytes of the scratch memory of one pass, by era: Ollama's own formula, or the graph that llama.cpp reserves. */
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

/** llama.cpp's own graph, with logits for every row of the batch (older builds) or for one of each slot. */
function measured(input: ComputeInput, logits: LogitsReserve): Bounded {
  if (logits === 'unsure') {
    const fewRows = measured(input, 'fewRows');
    const everyRow = measured(input, 'everyRow');
    const low = Math.min(fewRows.low, everyRow.low);
    return { low, point: everyRow.point, high: everyRow.high };
  }
  const { shape } = input;
  const tokens = Math.min(input.batch, input.allCells);
  const logitRows = logits === 'everyRow' ? tokens : input.numParallel;
  const graphBytes = (vocabularySize: number): number =>
    llamaGraphBytes({
      shape,
      flashAttention: input.flashAttention,
      tokens,
      slotCells: input.slotCells,
      slidingCells: input.slidingCells / input.numParallel,
      logitRows,
      vocabularySize,
      numParallel: input.numParallel,
      cacheType: input.cacheType,
    });
  // Several GPUs work on several batches at once: each keeps three more copies of what comes in.
  const copies =
    input.gpuCount > 1 ? 3 * 2 * tokens * (input.slotCells + 2 * shape.embeddingLength) : 0;
  const bytes = graphBytes(shape.vocabularySize ?? USUAL_VOCABULARY) + copies;
  const most = graphBytes(shape.vocabularySize ?? LARGEST_VOCABULARY) + copies;
  // Drafting blocks, where they are used, bring a graph of their own: 690 MiB instead of 490 in one load.
  const spread = SPREAD[spreadOf(input, logits)];
  const high = shape.draftBlocks > 0 ? 1.45 : spread.high;
  return around(bytes, spread.low * bytes - SLACK_BYTES, high * most + SLACK_BYTES);
}

function spreadOf(
  { shape, flashAttention }: ComputeInput,
  logits: LogitsReserve,
): keyof typeof SPREAD {
  const attends = shape.layers.some(({ kind }) => kind === 'full' || kind === 'sliding');
  if (attends && !flashAttention && shape.expertCount > 0) return 'expertScores';
  if (attends && !flashAttention) return logits === 'fewRows' ? 'scores' : 'olderScores';
  return shape.expertCount > 0 ? 'experts' : 'dense';
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
  // A long prompt is worked on by the GPU also where the weights are in RAM: they are copied over, part by part.
  const copies = (input.shape.expertCount > 0 ? 4 : 1) * input.largestLayerBytes;
  return { ...full, high: full.high + copies };
}

/** Width of what one token activates; a mixture of experts only runs the chosen ones. */
function activeFeedForward(shape: GgufShape): number {
  const dense = shape.feedForwardLength ?? 4 * shape.embeddingLength;
  if (shape.expertCount === 0 || shape.expertFeedForwardLength === null) return dense;
  const experts = shape.expertsUsed * shape.expertFeedForwardLength;
  return shape.leadingDenseBlocks > 0 ? Math.max(dense, experts) : experts;
}

const isHybrid = (shape: GgufShape): boolean => shape.stateWidth > 0;
