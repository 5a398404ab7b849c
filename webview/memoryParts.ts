/** A GPU's plan as the parts of a stacked bar: who holds what, from the left edge of the card to its end and beyond. */
import type { EngineId } from '../src/shared/planRequest';
import type { GpuPlan, Plan, Range } from '../src/shared/planAnswer';

export type PartId =
  | 'others'
  | 'weights'
  | 'nonTorch'
  | 'activation'
  | 'graph'
  | 'compute'
  | 'kvCache'
  | 'reserve'
  | 'free';

export interface MemoryPart {
  readonly id: PartId;
  /** null: not known, drawn as nothing and listed as unknown. */
  readonly bytes: number | null;
  /** Honest bounds where the part is not exact. */
  readonly range: Range | null;
}

export interface MemoryBar {
  readonly index: number;
  readonly totalBytes: number;
  readonly parts: readonly MemoryPart[];
  /** Where the engine's own parts begin and how long they are together. */
  readonly plannedFrom: number;
  readonly plannedBytes: number;
  /** By how much the parts exceed the card; 0 when all fits on it. */
  readonly overBytes: number;
  /** Length of the whole bar: the card, or what is wanted where that is more. */
  readonly scaleBytes: number;
}

/**
 * @param keptClearBytes head room, buffer and the share promised to Ollama: shown inside what is left.
 */
export function memoryBar(
  gpu: GpuPlan,
  engine: EngineId,
  ranges: Plan['ranges'],
  keptClearBytes: number,
): MemoryBar {
  const part = (id: PartId, bytes: number | null, key?: string): MemoryPart => {
    const range = key === undefined ? undefined : ranges[key];
    return { id, bytes, range: range && range[1] > range[0] ? range : null };
  };
  const others = gpu.freeBytes === null ? null : Math.max(0, gpu.totalBytes - gpu.freeBytes);
  const planned =
    engine === 'vllm'
      ? [
          part('weights', gpu.weightsBytes, 'weightsBytes'),
          part('nonTorch', gpu.nonTorchBytes, 'nonTorchBytes'),
          part('activation', gpu.activationBytes, 'activationBytes'),
          part('graph', gpu.graphBytes, 'graphBytes'),
          part('kvCache', gpu.kvCacheBytes, 'kvCacheBytes'),
        ]
      : [
          part('weights', gpu.weightsBytes, 'weightsBytes'),
          part('nonTorch', gpu.nonTorchBytes, 'nonTorchBytes'),
          part('compute', gpu.graphBytes, 'graphBytes'),
          part('kvCache', gpu.kvCacheBytes, 'kvCacheBytes'),
        ];
  const held = sum([part('others', others), ...planned]);
  const left = Math.max(0, gpu.totalBytes - held);
  const reserve = Math.min(left, keptClearBytes);
  const overBytes = Math.max(0, held - gpu.totalBytes);
  return {
    index: gpu.index,
    totalBytes: gpu.totalBytes,
    parts: [
      part('others', others),
      ...planned.filter((one) => one.id !== 'nonTorch' || one.bytes !== null || engine === 'vllm'),
      part('reserve', reserve),
      part('free', left - reserve),
    ],
    plannedFrom: others ?? 0,
    plannedBytes: sum(planned),
    overBytes,
    scaleBytes: gpu.totalBytes + overBytes,
  };
}

const sum = (parts: readonly MemoryPart[]): number =>
  parts.reduce((total, part) => total + Math.max(0, part.bytes ?? 0), 0);

/** What the engine takes on one GPU, by its parts; null while none is known. */
export function plannedBytes(gpu: GpuPlan): number | null {
  const parts = [
    gpu.weightsBytes,
    gpu.nonTorchBytes,
    gpu.activationBytes,
    gpu.graphBytes,
    gpu.kvCacheBytes,
  ].filter((bytes) => bytes !== null);
  return parts.length === 0 ? null : parts.reduce((total, bytes) => total + bytes, 0);
}
