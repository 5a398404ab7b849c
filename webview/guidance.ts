/** Rules of thumb shown where the utilization is chosen. They advise; they never change a value. */

export interface GuidanceRow {
  readonly label: string;
  readonly range: string;
}

/** Upper bound in parameters (exclusive), and the share that usually suits such a model. */
export const guidanceBySize: readonly (GuidanceRow & { readonly belowParameters: number })[] = [
  { label: 'under 3B', range: '0.5–0.6', belowParameters: 3e9 },
  { label: '3–7B', range: '0.6–0.7', belowParameters: 7e9 },
  { label: '7–13B', range: '0.7–0.8', belowParameters: 13e9 },
  { label: 'over 13B', range: '0.8–0.9', belowParameters: Infinity },
];

export const guidanceByUse: readonly GuidanceRow[] = [
  { label: 'with a desktop', range: '0.5–0.6' },
  { label: 'safe default', range: '0.7' },
  { label: 'dedicated', range: '0.8–0.85' },
  { label: 'server only', range: '0.9–0.95' },
];

/** "8B" in a name, where nothing better is known; "4bit" is no size. */
export function parametersInName(name: string): number | null {
  const match = /(\d+(?:\.\d+)?)[Bb](?!it)/.exec(name);
  return match?.[1] === undefined ? null : Number(match[1]) * 1e9;
}

/** The row for a model of that many parameters; null when the size is not known. */
export function guidanceFor(parameters: number | null): GuidanceRow | null {
  if (parameters === null) return null;
  return guidanceBySize.find((row) => parameters < row.belowParameters) ?? null;
}
