/** The longest context that an engine derives from a config when the user names none. */
import { asFields, type FieldReader, type Fields } from './hfFields';

/** vLLM takes the smallest of those that are there (reference 2.8). */
const LENGTH_KEYS = [
  'max_position_embeddings',
  'n_positions',
  'max_seq_len',
  'seq_length',
  'model_max_length',
  'max_target_positions',
  'max_sequence_length',
  'max_seq_length',
  'seq_len',
];

/** These scale inside the trained length, so their factor doesn't lengthen it. */
const UNSCALED = new Set(['su', 'longrope', 'llama3', 'mrope', 'default', 'proportional']);

/** Tokens; null where the config names no length at all. */
export function derivedMaxLength(text: FieldReader): number | null {
  const lengths = LENGTH_KEYS.map((key) => text.count('tokens', key)).filter(
    (length) => length !== null,
  );
  if (lengths.length === 0) return null;
  // Command-R names what it was trained for beside what it serves.
  let longest = text.count('tokens', 'model_max_length') ?? Math.min(...lengths);
  const modelType = text.fields.model_type;
  for (const rope of ropeParts(text)) {
    const kind = rope.rope_type ?? rope.type;
    const original = numberOf(rope.original_max_position_embeddings);
    if (kind === 'longrope' || kind === 'su')
      return original ?? text.count('tokens', 'original_max_position_embeddings') ?? longest;
    const factor = numberOf(rope.factor);
    const family = typeof modelType === 'string' ? modelType : '';
    if (typeof kind !== 'string' || UNSCALED.has(kind) || family.startsWith('gemma3')) continue;
    if (factor === null) continue;
    longest = Math.floor((kind === 'yarn' && original !== null ? original : longest) * factor);
    break;
  }
  return longest;
}

/** One dict, or one per layer type (Gemma). */
function ropeParts(text: FieldReader): readonly Fields[] {
  const rope = text.object('rope_scaling', 'rope_parameters');
  if (!rope) return [];
  if ('rope_type' in rope || 'type' in rope) return [rope];
  return Object.values(rope)
    .map(asFields)
    .filter((part) => part !== null);
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && value > 0 && value < 1e9 ? value : null;
}
