/** Conditions of a launch from its plan, without anything that is a secret or a place. */
import { optionsWith } from '../engines/vllm/argumentOptions';
import { optionOfFlag } from '../engines/vllm/options';
import { shortForms } from '../engines/vllm/shortForms';
import type { PlanAnswer } from '../shared/planAnswer';
import type { EngineId, ModelRequest, PlanOptions } from '../shared/planRequest';
import type { LaunchConditions, Prediction } from './learnedRecord';
import { isPath, modelIdentity, nameWithoutPath } from './modelIdentity';

/** Flags that no figure of a start depends on. All others that are no option of a plan count as conditions. */
const WITHOUT_EFFECT =
  /^(host|port|uds|root-path|api-key|served-model-name|model|tokenizer.*|revision|code-revision|hf-token|download-dir|trust-remote-code|enable-auto-tool-choice|tool-.*|chat-template.*|response-role|reasoning-parser|enable-reasoning|seed|disable-log-.*|enable-log-.*|max-log-len|uvicorn-.*|allowed-.*|allow-credentials|ssl-.*|middleware|enable-request-id-headers)$/;

export interface PlannedLaunch {
  readonly engine: EngineId;
  /** As the user named it; a path says no more than its last part here. */
  readonly model: string;
  readonly facts: ModelRequest;
  readonly options: PlanOptions;
  /** Of the settings and of the wish, in the order of the command line. */
  readonly extraArguments: readonly string[];
  readonly answer: PlanAnswer;
  /** Name of the first GPU of the plan; null: not known. */
  readonly gpuName: string | null;
}

/** Written down at the launch: when it has failed, the plan may have changed. */
export function launchConditions(launch: PlannedLaunch): LaunchConditions {
  const [first] = launch.answer.perGpu;
  return {
    model: modelIdentity(launch.model, launch.facts),
    gpu: first
      ? { name: launch.gpuName, totalBytes: first.totalBytes, freeBytes: first.freeBytes }
      : null,
    options: optionsInEffect(launch, launch.answer.utilization?.effective ?? null),
    otherFlags: launch.engine === 'vllm' ? otherFlags(launch.extraArguments) : [],
    prediction: predictionOf(launch.answer),
  };
}

/** What a start runs under, as it is compared with others. @param autoShare what auto settles on */
export function optionsInEffect(
  { engine, options, extraArguments }: Pick<PlannedLaunch, 'engine' | 'options' | 'extraArguments'>,
  autoShare: number | null,
): PlanOptions {
  const asked = options.gpuMemoryUtilization ?? 0;
  const share = asked > 0 ? asked : autoShare;
  const all =
    engine === 'vllm'
      ? optionsWith({ ...options, gpuMemoryUtilization: share }, extraArguments)
      : options;
  return withoutPaths(Object.fromEntries(Object.entries(all).filter(([, value]) => value != null)));
}

/** Names only, sorted, each once: `['async-scheduling']`. */
export function otherFlags(args: readonly string[]): string[] {
  const names = args.flatMap((argument) => {
    const [given = ''] = /^--?[A-Za-z][\w-]*/.exec(argument) ?? [];
    const name = shortForms[given] ?? given.replace(/^-+/, '').replaceAll('_', '-');
    const plain = name.replace(/^no-/, '');
    return name === '' || WITHOUT_EFFECT.test(plain) || optionOfFlag(`--${plain}`) !== null
      ? []
      : [name];
  });
  return [...new Set(names)].sort();
}

/** A drafter's folder, say, keeps its last name only. */
function withoutPaths<T>(value: T): T {
  if (typeof value === 'string') return (isPath(value) ? nameWithoutPath(value) : value) as T;
  if (Array.isArray(value)) return value.map(withoutPaths) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, withoutPaths(one)]),
  ) as T;
}

function predictionOf(answer: PlanAnswer): Prediction | null {
  const [first] = answer.perGpu;
  if (!first) return null;
  return {
    verdict: answer.verdict,
    basis: answer.basis,
    budgetBytes: first.budgetBytes,
    weightsBytes: first.weightsBytes,
    nonTorchBytes: first.nonTorchBytes,
    activationBytes: first.activationBytes,
    graphBytes: first.graphBytes,
    kvCacheBytes: first.kvCacheBytes,
    kvCacheTokens: answer.kvCache.tokens,
  };
}
