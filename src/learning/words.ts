/** What was learned, for people: what was seen, where it comes from, what it changes. */
import { engineNames } from '../shared/engineNames';
import { formatCount, formatGib, formatPercent } from '../shared/units';
import { causeTitle } from './causes';
import { minorVersion } from './conditions';
import type { LearnedRecord } from './learnedRecord';
import { fixedBytes, needsMoreThan } from './memoryNeeds';

export interface LearnedWords {
  /** "Qwen/Qwen3-4B on NVIDIA GeForce RTX 4090". */
  readonly title: string;
  /** "vLLM 0.19 · utilization 70 % · context 8,192". */
  readonly conditions: string;
  /** What was measured against what was planned, or how it failed. */
  readonly seen: string;
  readonly effect: string;
}

/** Without paths: a model is named by its last part. */
export function learnedWords(record: LearnedRecord): LearnedWords {
  const { outcome, simulated } = record;
  const version = minorVersion(outcome.engineVersion);
  const engine = `${engineNames[outcome.engine]}${version === null ? '' : ` ${version}`}`;
  return {
    title: `${outcome.model ?? 'a model'} on ${outcome.gpuName ?? 'an unnamed GPU'}${simulated ? ' (simulated)' : ''}`,
    conditions: [engine, ...settingsWords(record)].join(' · '),
    seen: seenWords(record),
    effect: effectWords(record),
  };
}

function settingsWords({ outcome, otherFlags }: LearnedRecord): string[] {
  const { gpuMemoryUtilization, maxModelLen, numCtx, ...rest } = outcome.options;
  const length = maxModelLen ?? numCtx ?? null;
  return [
    ...(gpuMemoryUtilization == null ? [] : [`utilization ${formatPercent(gpuMemoryUtilization)}`]),
    ...(length === null ? [] : [`context ${formatCount(length)}`]),
    ...Object.entries(rest).flatMap(([key, value]) =>
      value == null || value === false || value === 'auto'
        ? []
        : [value === true ? key : `${key} ${typeof value === 'object' ? 'set' : String(value)}`],
    ),
    ...otherFlags.map((flag) => `--${flag}`),
  ];
}

function seenWords(record: LearnedRecord): string {
  const { outcome } = record;
  const title = outcome.causeId === null ? null : causeTitle(outcome.engine, outcome.causeId);
  switch (outcome.result) {
    case 'failed': {
      const limit = needsMoreThan(record);
      const needs = limit === null ? '' : `; it needs more than ${formatGib(limit, 1)}`;
      return `Failed: ${title ?? 'cause not known'}${needs}`;
    }
    case 'degraded': {
      const free = outcome.facts.freeBytesAtStart;
      const needs = free === null ? '' : `; it needs more than the ${formatGib(free, 1)} free then`;
      return `Ran partly on the CPU${needs}`;
    }
    case 'ready':
    case 'running':
    case 'stopped':
      return measuredWords(record) ?? 'Started; its output told no sizes';
  }
}

/** The KV pool first: it is what a plan is asked for. */
function measuredWords({ outcome, prediction }: LearnedRecord): string | null {
  const { facts } = outcome;
  const rows: readonly (readonly [string, number | null, number | null | undefined])[] = [
    ['KV pool', facts.kvCacheBytes, prediction?.kvCacheBytes],
    ['weights', facts.weightsBytes, prediction?.weightsBytes],
    ['activations', facts.activationBytes, prediction?.activationBytes],
    ['CUDA graphs', facts.graphBytes, prediction?.graphBytes],
    ['outside PyTorch', facts.nonTorchBytes, prediction?.nonTorchBytes],
  ];
  const words = rows.flatMap(([name, measured, planned]) =>
    measured === null
      ? []
      : [
          `${name} measured ${formatGib(measured)}${planned == null ? '' : `, planned ${formatGib(planned)}`}`,
        ],
  );
  const sum = fixedBytes(facts);
  if (sum !== null) words.push(`needs exactly ${formatGib(sum)} beside the KV pool`);
  return words.length === 0 ? null : words.join('; ');
}

function effectWords(record: LearnedRecord): string {
  const { outcome } = record;
  if (outcome.result === 'failed')
    return 'These settings are not proposed again unchanged for this model, version and card.';
  if (outcome.result === 'degraded')
    return 'Plans no longer count on the GPU holding all of it with these settings.';
  return measuredWords(record) === null
    ? 'Shows that these settings work; it changes no figure.'
    : 'Plans of this model on this card take the measured figures in place of estimates.';
}
