/** A first run without a model: well-known names, priced for this card by the planner itself. */
import type { EngineId } from '../src/shared/planRequest';
import type { Verdict } from '../src/shared/planAnswer';
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
}

const SHOWN = 4;

/** The largest examples that fit under the wish's own settings; the smallest ones where none does. */
export function examplesFor(wish: Wish, snapshot: Snapshot): readonly Example[] {
  const priced = exampleNames[wish.engine].map((name): Example => {
    const { plan } = priceWish({ ...wish, model: name, extraArguments: [] }, snapshot);
    return { name, weightsBytes: plan.perGpu[0]?.weightsBytes ?? null, verdict: plan.verdict };
  });
  const good = priced.filter(({ verdict }) => verdict === 'fits' || verdict === 'tight');
  return good.length > 0 ? good.slice(-SHOWN).reverse() : priced.slice(0, SHOWN);
}
