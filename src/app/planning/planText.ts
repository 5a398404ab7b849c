/** A plan as people read it, in a terminal and in the editor alike. */
import { commandToCopy } from '../../engines/vllm/commandToCopy';
import { describePython } from '../../engines/vllm/python';
import {
  describeKnown,
  knownProfilesOf,
  profilesForCard,
  settingsOfKnown,
} from '../../planner/knownProfiles';
import type { Basis, PlanAnswer } from '../../shared/planAnswer';
import type { EngineId, PlanRequest } from '../../shared/planRequest';
import { engineNames } from '../../shared/engineNames';
import { formatBytes, formatCount, formatGib } from '../../shared/units';
import { ADVICE_VERDICTS, adviceLines, changeWords, isEnough, VERDICT_WORDS } from './adviceText';
import { cacheLines } from './cacheText';

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
  const deciding = decidingStep(answer);
  const section = (title: string, lines: readonly string[]) =>
    lines.length === 0
      ? []
      : ['', `${title}:`, ...lines.map((line) => (line === '' ? '' : `  ${line}`))];
  return [
    request.gpus.length === 0
      ? `${name}: unknown, there is no GPU to plan for`
      : `${name} on ${gpuWords(request)}: ${VERDICT_WORDS[answer.verdict]}`,
    ...(deciding === null || request.gpus.length === 0 ? [] : [capitalised(reasonOf(answer))]),
    `(${engineNames[request.engine]} ${answer.engineVersion}, from ${SOURCE_WORDS[answer.basis]})`,
    ...notes,
    ...section('GPU', gpuLines(request, usedBytes)),
    ...section('Model', modelLines(request, answer)),
    ...section('Memory', [...partLines(request, answer), ...cacheLines(request, answer)]),
    ...section(
      'Analysis',
      answer.steps.filter((step) => step !== deciding),
    ),
    ...section('Known results', [
      ...learned.map(({ title, conditions, seen }) => `${title}, ${conditions}: ${seen}`),
      ...known.map(describeKnown),
    ]),
    ...section('Recommended configuration', recommendedLines(request, answer, learned)),
    ...section('Advice', adviceLines(request, answer)),
    ...section('Command', [commandToCopy(answer.command)]),
    ...section(
      'Python',
      request.engine === 'vllm' ? describePython(request, answer).trimEnd().split('\n') : [],
    ),
  ].join('\n');
}

const VERDICT = /^Verdict: \w+, /;

/** The step that decides: vLLM's last one, or what becomes of Ollama's layers; null: there is none. */
const decidingStep = ({ steps }: PlanAnswer): string | null =>
  steps.findLast(
    (step) => VERDICT.test(step) || /^(?:\d+ of \d+ layers on|It would not start)/.test(step),
  ) ?? null;

/** Why the verdict is what it is, in a few words. */
export const reasonOf = (answer: PlanAnswer): string =>
  (decidingStep(answer) ?? '').replace(VERDICT, '');

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const modelName = ({ model }: PlanRequest): string => model.name ?? model.path ?? 'model';

function gpuLines({ gpus }: PlanRequest, usedBytes: readonly (number | null)[]): string[] {
  return eachOnce(
    gpus.map(({ name, totalBytes, freeBytes = null }, index) => {
      const used = usedBytes[index] ?? (freeBytes === null ? null : totalBytes - freeBytes);
      return `${name === null || name === undefined ? '' : `${name}: `}total ${formatGib(totalBytes)}, ${
        used === null && freeBytes === null
          ? 'used and free not known'
          : `used ${formatGib(used)}, free ${formatGib(freeBytes)}`
      }`;
    }),
  );
}

/** A line for neighbours of which the same can be said. */
function eachOnce(lines: readonly string[]): string[] {
  const runs: { first: number; last: number; text: string }[] = [];
  for (const [index, text] of lines.entries()) {
    const run = runs.at(-1);
    if (run?.text === text) run.last = index;
    else runs.push({ first: index, last: index, text });
  }
  return runs.map(
    ({ first, last, text }) =>
      `GPU ${String(first)}${last > first ? ` to ${String(last)}, each` : ''}  ${text}`,
  );
}

function modelLines({ engine, options }: PlanRequest, answer: PlanAnswer): string[] {
  const { perGpu, kvCache, basis } = answer;
  const weights = perGpu.reduce((sum, gpu) => sum + (gpu.weightsBytes ?? 0), 0);
  const isAssumed =
    engine === 'vllm' && options.maxModelLen == null && (basis === 'name' || basis === 'default');
  return [
    ...(weights > 0
      ? [`Weights: ${formatGib(weights)}${perGpu.length > 1 ? ' on all GPUs together' : ''}`]
      : []),
    `Context: ${kvCache.atLength === null ? 'unknown' : `${formatCount(kvCache.atLength)} tokens`}` +
      (isAssumed
        ? ", assumed: without --max-model-len vLLM takes the model's own, mostly a longer one"
        : ''),
  ];
}

const partLines = ({ engine }: PlanRequest, { perGpu }: PlanAnswer): string[] =>
  eachOnce(
    perGpu.map((gpu) =>
      [
        `weights ${formatGib(gpu.weightsBytes)}, KV cache ${formatGib(gpu.kvCacheBytes)}`,
        ...(engine === 'vllm'
          ? [
              `CUDA graphs ${formatBytes(gpu.graphBytes)}`,
              `activation ${formatBytes(gpu.activationBytes)}`,
            ]
          : [`compute buffer ${formatBytes(gpu.graphBytes)}`]),
        `other ${formatBytes(gpu.nonTorchBytes)}; ${leftWords(engine, gpu.leftBytes)}`,
      ].join(', '),
    ),
  );

function leftWords(engine: EngineId, leftBytes: number | null): string {
  if (leftBytes !== null && leftBytes < 0) return `${formatGib(-leftBytes)} more than is free`;
  return `${engine === 'vllm' ? 'outside the budget' : 'left'} ${formatGib(leftBytes)}`;
}

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
  const [best] = answer.advice.filter(isEnough);
  if (answer.verdict === 'fits' || answer.verdict === 'tight')
    lines.push(`Computed (${basis}): ${computedWords(request, answer)}`);
  else if (best)
    lines.push(
      `Computed (${basis}): ${changeWords(request, best.change)} → ${ADVICE_VERDICTS[best.verdictAfter]}`,
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
function computedWords(request: PlanRequest, { utilization, kvCache, offload }: PlanAnswer) {
  const { options } = request;
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
      value == null || SAID.has(key) ? null : changeWords(request, { [key]: value }),
    ),
  ]
    .filter((part) => part !== null)
    .join(', ');
}

function gpuWords({ gpus }: PlanRequest): string {
  const counts = new Map<string, number>();
  for (const { name, totalBytes } of gpus) {
    const words = name ?? formatGib(totalBytes, 0);
    counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  return [...counts]
    .map(([words, count]) => (count > 1 ? `${String(count)} × ${words}` : words))
    .join(' + ');
}
