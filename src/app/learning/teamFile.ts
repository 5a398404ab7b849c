/**
 * `.vscode/vram-calibration.json`: what was learned, shared by the people of one workspace. Read and written only where
 * the user turned it on and trusts the workspace; a file that can't be read is said and left as it is.
 */
import {
  emptyDocument,
  MAX_CHARACTERS,
  merge,
  readDocument,
  writeDocument,
  type LearnedDocument,
} from '../../learning/learnedDocument';
import { fail, ok, type Result } from '../../shared/failure';
import type { Files } from '../ports';

export const TEAM_FILE = 'vram-calibration.json';

export async function readTeamFile(files: Files, path: string): Promise<Result<LearnedDocument>> {
  if (!(await files.stat(path))) return ok(emptyDocument);
  const text = await files.readText(path, MAX_CHARACTERS * 8);
  if (!text.ok) return fail(text.failure.reason, `${TEAM_FILE} is ignored: ${text.failure.detail}`);
  const parsed = readDocument(text.value);
  if (!parsed.ok) return fail('invalid', `${TEAM_FILE} is ignored: ${parsed.failure.detail}.`);
  // what others forgot is theirs to forget
  return ok({ records: parsed.value.document.records, forgotten: [] });
}

/** Merges `change` into what the file holds now: a pull may have brought more. Its tombstones act, but are not kept. */
export async function changeTeamFile(
  files: Files,
  path: string,
  change: LearnedDocument,
): Promise<Result<LearnedDocument>> {
  const current = await readTeamFile(files, path);
  if (!current.ok) return current;
  const merged: LearnedDocument = {
    records: merge(current.value, change).records.filter((record) => !record.simulated),
    forgotten: [],
  };
  const text = writeDocument(merged);
  if (text === writeDocument(current.value)) return ok(merged);
  const written = await files.writeAtomic(path, text);
  return written.ok ? ok(merged) : fail(written.failure.reason, written.failure.detail);
}
