/** fits, tight, doesNotFit or unknown, as contracts.md defines them. */
import type { Verdict } from '../../shared/planAnswer';
import { failedAlike } from './pastFailure';
import { freeFor, heldBytes, reservation, startProblem } from './budget';
import type { Demand } from './demand';

export interface VerdictReason {
  readonly verdict: Verdict;
  /** One sentence with figures. */
  readonly reason: string;
}

/**
 * `fits` holds at the unfavourable end of every range, `doesNotFit` even at the favourable one; between them it is `tight`.
 * @param utilization the share in effect, 0 to 1
 */
export function verdictOf(demand: Demand, utilization: number): VerdictReason {
  const { settings, basis } = demand;
  if (settings.cards.length === 0) return { verdict: 'unknown', reason: 'no GPU to plan for' };
  const favourable = startProblem(demand, utilization, 'low');
  const likely = startProblem(demand, utilization, 'bytes');
  // the likely figures are those that the reader sees beside it
  if (favourable) return { verdict: 'doesNotFit', reason: (likely ?? favourable).text };
  if (basis === 'default')
    return { verdict: 'unknown', reason: 'neither size nor layout of the model is known' };
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
  const { settings, request, kv } = demand;
  const buffer = request.coexistence?.safetyBufferBytes ?? 0;
  for (const [gpu, card] of settings.cards.entries()) {
    const there = freeFor(demand, gpu) ?? card.cudaBytes - reservation(demand, gpu);
    if (there - heldBytes(demand, gpu, utilization, 'bytes') < buffer)
      return `GPU ${String(gpu)}: less than the head room stays free`;
  }
  const failed = failedAlike(demand, utilization);
  if (failed !== null) return failed;
  const { modelMaxLen, maxModelLen } = settings;
  if (modelMaxLen !== null && maxModelLen > modelMaxLen)
    return `${String(maxModelLen)} tokens are more than the ${String(modelMaxLen)} the model names: vLLM refuses that without an override`;
  if (demand.weights.draft === null)
    return "the draft model's weights are not counted: no size known";
  if (settings.foreignDraft && settings.speculativeLayers === 0)
    return "the draft model's own KV is not counted";
  if (kv?.approximation != null) return kv.approximation;
  return null;
}
