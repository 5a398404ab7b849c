/** What would make it fit (or fit better), each tried as a plan of its own; least harm first. */
import type { Advice, Verdict } from '../../shared/planAnswer';
import type { PlanOptions } from '../../shared/planRequest';
import { budgetBytes, fixedPool } from './budget';
import { corePlanOf, corePlanUnder, neededBytes, type CorePlan } from './corePlan';
import { guidanceOf, knownGuidance, thinGuidance } from './guidance';
import { failedAlike } from './pastFailure';
import { remedies, type Remedy } from './remedies';

const RANK: Readonly<Record<Verdict, number>> = { fits: 3, tight: 2, unknown: 1, doesNotFit: 0 };

/** Empty but for guidance where the plan fits as it is. What helps most comes first, of equals what harms least. */
export function adviceOf(core: CorePlan): Advice[] {
  const guidance = guidanceOf(core);
  const { verdict } = core.outcome;
  if (verdict === 'fits' || core.demand.settings.cards.length === 0) return guidance;
  const all = remedies(core);
  const single = all.map((remedy) => tryRemedy(core, remedy)).filter((advice) => advice !== null);
  const best = Math.max(RANK[verdict], ...single.map((advice) => RANK[advice.verdictAfter]));
  const combined = best === RANK.fits ? null : combine(core, all, best);
  // Learned, then known, then computed, then the rule of thumb (product.md 5).
  const [known, thin] = [knownGuidance(core), thinGuidance(core)].map(
    (remedy) => remedy && tryRemedy(core, remedy),
  );
  return [
    ...[known, combined, ...single].filter((advice) => advice != null).toSorted(byHelp),
    ...(thin ? [thin] : []),
    ...guidance,
  ];
}

/** Sorting is stable: the order of harm stays among equals. */
const byHelp = (a: Advice, b: Advice): number => RANK[b.verdictAfter] - RANK[a.verdictAfter];

/** null where it changes nothing for the better, or failed here before. */
function tryRemedy(core: CorePlan, remedy: Remedy): Advice | null {
  const tried = planWith(core, remedy.change);
  if (failedAlike(tried.core.demand, tried.core.choice.used) !== null) return null;
  const saves = savedBytes(core, tried.core);
  const before = RANK[core.outcome.verdict];
  const after = RANK[tried.core.outcome.verdict];
  if (after < before || (after === before && saves === null)) return null;
  return {
    id: remedy.id,
    change: tried.change,
    savesBytes: saves,
    verdictAfter: tried.core.outcome.verdict,
    why: remedy.why,
  };
}

interface Tried {
  readonly core: CorePlan;
  readonly change: PlanOptions;
}

/** The plan after a change; where only the fixed share stands in its way, the share is changed with it. */
function planWith(core: CorePlan, change: PlanOptions): Tried {
  const first = replan(core, change);
  const wanted = first.core.choice.recommended;
  const asked = change.gpuMemoryUtilization ?? core.demand.settings.options.gpuMemoryUtilization;
  // Beside a fixed pool no share is passed on.
  const isFree =
    asked !== 0 &&
    change.gpuMemoryUtilization === undefined &&
    fixedPool(first.core.demand) === null;
  if (first.core.outcome.verdict === 'fits' || !isFree || wanted === null || wanted <= 0)
    return first;
  const { request, outcome } = first.core;
  const options = { ...request.options, gpuMemoryUtilization: wanted };
  const second = corePlanUnder(first.core, { ...request, options });
  return RANK[second.outcome.verdict] > RANK[outcome.verdict]
    ? { core: second, change: { ...change, gpuMemoryUtilization: wanted } }
    : first;
}

function replan(core: CorePlan, change: PlanOptions): Tried {
  const { request, demand } = core;
  const options = { ...request.options, ...change };
  const converted = change.quantization !== undefined;
  const planned = corePlanOf(
    { ...request, options },
    {
      numbers: demand.numbers,
      convertedFrom: converted ? { quantization: request.options.quantization ?? null } : null,
      // Another card may have seen other starts.
      ...(change.visibleDevices ? {} : { lessons: demand.learned?.lessons ?? null }),
    },
  );
  return { core: planned, change };
}

/** Bytes less on the fullest GPU; a lower share counts by its budget. null: it saves none. */
function savedBytes(before: CorePlan, after: CorePlan): number | null {
  const saved = Math.round(neededBytes(before) - neededBytes(after));
  if (saved > 0) return saved;
  const budget =
    budgetBytes(before.demand, 0, before.choice.used) -
    budgetBytes(after.demand, 0, after.choice.used);
  return budget > 0 ? budget : null;
}

/** Several remedies together until it is better than any one alone (`best`), the least harmful first; null: none is. */
function combine(core: CorePlan, all: readonly Remedy[], best: number): Advice | null {
  const usable = all.filter((remedy) => remedy.alone !== true);
  // 4 bit and 8 bit set the same option: the stronger one is tried with the rest.
  const together = usable.filter(
    ({ change }, index) =>
      !usable
        .slice(index + 1)
        .some((other) => Object.keys(change).some((key) => key in other.change)),
  );
  const isBetter = (used: readonly Remedy[]): boolean =>
    RANK[planWith(core, merged(used)).core.outcome.verdict] > best;
  if (together.length < 2 || !isBetter(together)) return null;
  let needed: readonly Remedy[] = together;
  // From the most harmful down: what it can do without is left out.
  for (const remedy of together.toReversed()) {
    const without = needed.filter((one) => one !== remedy);
    if (isBetter(without)) needed = without;
  }
  const tried = planWith(core, merged(needed));
  if (failedAlike(tried.core.demand, tried.core.choice.used) !== null) return null;
  return {
    id: `combined-${needed.map((one) => one.id).join('+')}`,
    change: tried.change,
    savesBytes: savedBytes(core, tried.core),
    verdictAfter: tried.core.outcome.verdict,
    why: `No single change is enough. ${needed.map((one) => one.why).join(' ')}`,
  };
}

const merged = (used: readonly Remedy[]): PlanOptions =>
  Object.assign({}, ...used.map(({ change }) => change)) as PlanOptions;
