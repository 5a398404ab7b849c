/** A plan as people read it, in a terminal and in the editor alike. */
import { commandToCopy } from '../../engines/vllm/commandToCopy';
import { describePython } from '../../engines/vllm/python';
import {
  describeKnown,
  knownProfilesOf,
  profilesForCard,
  settingsOfKnown,
} from '../../planner/knownProfiles';
import type {
  Basis,
  MarkName,
  PlanAnswer,
  UtilizationPlan,
  Verdict,
} from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import { engineNames } from '../../shared/engineNames';
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

/** What earlier starts here showed. */
export interface LearnedResult {
  readonly title: string;
  /** Settings, in words. */
  readonly conditions: string;
  readonly seen: string;
  readonly isGood: boolean;
}

export interface PlanTextMore {
  /** Newest last. */
  readonly learned?: readonly LearnedResult[];
  /** What the reader should know first, one sentence each. */
  readonly notes?: readonly string[];
  /** As the GPU's tool tells it, which leaves out what is reserved; absent: what is not free. */
  readonly usedBytes?: readonly (number | null)[];
}

/** The whole of a plan: what there is, what it was worked out from, what to run. */
export function planText(
  request: PlanRequest,
  answer: PlanAnswer,
  { learned = [], notes = [], usedBytes = [] }: PlanTextMore = {},
): string {
  const name = modelName(request);
  const known = knownProfilesOf(name, request.knownProfiles ?? []);
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0
      ? []
      : ['', `${title}:`, ...lines.map((line) => (line === '' ? '' : `  ${line}`))];
  return [
    `${name} on ${gpuWords(request)}: ${VERDICT_WORDS[answer.verdict]}`,
    `(${engineNames[request.engine]} ${answer.engineVersion}, from ${SOURCE_WORDS[answer.basis]})`,
    ...notes,
    ...section('GPU', gpuLines(request, usedBytes)),
    ...section('Model', modelLines(request, answer)),
    ...section('Memory', [...partLines(answer), ...cacheLines(request, answer)]),
    ...section('Analysis', answer.steps),
    ...section('Known results', [
      ...learned.map(({ title, conditions, seen }) => `${title}, ${conditions}: ${seen}`),
      ...known.map(describeKnown),
    ]),
    ...section('Recommended configuration', recommendedLines(request, answer, learned)),
    ...section(
      'Advice',
      answer.advice.map(
        ({ change, verdictAfter, why }) =>
          `${changeWords(change)} → ${VERDICT_WORDS[verdictAfter]}. ${why}`,
      ),
    ),
    ...section('Command', [commandToCopy(answer.command)]),
    ...section(
      'Python',
      request.engine === 'vllm' ? describePython(request, answer).trimEnd().split('\n') : [],
    ),
  ].join('\n');
}

const modelName = ({ model }: PlanRequest): string => model.name ?? model.path ?? 'model';

function gpuLines({ gpus }: PlanRequest, usedBytes: readonly (number | null)[]): string[] {
  return gpus.map(({ name, totalBytes, freeBytes = null }, index) => {
    const used = usedBytes[index] ?? (freeBytes === null ? null : totalBytes - freeBytes);
    return `GPU ${String(index)}  ${name ?? 'unnamed'}: total ${formatGib(totalBytes)}, used ${formatGib(used)}, free ${formatGib(freeBytes)}`;
  });
}

function modelLines(request: PlanRequest, { perGpu, kvCache }: PlanAnswer): string[] {
  const weights = perGpu.reduce((sum, gpu) => sum + (gpu.weightsBytes ?? 0), 0);
  return [
    `${modelName(request)}${weights > 0 ? `, weights ${formatGib(weights)}` : ''}`,
    `Context: ${kvCache.atLength === null ? 'unknown' : `${formatCount(kvCache.atLength)} tokens`}`,
  ];
}

const partLines = ({ perGpu }: PlanAnswer): string[] =>
  perGpu.map(
    (gpu) =>
      `GPU ${String(gpu.index)}  weights ${formatGib(gpu.weightsBytes)}, KV cache ${formatGib(gpu.kvCacheBytes)}, ` +
      `graph ${formatBytes(gpu.graphBytes)}, activation ${formatBytes(gpu.activationBytes)}, ` +
      `other ${formatBytes(gpu.nonTorchBytes)}; left ${formatGib(gpu.leftBytes)}`,
  );

