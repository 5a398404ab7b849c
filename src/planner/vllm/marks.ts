/** The shares that a plan marks, in the three units of the one control (product.md 2). */
import type { UtilizationMark, UtilizationPlan } from '../../shared/planAnswer';
import { amountUnder, budgetBytes, fixedPool, poolBytes } from './budget';
import type { CorePlan } from './corePlan';

type Marks = NonNullable<UtilizationPlan['marks']>;

/** Each marked share in bytes of budget and pool, and in tokens × requests; null: that mark is not known. */
export function marksOf(core: CorePlan): Marks {
  const { smallest, recommended, beside = null, largest } = core.choice;
  return {
    smallest: markAt(core, smallest),
    recommended: markAt(core, recommended),
    beside: markAt(core, beside),
    largest: markAt(core, largest),
  };
}

function markAt({ demand }: CorePlan, share: number | null): UtilizationMark | null {
  const { cards } = demand.settings;
  // Where the pool is fixed no share decides it.
  if (share === null || share <= 0 || cards.length === 0 || fixedPool(demand) !== null) return null;
  const pools = cards.map((_, gpu) => poolBytes(demand, gpu, share, 'bytes'));
  const least = Math.min(...pools);
  const amount = amountUnder(demand, share, 'bytes');
  return {
    share,
    budgetBytes: budgetBytes(demand, pools.indexOf(least), share),
    kvCacheBytes: Math.max(0, least),
    tokens: amount?.tokens ?? null,
    maxConcurrency: amount?.maxConcurrency ?? null,
  };
}
