/** What a model's name says about its size (product.md 3). */

export interface NamedSize {
  readonly parameters: number;
  /** Of `8x7B`; null: the name tells of none. They share their attention, so that all of it is less than the product. */
  readonly experts: number | null;
  /** Of `17B-16E`: the size is that of the part one token uses, of so many experts; null: it is all of it. */
  readonly activeOf: number | null;
  /** The part of the name that said so. */
  readonly text: string;
}

/**
 * `7B`, `1.1B`, `8x7B`; not `4bit`, and not the active `A3B` of a mixture. The first match counts.
 * null: the name tells no size.
 */
export function parametersInName(name: string | null | undefined): NamedSize | null {
  if (name == null) return null;
  const base = name.split(/[/\\]/).filter(Boolean).at(-1) ?? '';
  const pattern = /(?:(\d+)[xX])?(\d+(?:\.\d+)?)[Bb](?!it)/g;
  for (const match of base.matchAll(pattern)) {
    const before = base[match.index - 1] ?? '';
    if (/[aA]/.test(before) && !/[a-zA-Z]/.test(base[match.index - 2] ?? '')) continue;
    const experts = match[1] === undefined ? null : Number(match[1]);
    const parameters = Number(match[2]) * 1e9 * (experts ?? 1);
    const [, active] = /^-(\d+)E\b/.exec(base.slice(match.index + match[0].length)) ?? [];
    const activeOf = active === undefined ? null : Number(active);
    if (parameters > 0) return { parameters, experts, activeOf, text: match[0] };
  }
  return null;
}
