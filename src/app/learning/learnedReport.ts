/** What was learned, as views show it: a row per entry, and all of it as a text to read. */
import type { LearnedEntry } from '../../learning/learnedEntries';
import { learnedWords, type LearnedWords } from '../../learning/words';
import type { LearnedState } from '../state';

export interface LearnedRow extends LearnedWords {
  readonly key: string;
  /** Where it comes from, and when. */
  readonly source: string;
  /** Lies in the workspace's file too, and is taken out of it when it is forgotten. */
  readonly isShared: boolean;
  readonly isGood: boolean;
}

/** Newest first. */
export function learnedRows({ entries }: LearnedState): LearnedRow[] {
  return entries.map(rowOf).reverse();
}

function rowOf({ key, record, source }: LearnedEntry): LearnedRow {
  const when = new Date(record.atMs).toLocaleString();
  return {
    key,
    ...learnedWords(record),
    source: source === 'here' ? `start of ${when}` : `shared by the team, start of ${when}`,
    isShared: source === 'team',
    isGood: record.outcome.result === 'ready',
  };
}

export function learnedReport(rows: readonly LearnedRow[], problems: readonly string[]): string {
  const lines = ['# What was learned', ''];
  for (const problem of problems) lines.push(`**${problem}**`, '');
  if (rows.length === 0) lines.push('Nothing yet.', '');
  for (const { title, conditions, seen, source, effect } of rows)
    lines.push(
      `## ${title}`,
      '',
      `- Conditions: ${conditions}`,
      `- Seen: ${seen}`,
      `- Source: ${source}`,
      `- Effect: ${effect}`,
      '',
    );
  return lines.join('\n');
}
