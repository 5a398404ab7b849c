/** The room `planner`: what fits, and with which settings. Pure; the page runs it on every frame, the host before a launch. */
import type { Plan, Verdict } from '../shared/planAnswer';
import type { PlanRequest } from '../shared/planRequest';
import { mustStopFor } from './mustStop';
import { planOllama } from './ollama/planOllama';
import { workOut } from './ollama/workOut';
import { corePlanOf, corePlanUnder } from './vllm/corePlan';
import { planOf, startCheckFor } from './vllm/planVllm';
import type { StartCheck } from './vllm/startCheck';

/**
 * Never throws for a request that `parsePlanRequest` took. All sizes in bytes; what is not known is null, and the verdict
 * then `unknown` at best. Without a GPU nothing can fit: `unknown`.
 */
export function plan(request: PlanRequest): Plan {
  const [planned, verdictUnder] = request.engine === 'vllm' ? onVllm(request) : onOllama(request);
  const mustStop = mustStopFor(request, planned.verdict, verdictUnder);
  if (!mustStop) return planned;
  // The verdict stays the last step.
  return { ...planned, mustStop, steps: planned.steps.toSpliced(-1, 0, `${mustStop.text}.`) };
}

/** A plan, and the verdict on the same request where more is free. */
type Planned = readonly [Plan, (request: PlanRequest) => Verdict];

function onVllm(request: PlanRequest): Planned {
  const core = corePlanOf(request);
  return [planOf(core), (freed) => corePlanUnder(core, freed).outcome.verdict];
}

function onOllama(request: PlanRequest): Planned {
  return [planOllama(request), (freed) => workOut(freed)?.verdict ?? 'unknown'];
}

/**
 * What a utilization wants against what is free now, in figures and as the sentence of the page's warning. null: free
 * memory is not known, or the engine has no such check.
 * @param smallest the plan's `utilization.smallest`: no share below it is suggested; null: not known
 */
export function startCheck(
  request: PlanRequest,
  utilization: number,
  smallest: number | null,
): StartCheck | null {
  return request.engine === 'vllm' ? startCheckFor(request, utilization, smallest) : null;
}
