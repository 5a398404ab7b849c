/** Which of what was learned a plan gets. */
import type { Outcome } from '../engines/diagnose';
import type { EngineId } from '../shared/planRequest';
import { conditionKey, isFailure, isOfModel, isOnCard, type Card } from './conditions';
import type { LearnedRecord, ModelIdentity } from './learnedRecord';

/** A page gets them with every snapshot, and a plan reads them on every frame. */
const MAX_OUTCOMES = 24;

export interface PlannedStart {
  readonly engine: EngineId;
  readonly model: ModelIdentity;
  /** By which the request names the model; the outcomes come under this name. */
  readonly requestName: string;
  /** First GPU of the plan; null: none is known, and nothing measured on one applies. */
  readonly card: Card | null;
  readonly otherFlags: readonly string[];
  readonly simulated: boolean;
}

/** Newest last. A failure that the same settings have overcome since is left out. */
export function recordsFor(
  records: readonly LearnedRecord[],
  start: PlannedStart,
): LearnedRecord[] {
  const { card } = start;
  if (card === null) return [];
  const matching = records.filter(
    (record) =>
      record.outcome.engine === start.engine &&
      record.simulated === start.simulated &&
      isOfModel(record, start.model) &&
      isOnCard(record, card) &&
      record.otherFlags.join() === start.otherFlags.join(),
  );
  const startedAtMs = new Map(
    matching
      .filter((record) => !isFailure(record))
      .map((record) => [conditionKey(record), record.atMs]),
  );
  return matching
    .filter((record) => !isFailure(record) || record.atMs > overcomeAtMs(record, startedAtMs))
    .slice(-MAX_OUTCOMES);
}

/** The same in the form that `plan` takes as `learned`. */
export function outcomesFor(records: readonly LearnedRecord[], start: PlannedStart): Outcome[] {
  return recordsFor(records, start).map(({ outcome }) => ({
    ...outcome,
    model: start.requestName,
  }));
}

function overcomeAtMs(record: LearnedRecord, startedAtMs: ReadonlyMap<string, number>): number {
  const asStarted = { ...record, outcome: { ...record.outcome, result: 'ready' as const } };
  return startedAtMs.get(conditionKey(asStarted)) ?? -1;
}
