/** The table of sines and cosines that every GPU holds beside the weights. */
import type { HfShape } from '../../models/hfConfig';
import { asFields } from '../../models/hfFields';
import type { VllmSettings } from './settings';

/** Families with one rotary position per image axis; their table is four times as long (vLLM's MRotaryEmbedding). */
const MULTIMODAL_ROTARY = /^(qwen2vl|qwen25vl|qwen25omni|qwen3vl|qwen3omni|qwen35|glm4v)/;

/** Share of a head's dims that is rotated, where a family's configs leave it to the code. */
const PARTIAL: readonly (readonly [RegExp, number])[] = [
  [/^(qwen35|qwen36|qwen3next|gptneox|stablelm)/, 0.25],
  [/^(glm4|chatglm|nemotron|minimax|phi$)/, 0.5],
];

function rotatedShare(shape: HfShape): number {
  const { text, family } = shape;
  const nested = asFields(text.rope_parameters)?.partial_rotary_factor;
  for (const share of [nested, text.partial_rotary_factor, text.rotary_pct])
    if (typeof share === 'number' && share > 0 && share <= 1) return share;
  // MLA names the rotated dims themselves.
  if (shape.mla) return 1;
  return PARTIAL.find(([pattern]) => pattern.test(family))?.[1] ?? 1;
}

/**
 * Positions × rotated dims of one head: 0.031 GiB for Llama 3.1 (131,072 × 128 × 2 bytes), 0.25 for Qwen3-VL. Layers share
 * one table.
 */
export function rotaryBytes(shape: HfShape | null, settings: VllmSettings): number {
  if (!shape) return 0;
  const positions = shape.text.max_position_embeddings;
  const dim = shape.mla?.ropeDim ?? shape.headDim;
  if (typeof positions !== 'number' || !(positions > 0 && positions < 1e9) || dim === null)
    return 0;
  const axes = MULTIMODAL_ROTARY.test(shape.family) ? 4 : 1;
  return positions * axes * dim * rotatedShare(shape) * settings.elementBytes;
}
