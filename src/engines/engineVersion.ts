/** Order of engine versions as vLLM and Ollama write them: `0.8.5.post1`, `v0.32.0+cpu`, `0.30.0-rc2`. */

/** Parts that are missing count as 0; build marks (`+cpu`) and pre-release words do not count. */
function numbersOf(version: string): number[] {
  const core = /^v?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? '0';
  return core.split('.').map(Number);
}

/** Negative: `a` is older; 0: same release; positive: `a` is newer. */
export function compareVersions(a: string, b: string): number {
  const left = numbersOf(a);
  const right = numbersOf(b);
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** First version that has something, and first version that has it no more; absent: unbounded. */
export interface VersionSpan {
  readonly since?: string;
  readonly until?: string;
}

/** `version` null means newest known: it has everything that was never removed. */
export function isWithin(span: VersionSpan, version: string | null): boolean {
  if (version === null) return span.until === undefined;
  if (span.since !== undefined && compareVersions(version, span.since) < 0) return false;
  return span.until === undefined || compareVersions(version, span.until) < 0;
}
