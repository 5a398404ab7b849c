/** What was learned here and what the team shares, as one list. */
import { conditionKey } from './conditions';
import { merge, type LearnedDocument } from './learnedDocument';
import type { LearnedRecord } from './learnedRecord';

export interface LearnedEntry {
  /** Names it; stays the same when a later start under the same conditions replaces it. */
  readonly key: string;
  readonly record: LearnedRecord;
  /** `here`: from a start on this machine. `team`: from the workspace's shared file. */
  readonly source: 'here' | 'team';
}

/** Newest per condition, oldest first; what was forgotten here is left out, whoever brought it. */
export function learnedEntries(own: LearnedDocument, team: LearnedDocument): LearnedEntry[] {
  const ownRecords = new Map(own.records.map((one) => [conditionKey(one), JSON.stringify(one)]));
  return merge(own, team).records.map((record) => {
    const key = conditionKey(record);
    const isOwn = ownRecords.get(key) === JSON.stringify(record);
    return { key, record, source: isOwn ? 'here' : 'team' };
  });
}
