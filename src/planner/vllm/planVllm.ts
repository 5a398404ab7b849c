/** The vLLM planner's entry: a request in, what would happen out. Pure and quick enough for every frame of a drag. */
import type { Plan } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import { adviceOf } from './advice';
import { checkedUtilization } from './budget';
import { corePlanOf, gpuPlansOf, kvCachePlanOf, rangesOf, type CorePlan } from './corePlan';
import { marksOf } from './marks';
import { calibratedDemand } from './calibration';
import { startCheckOf, type StartCheck } from './startCheck';
import { knownSteps, stepsOf } from './stepsVllm';

/** The core plan, then advice (each a re-plan of its own) where it does not simply fit, and the arithmetic in words. */
export const planVllm = (request: PlanRequest): Plan => planOf(corePlanOf(request));

/** What is told of a core plan. */
export function planOf(core: CorePlan): Plan {
  const { demand, choice, amount, outcome } = core;
  const { effective, smallest, recommended, beside = null, largest, rule } = choice;
  return {
    verdict: outcome.verdict,
    basis: demand.basis,
    engineVersion: demand.settings.version,
    perGpu: gpuPlansOf(core),
    kvCache: kvCachePlanOf(core),
    utilization: { effective, smallest, recommended, beside, largest, rule, marks: marksOf(core) },
    offload: null,
    ranges: rangesOf(core),
    advice: adviceOf(core),
    steps: stepsOf(demand, choice, amount, outcome),
    known: knownSteps(demand),
  };
}

/**
 * The start check of a request at a utilization, or at the version's default where a fixed pool drops the flag; null
 * where free memory is not known.
 */
export function startCheckFor(
  request: PlanRequest,
  utilization: number,
  smallest: number | null,
): StartCheck | null {
  const demand = calibratedDemand(request);
  return startCheckOf(demand, checkedUtilization(demand, utilization), smallest);
}
