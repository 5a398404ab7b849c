/** JSON of tools that print warnings before and after it, and how values stand in it. Nothing here throws. */

export type JsonRecord = Readonly<Record<string, unknown>>;

/** Warnings may begin with a bracket, too ("[WARN] …"): of so many lines that do, one has to be the document's first. */
const MAX_STARTS = 4;

/** From a line that begins with a bracket to the last that ends with one; undefined: no JSON there. */
export function readJsonText(text: string): unknown {
  const to = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']'));
  let starts = 0;
  for (const { index } of text.matchAll(/^[ \t]*[[{]/gm)) {
    if (starts++ === MAX_STARTS || to < index) break;
    try {
      return JSON.parse(text.slice(index, to + 1));
    } catch {
      continue;
    }
  }
  return undefined;
}

/** The object, or an empty one: what is not there and what is of another kind are equally unknown. */
export function recordOf(value: unknown): JsonRecord {
  return isRecord(value) ? value : {};
}

/** By hand: a schema copies every object, which took half of the time for 8 GPUs with 64 processes. */
function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The array, or an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A number, or text that is nothing but one. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  return typeof value === 'string' && /^\s*-?\d{1,18}(?:\.\d{1,9})?\s*$/.test(value)
    ? Number(value)
    : null;
}

/** Text, or null for nothing and for the words that tools write for nothing. */
export function textOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const trimmed = value.trim();
  return /^(?:|N\/A|None|Unknown)$/i.test(trimmed) ? null : trimmed;
}
