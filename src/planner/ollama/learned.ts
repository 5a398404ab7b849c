/** What earlier loads of this model on this machine measured, as far as it holds for the load asked for now. */
import * as z from 'zod/mini';
import type { PlanOptions, PlanRequest } from '../../shared/planRequest';
import { sameOptions } from '../vllm/learned';
import { parseOllamaVersion } from './ollamaVersions';

const known = z.optional(z.nullable(z.number().check(z.gt(0))));

const outcomeSchema = z.object({
  engine: z.literal('ollama'),
  engineVersion: z.optional(z.nullable(z.string())),
  model: z.nullable(z.string()),
  gpuName: z.optional(z.nullable(z.string())),
  options: z._default(z.record(z.string(), z.unknown()), {}),
  result: z.string(),
  facts: z.optional(z.nullable(z.object({ weightsBytes: known, graphBytes: known }))),
});

type Outcome = z.infer<typeof outcomeSchema>;

export interface LearnedLoad {
  /** Weights on the GPU with every layer there; null: not measured. */
  readonly weightsBytes: number | null;
  /** Compute buffer under exactly these options. */
  readonly graphBytes: number | null;
  /** Options under which it failed, or ended on the CPU. */
  readonly badOptions: readonly PlanOptions[];
}

/** A load that came up with all of the model where it belongs; `degraded` ones ran on the CPU. */
const GOOD: ReadonlySet<string> = new Set(['ready', 'running', 'stopped']);

/** null: nothing learned holds here. Several GPUs share one set of figures in a log, so only one GPU is learned from. */
export function learnedLoad(request: PlanRequest): LearnedLoad | null {
  const model = request.model.name ?? request.model.path ?? null;
  if (!request.learned?.length || model === null || request.gpus.length !== 1) return null;
  const outcomes = request.learned
    .map((record) => outcomeSchema.safeParse(record))
    .flatMap((parsed) => (parsed.success ? [parsed.data] : []))
    .filter((outcome) => outcome.model === model && isSameMachine(outcome, request));
  if (outcomes.length === 0) return null;
  // The newest record comes last.
  const good = outcomes.filter(({ result }) => GOOD.has(result)).toReversed();
  const alike = good.find(({ options }) => sameOptions(options, request.options));
  return {
    weightsBytes: good.find(({ facts }) => facts?.weightsBytes)?.facts?.weightsBytes ?? null,
    graphBytes: alike?.facts?.graphBytes ?? null,
    badOptions: outcomes
      .filter(({ result }) => result === 'failed' || result === 'degraded')
      .map(({ options }) => options as PlanOptions),
  };
}

/** The same card, and a version with the same minor number: formulas and placement change between those. */
function isSameMachine(outcome: Outcome, request: PlanRequest): boolean {
  const gpuName = request.gpus[0]?.name ?? null;
  if (outcome.gpuName != null && gpuName !== null && outcome.gpuName !== gpuName) return false;
  const then = parseOllamaVersion(outcome.engineVersion ?? '');
  const now = parseOllamaVersion(request.engineVersion ?? '');
  return then === null || now === null || (then[0] === now[0] && then[1] === now[1]);
}
