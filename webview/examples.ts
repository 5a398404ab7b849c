/** A first run without a model: well-known names, priced for this card by the planner itself. */
import type { EngineId, PlanOptions } from '../src/shared/planRequest';
import type { Plan, Verdict } from '../src/shared/planAnswer';
import type { Snapshot } from '../src/shared/protocol';
import type { Wish } from '../src/shared/wish';
import { priceWish } from './planning';

const exampleNames: Readonly<Record<EngineId, readonly string[]>> = {
  vllm: [
    'Qwen/Qwen3-0.6B',
    'Qwen/Qwen3-4B',
    'Qwen/Qwen3-8B',
    'Qwen/Qwen3-14B-AWQ',
    'Qwen/Qwen3-32B-AWQ',
    'Qwen/Qwen2.5-72B-Instruct-AWQ',
  ],
  ollama: ['qwen3:0.6b', 'qwen3:4b', 'qwen3:8b', 'qwen3:14b', 'qwen3:32b', 'llama3.3:70b'],
};

export interface Example {
  readonly name: string;
  readonly weightsBytes: number | null;
  readonly verdict: Verdict;
  /** What it takes with it where it fits only with them. */
  readonly options: PlanOptions | null;
}

const SHOWN = 4;

/**
 * The largest examples that fit under the wish's own settings; where none does, those that fit with the share that is
 * recommended for them; the smallest ones where that does not help either.
 */
export function examplesFor(wish: Wish, snapshot: Snapshot): readonly Example[] {
  const price = (name: string, options: PlanOptions | null): { example: Example; plan: Plan } => {
    const wished = { ...wish, model: name, options: options ?? wish.options, extraArguments: [] };
    const { plan } = priceWish(wished, snapshot);
    const weightsBytes = plan.perGpu[0]?.weightsBytes ?? null;
    return { plan, example: { name, weightsBytes, verdict: plan.verdict, options } };
  };
  const own = exampleNames[wish.engine].map((name) => price(name, null));
  const good = own.map(({ example }) => example).filter(isGood);
  if (good.length > 0) return good.slice(-SHOWN).reverse();
  const others = own.map(({ plan, example }) => {
    const share = plan.utilization?.recommended ?? null;
    if (share === null) return example;
    return price(example.name, { ...wish.options, gpuMemoryUtilization: share }).example;
  });
  const better = others.filter(isGood);
  return better.length > 0
    ? better.slice(-SHOWN).reverse()
    : own.map(({ example }) => example).slice(0, SHOWN);
}

const isGood = ({ verdict }: Example): boolean => verdict === 'fits' || verdict === 'tight';
