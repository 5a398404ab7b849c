/** Reads figures out of an untrusted document: first key that is there wins, what can't be is named and ignored. */

export type Fields = Readonly<Record<string, unknown>>;

/** Far above any real model, far below where products of them stop being exact integers. */
const LIMITS = {
  layers: 10_000,
  heads: 100_000,
  dim: 10_000_000,
  vocab: 100_000_000,
  tokens: 10_000_000_000,
  experts: 100_000,
} as const;

type Limit = keyof typeof LIMITS;

/** null for arrays and everything that isn't a JSON object. */
export function asFields(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : null;
}

export interface FieldReader {
  readonly fields: Fields;
  readonly problems: string[];
  /**
   * A whole number ≥ 1, or one for each layer that is the same for all. 0, `null` and absent mean that the next key is asked;
   * anything else that is wrong is a problem.
   */
  count(limit: Limit, ...keys: string[]): number | null;
  text(...keys: string[]): string | null;
  flag(...keys: string[]): boolean | null;
  /** Whole numbers ≥ 0 and no larger than a dim can be; null unless every entry is one. */
  counts(...keys: string[]): readonly number[] | null;
  texts(...keys: string[]): readonly string[] | null;
  object(...keys: string[]): Fields | null;
}

/** `problems` grows by one sentence for each value that is there and can't be. Never throws. */
export function fieldReader(fields: Fields, problems: string[] = []): FieldReader {
  const present = (keys: string[], isZeroAbsent = false): [string, unknown] | null => {
    for (const key of keys) {
      const value = Object.hasOwn(fields, key) ? fields[key] : null;
      if (value === null || value === undefined || (isZeroAbsent && value === 0)) continue;
      return [key, value];
    }
    return null;
  };
  const refuse = (key: string, value: unknown): null => {
    problems.push(`${key} is ${JSON.stringify(value).slice(0, 40)}`);
    return null;
  };
  return {
    fields,
    problems,
    count(limit, ...keys) {
      const found = present(keys, true);
      if (!found) return null;
      const [key, given] = found;
      const value = sameForAll(given);
      return isCount(value) && value >= 1 && value <= LIMITS[limit] ? value : refuse(key, given);
    },
    text(...keys) {
      const found = present(keys);
      return found && (typeof found[1] === 'string' ? found[1] : refuse(...found));
    },
    flag(...keys) {
      const found = present(keys);
      return found && (typeof found[1] === 'boolean' ? found[1] : refuse(...found));
    },
    counts(...keys) {
      const found = present(keys);
      if (!found || !Array.isArray(found[1])) return null;
      const list: unknown[] = found[1];
      return list.every(isCount) &&
        list.every((entry) => entry <= LIMITS.dim) &&
        list.length <= LIMITS.experts
        ? list
        : refuse(...found);
    },
    texts(...keys) {
      const found = present(keys);
      if (!found || !Array.isArray(found[1])) return null;
      const list: unknown[] = found[1];
      return list.every((entry) => typeof entry === 'string') ? list : refuse(...found);
    },
    object(...keys) {
      const found = present(keys);
      return found && asFields(found[1]);
    },
  };
}

/** Hunyuan and Gemma 3n name some figures layer by layer. */
function sameForAll(value: unknown): unknown {
  if (!Array.isArray(value) || value.length > LIMITS.layers) return value;
  const list: unknown[] = value;
  return list.every((entry) => entry === list[0]) ? list[0] : value;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
