/** The longest context per slot with which every layer still stays on a GPU. */
import type { PlanRequest } from '../../shared/planRequest';
import { ollamaMemory } from './ollamaMemory';
import type { OllamaCase } from './workOut';

/** Beyond this no shipped model goes; bounds the search where the model's own limit is unknown. */
const LONGEST_TOKENS = 1_048_576;
const STEP_TOKENS = 256;

/** Tokens, in steps of 256 up to the model's own limit; 0 where not even 256 fit; null without a GPU. */
export function longestContext(request: PlanRequest, worked: OllamaCase): number | null {
  if (request.gpus.length === 0) return null;
  const { model, rules, settings } = worked;
  const limit = model.shape.contextLength ?? LONGEST_TOKENS;
  const fits = (numCtx: number): boolean => {
    const layout = ollamaMemory(model, rules, { ...settings, numCtx }, request.gpus).layoutAt(
      'point',
    );
    return layout.placement.allOnGpu && layout.within;
  };
  if (fits(limit)) return limit;
  let low = 0;
  let high = Math.ceil(limit / STEP_TOKENS);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle * STEP_TOKENS)) low = middle;
    else high = middle;
  }
  return low * STEP_TOKENS;
}
