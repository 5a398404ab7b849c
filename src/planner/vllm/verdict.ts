/** fits, tight, doesNotFit or unknown, as contracts.md defines them. */
import type { Verdict } from '../../shared/planAnswer';
import { freeFor, heldBytes, reservation, startProblem } from './budget';
import type { Demand } from './demand';
import { sameOptions } from './learned';

export interface VerdictReason {
  readonly verdict: Verdict;
  /** One sentence with figures. */
  readonly reason: string;
}

export function verdictOf(demand: Demand, utilization: number): VerdictReason {
  const { settings, basis } = demand;
  if (settings.cards.length === 0) return { verdict: 'unknown', reason: 'no GPU to plan for' };
  const favourable = startProblem(demand, utilization, 'low');
  if (favourable) return { verdict: 'doesNotFit', reason: favourable.text };
  if (basis === 'default')
    return { verdict: 'unknown', reason: 'neither size nor layout of the model is known' };
  const likely = startProblem(demand, utilization, 'bytes');
  const unfavourable = likely ?? startProblem(demand, utilization, 'high');
  if (unfavourable) {
    const when = likely ? 'most likely' : 'at the unfavourable end';
    return { verdict: 'tight', reason: `${when}: ${unfavourable.text}` };
  }
  const caution = cautionOf(demand, utilization);
  return caution === null
    ? { verdict: 'fits', reason: 'starts at the unfavourable end of every range' }
    : { verdict: 'tight', reason: caution };
}

/** It starts, but not with the head room asked for, or against what is known otherwise. */
function cautionOf(demand: Demand, utilization: number): string | null {
  const { settings, request, kv, learned } = demand;
  const buffer = request.coexistence?.safetyBufferBytes ?? 0;
  for (const [gpu, card] of settings.cards.entries()) {
    const there = freeFor(demand, gpu) ?? card.cudaBytes - reservation(demand);
    if (there - heldBytes(demand, gpu, utilization, 'bytes') < buffer)
      return `GPU ${String(gpu)}: less than the head room stays free`;
  }
  if (learned?.failedOptions.some((failed) => sameOptions(failed, request.options)))
    return 'the same settings ran out of memory here before';
  const { modelMaxLen, maxModelLen } = settings;
  if (modelMaxLen !== null && maxModelLen > modelMaxLen)
    return `${String(maxModelLen)} tokens are more than the ${String(modelMaxLen)} the model names: vLLM refuses that without an override`;
  if (settings.foreignDraft) return "the draft model's own weights and KV are not counted";
  if (kv?.approximation != null) return kv.approximation;
  return null;
}
