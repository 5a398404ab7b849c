/** The room `planner`: what fits, and with which settings. Pure; the page runs it on every frame, the host before a launch. */
import type { Plan } from '../shared/planAnswer';
import type { PlanRequest } from '../shared/planRequest';
import { planOllama } from './ollama/planOllama';
import { planVllm, startCheckFor } from './vllm/planVllm';
import type { StartCheck } from './vllm/startCheck';

export function plan(request: PlanRequest): Plan {
  return request.engine === 'vllm' ? planVllm(request) : planOllama(request);
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
