/** How weights spread over tensor-parallel ranks and pipeline stages (vLLM reference 3.3), and the adapters' slots. */
import type { HfShape } from '../../models/hfConfig';
import type { VllmSettings } from './settings';

/** Weights by what sharding does with them: bytes summed over all GPUs. */
export interface WeightParts {
  readonly embedding: number;
  readonly head: number;
  /** Split evenly. */
  readonly linear: number;
  /** Of `linear`, the K and V projections, which replicate once TP exceeds the KV heads. */
  readonly keyValue: number;
  readonly expert: number;
  /** Whole on every GPU. */
  readonly replicated: number;
  readonly tower: number;
}

/** Bytes over all GPUs. `keyValue` is a part of `linear`. */
export const totalOf = (parts: WeightParts): number =>
  parts.embedding + parts.head + parts.linear + parts.expert + parts.replicated + parts.tower;

/** Bytes per GPU in rank order. `isSum`: a measured sum over the GPUs, which is only divided. */
export function shardWeights(
  parts: WeightParts,
  isSum: boolean,
  shape: HfShape | null,
  settings: VllmSettings,
): number[] {
  const { tensorParallel: tp, pipelineParallel: pp } = settings;
  const ep = settings.options.enableExpertParallel === true || settings.dataParallel > 1;
  const expertShare = tp * (ep ? settings.dataParallel : 1);
  const kvHeads = shape?.kvHeads ?? tp;
  const keyValueShare = Math.min(tp, Math.max(1, kvHeads));
  const body = isSum
    ? parts.linear / tp
    : (parts.linear - parts.keyValue) / tp +
      parts.keyValue / keyValueShare +
      parts.expert / expertShare +
      parts.replicated;
  const stages = stageLayers(shape?.layers ?? null, pp);
  const perGpu: number[] = [];
  for (let replica = 0; replica < settings.dataParallel; replica++) {
    stages.forEach((share, stage) => {
      const isFirst = stage === 0;
      const isLast = stage === pp - 1;
      const tiedCopy = isLast && !isFirst && parts.head === 0 ? parts.embedding : 0;
      const ends =
        (isFirst ? parts.embedding + parts.tower : 0) + (isLast ? parts.head + tiedCopy : 0);
      for (let rank = 0; rank < tp; rank++) perGpu.push(body * share + ends / tp);
    });
  }
  return perGpu;
}

/** Share of the layers each pipeline stage holds: n // pp, the rest to middle stages (reference 2.2). */
function stageLayers(layers: number | null, stages: number): number[] {
  const counts = stageCounts(layers, stages);
  if (!counts || layers === null) return Array.from({ length: stages }, () => 1 / stages);
  return counts.map((count) => count / layers);
}

/** Layers of each pipeline stage; null where their number is not known. */
export function stageCounts(layers: number | null, stages: number): number[] | null {
  if (layers === null || layers < stages) return null;
  const counts = Array.from({ length: stages }, () => Math.floor(layers / stages));
  let rest = layers - Math.floor(layers / stages) * stages;
  // vLLM hands the remainder out from the second-last stage towards the front.
  for (let stage = stages - 2; rest > 0 && stage >= 0; stage--, rest--)
    counts[stage] = (counts[stage] ?? 0) + 1;
  return counts;
}

/** Slots for adapters are allocated while loading, also with none loaded (reference 3.3). */
export function loraBytes(shape: HfShape | null, settings: VllmSettings): number {
  const { options } = settings;
  if (options.enableLora !== true) return 0;
  if (shape?.hidden == null || shape.heads === null || shape.headDim === null) return 0;
  const { hidden, heads, headDim, layers } = shape;
  const kv = (shape.kvHeads ?? heads) * headDim;
  const query = heads * headDim;
  const width = shape.intermediate ?? 4 * hidden;
  const perLayer = 2 * (hidden + query) + 2 * (hidden + kv) + 3 * (hidden + width);
  const rank = options.maxLoraRank ?? 16;
  const bytes = (options.maxLoras ?? 1) * rank * perLayer * (layers ?? 0) * settings.elementBytes;
  return bytes / settings.tensorParallel;
}
