/**
 * What is stored, and how two copies become one. Merging is the same in any order and however often, so windows need no
 * lock: each puts in what it knows and takes what the others knew.
 */
import * as z from 'zod/mini';
import { parseJson } from '../shared/json';
import { fail, ok, type Result } from '../shared/failure';
import { conditionKey } from './conditions';
import { learnedRecordSchema, type LearnedRecord } from './learnedRecord';

const LEARNED_VERSION = 1;
/** About 0.8 KB each. */
export const MAX_RECORDS = 400;
export const MAX_CHARACTERS = 400_000;
const MAX_FORGOTTEN = 200;

const forgottenSchema = z.object({
  /** Condition key; null: everything. */
  key: z.nullable(z.string()),
  /** What was learned up to here is forgotten; what comes later counts again. */
  atMs: z.number(),
});

const documentSchema = z.object({
  version: z.literal(LEARNED_VERSION),
  records: z.array(z.unknown()),
  forgotten: z._default(z.array(forgottenSchema), []),
});

export type Forgotten = z.infer<typeof forgottenSchema>;

export interface LearnedDocument {
  /** One per condition, oldest first. */
  readonly records: readonly LearnedRecord[];
  /** Kept, so that a window that has not heard of it does not bring back what was forgotten. */
  readonly forgotten: readonly Forgotten[];
}

export const emptyDocument: LearnedDocument = { records: [], forgotten: [] };

export interface ReadDocument {
  readonly document: LearnedDocument;
  /** Records that could not be read and are left out. */
  readonly leftOut: number;
}

/** Never throws. Fails with `notSupported` for the version of another program, with `invalid` for anything else. */
export function readDocument(text: string): Result<ReadDocument> {
  const json = parseJson(text);
  if (json === undefined) return fail('invalid', 'it is not JSON');
  const version = z.safeParse(z.object({ version: z.number() }), json);
  if (version.success && version.data.version !== LEARNED_VERSION)
    return fail('notSupported', `it has version ${String(version.data.version)}`);
  const parsed = z.safeParse(documentSchema, json);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.map(String).join('.') ?? '';
    return fail('invalid', `${path === '' ? 'the document' : path} is missing or wrong`);
  }
  const records = parsed.data.records
    .map((record) => z.safeParse(learnedRecordSchema, record))
    .flatMap((record) => (record.success ? [record.data] : []));
  const document = merge({ records, forgotten: parsed.data.forgotten });
  return ok({ document, leftOut: parsed.data.records.length - records.length });
}

/** A record a line, so that a shared file shows in a diff what changed. */
export function writeDocument({ records, forgotten }: LearnedDocument): string {
  const lines = (entries: readonly unknown[]) =>
    entries.length === 0 ? '[]' : `[\n${entries.map((one) => JSON.stringify(one)).join(',\n')}\n]`;
  return `{"version":${String(LEARNED_VERSION)},\n"records":${lines(records)},\n"forgotten":${lines(forgotten)}}\n`;
}

interface Candidate {
  readonly record: LearnedRecord;
  readonly text: string;
}

/** Newest per condition, less what was forgotten since, cut to what is kept. */
export function merge(...documents: readonly LearnedDocument[]): LearnedDocument {
  const forgotten = mergeForgotten(documents.flatMap((one) => one.forgotten));
  const forgottenAt = new Map(forgotten.map(({ key, atMs }) => [key, atMs]));
  const all = forgottenAt.get(null) ?? -1;
  const newest = new Map<string, Candidate>();
  for (const record of documents.flatMap((one) => one.records)) {
    const key = conditionKey(record);
    if (record.atMs <= Math.max(all, forgottenAt.get(key) ?? -1)) continue;
    const text = JSON.stringify(record);
    const known = newest.get(key);
    if (!known || isNewer({ record, text }, known)) newest.set(key, { record, text });
  }
  const sorted = [...newest.values()].sort((a, b) => (isNewer(a, b) ? -1 : 1));
  let characters = 0;
  const kept = sorted.filter(({ text }, at) => {
    characters += text.length;
    return at < MAX_RECORDS && characters <= MAX_CHARACTERS;
  });
  return { records: kept.map(({ record }) => record).reverse(), forgotten };
}

/** At the same moment the text decides, so that every window decides alike. */
function isNewer(a: Candidate, b: Candidate): boolean {
  return a.record.atMs === b.record.atMs ? a.text > b.text : a.record.atMs > b.record.atMs;
}

function mergeForgotten(all: readonly Forgotten[]): Forgotten[] {
  const latest = new Map<string | null, number>();
  for (const { key, atMs } of all) latest.set(key, Math.max(atMs, latest.get(key) ?? -1));
  const everything = latest.get(null) ?? -1;
  return [...latest]
    .map(([key, atMs]) => ({ key, atMs }))
    .filter(({ key, atMs }) => key === null || atMs > everything)
    .sort((a, b) => b.atMs - a.atMs || String(a.key).localeCompare(String(b.key)))
    .slice(0, MAX_FORGOTTEN);
}
