/** Reads what Python prints of a dict or of keyword arguments: `{'a': 1, 'b': None}`, `Namespace(a=1, b='x')`, `a=1, b='x'`. */

type PythonValue = string | number | boolean | null | undefined;

/** Top-level pairs with plain values; nested structures are skipped (their value is `undefined`). Never throws. */
export function parsePythonPairs(text: string): Map<string, PythonValue> {
  const pairs = new Map<string, PythonValue>();
  for (const part of splitTopLevel(text)) {
    const match = /^\s*(?:'([\w.]+)'\s*:|([A-Za-z_]\w*)\s*=)\s*([\s\S]*?)\s*$/.exec(part);
    const key = match?.[1] ?? match?.[2];
    if (key !== undefined) pairs.set(key, plainValue(match?.[3] ?? ''));
  }
  return pairs;
}

/** At commas outside quotes and brackets. Text cut off at the end is fine. */
function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = '';
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (quote !== '') {
      if (character === '\\') index += 1;
      else if (character === quote) quote = '';
    } else if (character === "'" || character === '"') quote = character;
    else if ('([{<'.includes(character)) depth += 1;
    else if (')]}>'.includes(character)) {
      // The end of the whole thing.
      if (depth === 0) return [...parts, text.slice(start, index)];
      depth -= 1;
    } else if (character === ',' && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

function plainValue(text: string): PythonValue {
  if (text === 'None') return null;
  if (text === 'True') return true;
  if (text === 'False') return false;
  if (/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text)) return Number(text);
  const quoted = /^(['"])((?:\\.|(?!\1)[^\\])*)\1$/.exec(text)?.[2];
  if (quoted !== undefined) return quoted.replace(/\\(.)/g, '$1');
  // Bare words of the old formats: torch.bfloat16, auto.
  return /^[\w./-]+$/.test(text) ? text : undefined;
}
