/** Text that should be JSON, and may be anything. What it says is then parsed by a schema. */

/** `undefined` where it is no JSON; `null` is JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** null where it is no JSON, or no object. */
export function parseJsonObject(text: string): Record<string, unknown> | null {
  const value = parseJson(text);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : null;
}