const SOURCE_WORDS: Readonly<Record<Basis, string>> = {
  learned: 'earlier starts here',
  headers: 'the headers of its weights',
  config: 'its config',
  gguf: 'its GGUF metadata',
  name: 'the name',
  default: 'rules of thumb',
};

const BASIS_WORDS: Readonly<Record<Basis, string>> = {
  learned: 'measured here',
  headers: 'exact facts',
  config: 'exact facts',
  gguf: 'exact facts',
  name: 'the name alone, by rules of thumb',
  default: 'nothing of the model is known, by rules of thumb',
};

/** What has proved itself here, then elsewhere, then what is computed. */
function recommendedLines(
  request: PlanRequest,
  answer: PlanAnswer,
  learned: readonly LearnedResult[],
): string[] {
  const lines: string[] = [];
  const started = learned.findLast(({ isGood }) => isGood);
  if (started) lines.push(`Started here before: ${started.conditions}`);
  const card = Math.min(...request.gpus.map(({ totalBytes }) => totalBytes));
  const known = profilesForCard(modelName(request), card, request.knownProfiles ?? []).find(
    (profile) => profile.result === 'works' && settingsOfKnown(profile) !== '',
  );
  if (known && request.gpus.length > 0 && request.engine === 'vllm')
    lines.push(`Known to work on such a card: ${settingsOfKnown(known)}`);
  const basis = BASIS_WORDS[answer.basis];
  const [best] = answer.advice.filter(({ change }) => Object.keys(change).length > 0);
  if (answer.verdict === 'fits' || answer.verdict === 'tight')
    lines.push(`Computed (${basis}): ${computedWords(request, answer)}`);
  else if (best)
    lines.push(
      `Computed (${basis}): ${changeWords(best.change)} → ${VERDICT_WORDS[best.verdictAfter]}`,
    );
  else lines.push(`Computed (${basis}): ${nothingWords(request, answer)}`);
  return lines;
}

/** Not to know whether it fits is no word against every setting. */
function nothingWords({ gpus }: PlanRequest, { verdict }: PlanAnswer): string {
  if (verdict !== 'unknown') return 'no setting is known with which it fits';
  return gpus.length === 0
    ? 'there is no GPU to plan for'
    : 'too little is known to recommend anything';
}

/** Said in words of their own. */
const SAID: ReadonlySet<string> = new Set(['gpuMemoryUtilization', 'maxModelLen', 'numCtx']);

/** The wish itself, with the share that suits it. */
function computedWords({ options }: PlanRequest, { utilization, kvCache, offload }: PlanAnswer) {
  // a fixed pool takes no share
  const share =
    options.kvCacheMemoryBytes == null
      ? (utilization?.recommended ?? utilization?.effective ?? null)
      : null;
  return [
    share === null ? null : `utilization ${share.toFixed(2)}`,
    kvCache.atLength === null ? null : `context ${formatCount(kvCache.atLength)}`,
    offload && `${String(offload.layersOnGpu)} of ${String(offload.layersTotal)} layers on the GPU`,
    ...Object.entries(options).map(([key, value]) =>
      value == null || SAID.has(key) ? null : `${key} ${JSON.stringify(value)}`,
    ),
  ]
    .filter((part) => part !== null)
    .join(', ');
}

function cacheLines({ options }: PlanRequest, { kvCache, utilization }: PlanAnswer): string[] {
  const lines: string[] = [];
  if (kvCache.tokens !== null)
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
        (utilization.recommended === null
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

/** The shares that the page marks on its slider, in all three units. */
function markLines(marks: UtilizationPlan['marks'], atLength: number | null): string[] {
  return Object.entries(MARK_WORDS).flatMap(([name, words]) => {
    const mark = marks?.[name as MarkName];
    if (!mark) return [];
    const tokens =
      mark.tokens === null || mark.maxConcurrency === null
        ? ''
        : `, ${formatCount(mark.tokens)} tokens: ${mark.maxConcurrency.toFixed(1)} requests of ${formatCount(atLength)} at once`;
    return [`  ${words} ${mark.share.toFixed(2)}: ${formatGib(mark.kvCacheBytes)} for KV${tokens}`];
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
