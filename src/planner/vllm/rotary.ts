/** The table of sines and cosines that every GPU holds beside the weights. */
import type { HfShape } from '../../models/hfConfig';
import { asFields, type Fields } from '../../models/hfFields';
import type { VllmSettings } from './settings';

/** Families with one rotary position per image axis; their table is four times as long (vLLM's MRotaryEmbedding). */
const MULTIMODAL_ROTARY = /^(qwen2vl|qwen25vl|qwen25omni|qwen3vl|qwen3omni|qwen35|glm4v)/;
/** Of these, the ones whose table a later version made as long as the context (`mrope_positions_factor`). */
const SHORTENED = /^(qwen3vl|qwen35)/;

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

/** Gemma 3 was trained on 32,768 positions; where the config is silent, more are those scaled by 8. */
const GEMMA3_SCALED = { rope_type: 'linear', factor: 8 };

/** One for each way of turning: the config's, per kind of layer where they differ. */
function ropesOf(shape: HfShape, positions: number): readonly Fields[] {
  const { text, family } = shape;
  const told = asFields(text.rope_parameters) ?? asFields(text.rope_scaling);
  const nested = Object.values(told ?? {}).map(asFields);
  if (told && nested.length > 0 && nested.every((rope) => rope !== null)) {
    const distinct = new Map(nested.map((rope) => [JSON.stringify(rope), rope]));
    return [...distinct.values()];
  }
  const own = told ?? (family === 'gemma3' && positions > 32_768 ? GEMMA3_SCALED : {});
  // Its windows turn by a base of their own.
  return family.startsWith('gemma3') ? [own, {}] : [own];
}

/** Linear scaling lengthens the table beyond the config's length, YaRN beyond the trained one. */
function lengthOf(rope: Fields, positions: number): number {
  const kind = rope.rope_type ?? rope.type;
  const { factor, original_max_position_embeddings: original } = rope;
  if (typeof factor !== 'number' || !(factor >= 1 && factor <= 1000)) return positions;
  if (kind === 'linear') return positions * factor;
  return kind === 'yarn' && typeof original === 'number' && original > 0
    ? Math.max(positions, original * factor)
    : positions;
}

/**
 * Positions × rotated dims of one head: 0.031 GiB for Llama 3.1 (131,072 × 128 × 2 bytes), 0.56 for Gemma 3 4B. Layers share
 * a table.
 */
export function rotaryBytes(shape: HfShape | null, settings: VllmSettings): number {
  if (!shape) return 0;
  const positions = shape.text.max_position_embeddings;
  const dim = shape.mla?.ropeDim ?? shape.headDim;
  if (typeof positions !== 'number' || !(positions > 0 && positions < 1e9) || dim === null)
    return 0;
  const { family } = shape;
  const isLong =
    MULTIMODAL_ROTARY.test(family) && (settings.rules.longImageRotary || !SHORTENED.test(family));
  const rows = ropesOf(shape, positions).reduce((sum, rope) => sum + lengthOf(rope, positions), 0);
  return rows * (isLong ? 4 : 1) * dim * rotatedShare(shape) * settings.elementBytes;
}
