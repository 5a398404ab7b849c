/** The KV cache of a plan and the shares of the card that it asks for, in words. */
import type { MarkName, PlanAnswer, UtilizationPlan } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import { formatCount, formatGib, KIB } from '../../shared/units';

export function cacheLines(
  { options }: PlanRequest,
  { kvCache, utilization }: PlanAnswer,
): string[] {
  const lines: string[] = [];
  if (kvCache.tokens === 0) lines.push('KV cache: no room for any');
  else if (kvCache.tokens !== null)
    lines.push(
      `KV cache: ${formatCount(kvCache.tokens)} tokens` +
        (kvCache.bytesPerToken === null
          ? ''
          : `, ${formatCount(kvCache.bytesPerToken / KIB)} KiB each`) +
        (kvCache.maxConcurrency === null
          ? ''
          : `; ${kvCache.maxConcurrency.toFixed(2)} requests of ${formatCount(kvCache.atLength)} tokens`) +
        (kvCache.longestThatFits === null
          ? ''
          : `; longest that fits ${formatCount(kvCache.longestThatFits)}`),
    );
  if (utilization?.effective != null && options.kvCacheMemoryBytes == null) {
    const asked = options.gpuMemoryUtilization ?? null;
    const whence =
      asked === 0 ? `${utilization.rule} rule` : asked === null ? "the version's own" : 'as given';
    lines.push(
      `Utilization: ${utilization.effective.toFixed(2)} (${whence})` +
        (utilization.recommended === null || utilization.marks?.recommended
          ? ''
          : `, recommended ${utilization.recommended.toFixed(2)}`),
      ...markLines(utilization.marks, kvCache.atLength),
    );
  }
  return lines;
}

const MARK_WORDS: Readonly<Record<MarkName, string>> = {
  smallest: 'starts from',
  recommended: 'recommended',
  beside: 'with head room',
  largest: 'at most now',
};

/** The shares that the page marks on its slider, in all three units; a share with several meanings once. */
function markLines(marks: UtilizationPlan['marks'], atLength: number | null): string[] {
  const meanings = new Map<string, { words: string[]; rest: string }>();
  for (const [name, words] of Object.entries(MARK_WORDS)) {
    const mark = marks?.[name as MarkName];
    if (!mark || mark.kvCacheBytes <= 0) continue;
    const tokens =
      mark.tokens === null || mark.maxConcurrency === null
        ? ''
        : `, ${formatCount(mark.tokens)} tokens: ${mark.maxConcurrency.toFixed(1)} requests of ${formatCount(atLength)} at once`;
    const share = mark.share.toFixed(2);
    const known = meanings.get(share);
    if (known) known.words.push(words);
    else
      meanings.set(share, {
        words: [words],
        rest: `${share}: ${formatGib(mark.kvCacheBytes)} for KV${tokens}`,
      });
  }
  return [...meanings.values()].map(({ words, rest }) => `  ${words.join(', ')} ${rest}`);
}
