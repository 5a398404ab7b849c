/** What would make it fit (or fit better), each tried as a plan of its own; least harm first. */
import type { Advice, Verdict } from '../../shared/planAnswer';
import type { PlanOptions, PlanRequest } from '../../shared/planRequest';
import { budgetBytes } from './budget';
import { corePlanOf, neededBytes, type CorePlan } from './corePlan';
import { guidanceOf, thinGuidance } from './guidance';
import { sameOptions } from './learned';
import { remedies, type Remedy } from './remedies';

const RANK: Readonly<Record<Verdict, number>> = { fits: 3, tight: 2, unknown: 1, doesNotFit: 0 };

/** Empty but for guidance where the plan fits as it is. */
export function adviceOf(core: CorePlan): Advice[] {
  const guidance = guidanceOf(core);
  const { verdict } = core.outcome;
  if (verdict === 'fits' || core.demand.settings.cards.length === 0) return guidance;
  const found = remedies(core)
    .map((remedy) => tryRemedy(core, remedy))
    .filter((advice) => advice !== null);
  const single = found.toSorted((a, b) => RANK[b.verdictAfter] - RANK[a.verdictAfter]);
  const best = Math.max(RANK[verdict], ...single.map((advice) => RANK[advice.verdictAfter]));
  const combined = best === RANK.fits ? null : combine(core, best);
  const thin = thinGuidance(core);
  const thinAdvice = thin && tryRemedy(core, { id: 'guidance-thin-facts', alone: true, ...thin });
  return [
    ...(combined ? [combined] : []),
    ...single,
    ...(thinAdvice ? [thinAdvice] : []),
    ...guidance,
  ];
}

/** null where it changes nothing for the better, or failed here before. */
function tryRemedy(core: CorePlan, remedy: Remedy): Advice | null {
  const tried = planWith(core, remedy.change, remedy.gpus);
  const failed = core.demand.learned?.failedOptions ?? [];
  if (failed.some((options) => sameOptions(options, tried.request.options))) return null;
  const saves = savedBytes(core, tried.core);
  const before = core.outcome.verdict;
  const after = tried.core.outcome.verdict;
  const isBetter = RANK[after] > RANK[before];
  if (!isBetter && (saves === null || saves <= 0)) return null;
  if (RANK[after] < RANK[before]) return null;
  return {
    id: remedy.id,
    change: tried.change,
    savesBytes: saves,
    verdictAfter: after,
    why: remedy.why,
  };
}

interface Tried {
  readonly core: CorePlan;
  readonly request: PlanRequest;
  readonly change: PlanOptions;
}

/** The plan after a change; where only the fixed share stands in its way, the share is changed with it. */
function planWith(
  core: CorePlan,
  change: PlanOptions,
  gpus: PlanRequest['gpus'] | undefined,
): Tried {
  const first = replan(core, change, gpus);
  const wanted = first.core.choice.recommended;
  const asked = change.gpuMemoryUtilization ?? core.demand.settings.options.gpuMemoryUtilization;
  const isFree = asked !== 0 && change.gpuMemoryUtilization === undefined;
  if (first.core.outcome.verdict === 'fits' || !isFree || wanted === null || wanted <= 0)
    return first;
  const second = replan(core, { ...change, gpuMemoryUtilization: wanted }, gpus);
  return RANK[second.core.outcome.verdict] > RANK[first.core.outcome.verdict] ? second : first;
}

function replan(core: CorePlan, change: PlanOptions, gpus: PlanRequest['gpus'] | undefined): Tried {
  const before = core.demand.request;
  const request: PlanRequest = {
    ...before,
    gpus: gpus ?? before.gpus,
    options: { ...before.options, ...change },
  };
  const converted = change.quantization !== undefined;
  const planned = corePlanOf(request, {
    shape: core.demand.shape,
    convertedFrom: converted ? { quantization: before.options.quantization ?? null } : null,
  });
  return { core: planned, request, change };
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

/** Several remedies together, the strongest first, until it fits; null where they are no better than one alone (`best`). */
function combine(core: CorePlan, best: number): Advice | null {
  let change: PlanOptions = {};
  const used: Remedy[] = [];
  for (const remedy of remedies(core).toReversed()) {
    const isSet = Object.keys(remedy.change).some((key) => key in change);
    if (remedy.gpus || remedy.alone || isSet) continue;
    change = { ...change, ...remedy.change };
    used.push(remedy);
    const tried = planWith(core, change, undefined);
    const verdict = tried.core.outcome.verdict;
    if (used.length < 2 || RANK[verdict] <= best) continue;
    return {
      id: `combined-${used.map((one) => one.id).join('+')}`,
      change: tried.change,
      savesBytes: savedBytes(core, tried.core),
      verdictAfter: verdict,
      why: `No single change is enough. ${used.map((one) => one.why).join(' ')}`,
    };
  }
  return null;
}
