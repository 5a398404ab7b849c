/** What earlier starts on this machine measured, as far as it holds for this one (product.md 5). */
import * as z from 'zod/mini';
import type { PlanOptions, PlanRequest } from '../../shared/planRequest';
import type { VllmSettings } from './settings';
import { parseVllmVersion } from './versions';

const known = z.optional(z.nullable(z.number()));
const outcomeSchema = z.object({
  engine: z.literal('vllm'),
  engineVersion: z.optional(z.nullable(z.string())),
  model: z.nullable(z.string()),
  gpuName: z.optional(z.nullable(z.string())),
  options: z._default(z.record(z.string(), z.unknown()), {}),
  result: z.string(),
  causeId: z.optional(z.nullable(z.string())),
  facts: z.optional(
    z.nullable(
      z.object({
        weightsBytes: known,
        activationBytes: known,
        nonTorchBytes: known,
        graphBytes: known,
      }),
    ),
  ),
});

type Outcome = z.infer<typeof outcomeSchema>;

export interface LearnedFacts {
  readonly weightsBytes: number | null;
  readonly activationBytes: number | null;
  readonly nonTorchBytes: number | null;
  readonly graphBytes: number | null;
  /** Options of starts of this model here that failed for lack of memory. */
  readonly failedOptions: readonly PlanOptions[];
}

/** Settings each figure depends on: it is taken over only where all of them agree. */
const WEIGHTS_DEPEND = [
  'tensorParallelSize',
  'pipelineParallelSize',
  'dtype',
  'quantization',
  'loadFormat',
  'cpuOffloadGb',
  'enableLora',
  'maxLoras',
  'maxLoraRank',
  'speculativeConfig',
  'languageModelOnly',
  'enableExpertParallel',
] as const;
const ACTIVATION_DEPENDS = [
  ...WEIGHTS_DEPEND,
  'maxNumSeqs',
  'maxNumBatchedTokens',
  'limitMmPerPrompt',
  'maxModelLen',
] as const;
const GRAPHS_DEPEND = [
  ...WEIGHTS_DEPEND,
  'maxNumSeqs',
  'maxCudagraphCaptureSize',
  'enforceEager',
] as const;

const MEMORY_CAUSE = /oom|memory|kv_cache|mamba/;

/** null: nothing learned holds here. Records it cannot read are passed over. */
export function learnedFor(request: PlanRequest, settings: VllmSettings): LearnedFacts | null {
  const records = request.learned ?? [];
  if (records.length === 0) return null;
  const model = request.model.name ?? request.model.path ?? null;
  if (model === null) return null;
  const gpuName = request.gpus[0]?.name ?? null;
  const outcomes = records
    .map((record) => outcomeSchema.safeParse(record))
    .flatMap((parsed) => (parsed.success ? [parsed.data] : []))
    .filter((outcome) => isHere(outcome, model, gpuName, settings.version));
  if (outcomes.length === 0) return null;
  // The newest record comes last.
  const latest = (
    keys: readonly string[],
    read: (facts: NonNullable<Outcome['facts']>) => number | null | undefined,
  ) => {
    for (const outcome of outcomes.toReversed()) {
      const value = outcome.facts ? read(outcome.facts) : null;
      if (value != null && value >= 0 && Number.isFinite(value) && agree(outcome, request, keys))
        return Math.round(value);
    }
    return null;
  };
  return {
    weightsBytes: latest(WEIGHTS_DEPEND, (facts) => facts.weightsBytes),
    activationBytes: latest(ACTIVATION_DEPENDS, (facts) => facts.activationBytes),
    nonTorchBytes: latest(['tensorParallelSize', 'pipelineParallelSize'], (f) => f.nonTorchBytes),
    graphBytes: latest(GRAPHS_DEPEND, (facts) => facts.graphBytes),
    failedOptions: outcomes
      .filter((outcome) => outcome.result === 'failed' && MEMORY_CAUSE.test(outcome.causeId ?? ''))
      .map((outcome) => outcome.options as PlanOptions),
  };
}

function isHere(outcome: Outcome, model: string, gpuName: string | null, version: string): boolean {
  if (outcome.model !== model) return false;
  if (outcome.gpuName != null && gpuName !== null && outcome.gpuName !== gpuName) return false;
  if (outcome.engineVersion == null) return true;
  const [then, now] = [parseVllmVersion(outcome.engineVersion), parseVllmVersion(version)];
  return then === null || now === null || (then[0] === now[0] && then[1] === now[1]);
}

function agree(outcome: Outcome, request: PlanRequest, keys: readonly string[]): boolean {
  const options: Readonly<Record<string, unknown>> = request.options;
  return keys.every((key) => same(outcome.options[key], options[key]));
}

/** Same settings, whatever the order of keys; `null`, absent and the neutral value are one. */
export function sameOptions(a: PlanOptions, b: PlanOptions): boolean {
  const [left, right]: Readonly<Record<string, unknown>>[] = [a, b];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(left?.[key], right?.[key]));
}

function same(a: unknown, b: unknown): boolean {
  const plain = (value: unknown) =>
    value === null || value === undefined || value === 'auto' || value === false ? 'auto' : value;
  const [left, right] = [plain(a), plain(b)];
  // One GPU is what absent means.
  if ((left === 1 && right === 'auto') || (left === 'auto' && right === 1)) return true;
  return JSON.stringify(left) === JSON.stringify(right);
}
