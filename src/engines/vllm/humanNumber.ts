/** Numbers as vLLM's own parser reads them on the command line. */

const DECIMAL: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const BINARY: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** `8k` is 8000, `8K` is 8192, `-1` and `0.9` are themselves; undefined: no number. */
export function humanNumber(text: string): number | undefined {
  const match = /^(-?\d+(?:\.\d+)?)([kmgtKMGT])?$/.exec(text.trim());
  if (!match) return undefined;
  const suffix = match[2] ?? '';
  const value = Number(match[1]) * (DECIMAL[suffix] ?? BINARY[suffix] ?? 1);
  return suffix === '' ? value : Math.round(value);
}
