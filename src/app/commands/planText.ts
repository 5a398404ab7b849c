/** A plan as people read it in a terminal. */
import { describeKnown, type KnownProfile } from '../../planner/knownProfiles';
import type { MarkName, PlanAnswer, UtilizationPlan, Verdict } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import { shellCommand } from '../../shared/shellText';
import { formatBytes, formatCount, formatGib, KIB } from '../../shared/units';

/** Exit codes of `plan` and `profile check`. */
export const VERDICT_EXIT: Readonly<Record<Verdict, number>> = {
  fits: 0,
  doesNotFit: 2,
  tight: 3,
  unknown: 4,
};

export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  fits: 'fits',
  tight: 'tight: it may start, or not',
  doesNotFit: 'does not fit',
  unknown: 'unknown: facts are missing',
};

export function planText(
  request: PlanRequest,
  answer: PlanAnswer,
  known: readonly KnownProfile[] = [],
): string {
  const model = request.model.name ?? request.model.path ?? 'model';
  const lines = [
    `${model} on ${gpuWords(request)}: ${VERDICT_WORDS[answer.verdict]}`,
    `(${request.engine} ${answer.engineVersion}, from ${answer.basis})`,
    '',
    ...answer.perGpu.map(
      (gpu) =>
        `GPU ${String(gpu.index)}  ${formatGib(gpu.totalBytes)}` +
        `${gpu.freeBytes === null ? '' : `, ${formatGib(gpu.freeBytes)} free`}: ` +
        `weights ${formatGib(gpu.weightsBytes)}, K/V ${formatGib(gpu.kvCacheBytes)}, ` +
        `graph ${formatBytes(gpu.graphBytes)}, activation ${formatBytes(gpu.activationBytes)}, ` +
        `other ${formatBytes(gpu.nonTorchBytes)}; left ${formatGib(gpu.leftBytes)}`,
    ),
    ...cacheLines(answer),
    '',
    'Analysis:',
    ...answer.steps.map((step) => `  ${step}`),
  ];
  if (known.length > 0)
    lines.push('', 'Known results:', ...known.map((one) => `  ${describeKnown(one)}`));
  if (answer.advice.length > 0)
    lines.push(
      '',
      'Advice:',
      ...answer.advice.map(
        ({ change, verdictAfter, why }) =>
          `  ${changeWords(change)} → ${VERDICT_WORDS[verdictAfter]}. ${why}`,
      ),
    );
  lines.push('', 'Command:', `  ${shellCommand(answer.command)}`);
  return lines.join('\n');
}

function cacheLines({ kvCache, utilization }: PlanAnswer): string[] {
  const lines: string[] = [];
  if (kvCache.tokens !== null)
    lines.push(
      `K/V: ${formatCount(kvCache.tokens)} tokens` +
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
  if (utilization?.effective != null)
    lines.push(
      `Utilization: ${String(utilization.effective)} (${utilization.rule} rule)` +
        (utilization.recommended === null
          ? ''
          : `, recommended ${String(utilization.recommended)}`),
      ...markLines(utilization.marks),
    );
  return lines;
}

const MARK_WORDS: Readonly<Record<MarkName, string>> = {
  smallest: 'starts from',
  recommended: 'recommended',
  largest: 'at most now',
};

/** The shares that the page marks on its slider, in all three units. */
function markLines(marks: UtilizationPlan['marks']): string[] {
  return Object.entries(MARK_WORDS).flatMap(([name, words]) => {
    const mark = marks?.[name as MarkName];
    if (!mark) return [];
    const tokens =
      mark.tokens === null || mark.maxConcurrency === null
        ? ''
        : `, ${formatCount(mark.tokens)} tokens × ${mark.maxConcurrency.toFixed(2)} requests`;
    return [
      `  ${words} ${mark.share.toFixed(2)}: ${formatGib(mark.kvCacheBytes)} for K/V${tokens}`,
    ];
  });
}

function gpuWords({ gpus }: PlanRequest): string {
  if (gpus.length === 0) return 'no GPU';
  return gpus.map((gpu) => gpu.name ?? formatGib(gpu.totalBytes, 0)).join(' + ');
}

const changeWords = (change: object): string =>
  Object.entries(change)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
    .join(', ') || 'no setting';
