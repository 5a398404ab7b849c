/** Reads GGUF metadata values of any spelling: `qwen3.attention.head_count_kv` and `head_count_kv` are the same key. */

export interface GgufMetadata {
  /** A number, or the largest of an array of numbers; null where absent or 0. */
  count(key: string): number | null;
  text(key: string): string | null;
  /** One value per layer, from a scalar or an array; null where absent. */
  perLayer(key: string, layers: number): readonly (number | null)[];
  /** Only where the value is an array of truth values (or 0 and 1). */
  flags(key: string): readonly boolean[] | null;
  numbers(key: string): readonly number[] | null;
}

/** What has another type than asked for is as good as absent. */
export function readMetadata(gguf: Readonly<Record<string, unknown>>): GgufMetadata {
  const values = shortKeys(gguf);
  const numbers = (key: string): number[] | null => {
    const value = values.get(key);
    if (!Array.isArray(value)) return null;
    const found = value.map(toNumber);
    return found.every((entry): entry is number => entry !== null) ? found : null;
  };
  return {
    count(key) {
      const value = toNumber(values.get(key));
      if (value !== null) return value > 0 ? value : null;
      const list = numbers(key);
      const most = list && list.length > 0 ? list.reduce((a, b) => Math.max(a, b)) : 0;
      return most > 0 ? most : null;
    },
    text(key) {
      const value = values.get(key);
      return typeof value === 'string' ? value : null;
    },
    perLayer(key, layers) {
      const list = numbers(key);
      if (list) return Array.from({ length: layers }, (_, i) => list[i] ?? list.at(-1) ?? null);
      const value = toNumber(values.get(key));
      return Array.from({ length: layers }, () => value);
    },
    flags(key) {
      const value = values.get(key);
      if (!Array.isArray(value) || value.length === 0) return null;
      return value.map((entry) => entry === true || entry === 1);
    },
    numbers,
  };
}

/** Counts and sizes are whole and not negative; anything else is a torn header and counts as absent. */
function toNumber(value: unknown): number | null {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0
    ? Math.floor(number)
    : null;
}

const GROUPS = /^(attention|general)[._]/;

/** The last words of each key joined by `_`; a short key given beside a long one wins. */
function shortKeys(gguf: Readonly<Record<string, unknown>>): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const [key, value] of Object.entries(gguf)) {
    if (value === null || value === undefined) continue;
    if (!key.includes('.')) {
      values.set(key.replace(GROUPS, ''), value);
      continue;
    }
    const [, ...rest] = key.split('.');
    const short = rest.join('.').replace(GROUPS, '').replaceAll('.', '_');
    if (!values.has(short)) values.set(short, value);
  }
  return values;
}
