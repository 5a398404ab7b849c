/** The room `planner`: what fits, and with which settings. Pure; the page runs it on every frame, the host before a launch. */
import type { Plan } from '../shared/planAnswer';
import type { PlanRequest } from '../shared/planRequest';
import { planOllama } from './ollama/planOllama';
import { planVllm } from './vllm/planVllm';

export function plan(request: PlanRequest): Plan {
  return request.engine === 'vllm' ? planVllm(request) : planOllama(request);
}
