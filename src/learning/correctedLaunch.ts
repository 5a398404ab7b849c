/**
 * From a failed start to one corrected launch. In this order: what the output itself allows to compute, what the planner
 * finds with the output's figures, the next rung of a ladder. Never settings that failed here before, nor harder ones.
 */
import { outcomeOf, type Outcome } from '../engines/diagnose';
import { plan } from '../planner/plan';
import { sameOptions } from '../planner/sameOptions';
import type { Verdict } from '../shared/planAnswer';
import type { PlanOptions, PlanRequest } from '../shared/planRequest';
import { lessonKind } from './causes';
import { stepsUp } from './ladders';
import {
  asRecords,
  candidates,
  merged,
  type Candidate,
  type FailedStart,
} from './launchCandidates';
import { failuresInARow, isNoEasier, isSameStart } from './triedBefore';

export interface CorrectedLaunch {
  readonly change: PlanOptions;
  /** All options of the new launch. */
  readonly options: PlanOptions;
  readonly source: Candidate['source'];
  /** The arithmetic. */
  readonly why: string;
  readonly verdictAfter: Verdict;
}

export interface NoCorrection {
  readonly reason: string;
  /** There were settings to offer, but they failed here before, or too many starts did. */
  readonly isRuledOut: boolean;
}

/** After so many failures in a row another try is not what is missing. */
export const MAX_FAILURES_IN_A_ROW = 3;

/** The one launch to offer, or why there is none. */
export function correctedLaunchOf(failed: FailedStart): CorrectedLaunch | NoCorrection {
  const { request, diagnosis } = failed;
  const { cause, remedy } = diagnosis;
  const outcome = thisOutcome(failed);
  const tried = failuresInARow(failed.outcomes, request, outcome);
  if (tried.length >= MAX_FAILURES_IN_A_ROW)
    return {
      reason: `${String(tried.length)} starts of this model failed here in a row, the last with: ${cause?.title ?? 'no cause that is known'}. Look for what else holds the GPU, or change the launch by hand, before another try.`,
      isRuledOut: true,
    };
  if (!cause || cause.id === 'unknown')
    return {
      reason: 'Its output names no cause, so any change would be a guess.',
      isRuledOut: false,
    };
  const learned = [...failed.outcomes, outcome];
  let isRuledOut = false;
  for (const candidate of candidates(failed, learned)) {
    const options = merged(request.options, candidate.change);
    if (sameOptions(options, request.options)) continue;
    if (tried.some((one) => isNoEasier(options, one))) {
      isRuledOut = true;
      continue;
    }
    const { verdict } = plan({ ...request, options, learned: asRecords(learned) });
    if (verdict === 'doesNotFit' && !candidate.certain) continue;
    const { change, source, why } = candidate;
    return { change, options, source, why, verdictAfter: verdict };
  }
  return { reason: remedy?.summary ?? 'No setting is known that helps here.', isRuledOut };
}

/**
 * After a good start with settings that were held back: one step up, if the planner has nothing against it and it has not
 * failed here. null: nothing is held back, or no step is safe.
 * @param longest the model's own context in tokens
 */
export function stepUpFrom(
  request: PlanRequest,
  outcomes: readonly Outcome[],
  longest: number | null,
): CorrectedLaunch | null {
  const failures = outcomes.filter((one) => isLesson(one) && isSameStart(one, request));
  // A user who chose small on purpose is left alone: only what a failure made small is offered back.
  if (failures.length === 0) return null;
  for (const { change, why } of stepsUp(request.options, longest)) {
    const options = merged(request.options, change);
    if (failures.some((one) => isNoEasier(options, one))) continue;
    const { verdict } = plan({ ...request, options, learned: asRecords(outcomes) });
    if (verdict === 'fits')
      return { change, options, source: 'ladder', why, verdictAfter: verdict };
  }
  return null;
}

const thisOutcome = ({ request, diagnosis }: FailedStart): Outcome => ({
  ...outcomeOf(diagnosis, {
    model: request.model.name ?? request.model.path ?? null,
    gpuName: request.gpus[0]?.name ?? null,
    options: request.options,
  }),
  engineVersion: diagnosis.engineVersion ?? request.engineVersion ?? null,
});

/** A crash without a word made nothing small. */
const isLesson = ({ result, causeId }: Outcome): boolean =>
  result === 'failed' && causeId !== null && lessonKind(causeId) !== null;
