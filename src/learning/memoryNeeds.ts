/** How much memory a start needs, as far as one record tells. */
import { lessonKind } from './causes';
import type { LearnedRecord } from './learnedRecord';

/**
 * A start that failed for lack of memory needs more bytes of the GPU than this: the less of what it was allowed and what
 * was free. null: neither is known, or it failed for its settings.
 */
export function needsMoreThan(record: LearnedRecord): number | null {
  const { causeId, facts } = record.outcome;
  if (causeId === null || lessonKind(causeId) !== 'memory') return null;
  // the share itself was refused, before anything was loaded
  if (causeId === 'free_memory_check') return facts.freeBytesAtStart;
  const limits = [allowedBytes(record), facts.freeBytesAtStart].filter((bytes) => bytes !== null);
  return limits.length === 0 ? null : Math.min(...limits);
}

/** vLLM's share of the card, the planned one where the start named none; null where there is no such limit. */
function allowedBytes({ outcome, gpuTotalBytes, prediction }: LearnedRecord): number | null {
  if (outcome.engine !== 'vllm') return null;
  const share = outcome.options.gpuMemoryUtilization ?? 0;
  return share > 0 && gpuTotalBytes !== null
    ? share * gpuTotalBytes
    : (prediction?.budgetBytes ?? null);
}

/**
 * Bytes of one GPU beside the KV pool: weights, activations, graphs and what lies outside PyTorch. null unless all but the
 * graphs were measured.
 */
export function fixedBytes(facts: LearnedRecord['outcome']['facts']): number | null {
  const { weightsBytes, activationBytes, graphBytes, nonTorchBytes } = facts;
  if (weightsBytes === null || activationBytes === null || nonTorchBytes === null) return null;
  return weightsBytes + activationBytes + nonTorchBytes + (graphBytes ?? 0);
}
