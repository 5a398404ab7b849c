import assert from 'node:assert/strict';
import { noFacts } from '../../../src/engines/startFacts';
import { conditionKey } from '../../../src/learning/conditions';
import {
  emptyDocument,
  MAX_CHARACTERS,
  MAX_RECORDS,
  merge,
  readDocument,
  writeDocument,
  type LearnedDocument,
} from '../../../src/learning/learnedDocument';
import type { LearnedRecord } from '../../../src/learning/learnedRecord';
import { recordWith } from '../../support/learnedRecords';
import { seededRandom } from '../../support/seededRandom';

const documentOf = (...records: LearnedRecord[]): LearnedDocument => ({ records, forgotten: [] });
const read = (text: string): LearnedDocument => {
  const result = readDocument(text);
  assert.ok(result.ok, result.ok ? '' : result.failure.detail);
  return result.value.document;
};

describe('what was learned: the document', () => {
  it('comes back as it was written', () => {
    const records = [
      recordWith({ atMs: 1 }),
      recordWith({ atMs: 2, outcome: { model: 'other/model' }, otherFlags: ['async-scheduling'] }),
    ];
    const document = merge(documentOf(...records), {
      records: [],
      forgotten: [{ key: 'some key', atMs: 5 }],
    });
    assert.deepEqual(read(writeDocument(document)), document);
    assert.deepEqual(document.records, records);
    assert.deepEqual(read(writeDocument(emptyDocument)), emptyDocument);
  });

  it('never throws on a file cut at any byte, and takes none of it for whole', () => {
    const text = writeDocument(documentOf(recordWith(), recordWith({ outcome: { model: 'b' } })));
    // the last byte is a line feed
    for (let length = 0; length < text.length - 1; length += 1)
      assert.equal(readDocument(text.slice(0, length)).ok, false, `cut at ${length}`);
    assert.ok(readDocument(text).ok);
  });

  it('reads records of before a field was added, and leaves out what it cannot read', () => {
    const { outcome, atMs } = recordWith();
    const parsed = readDocument(
      JSON.stringify({ version: 1, records: [{ outcome, atMs }, { outcome: 7 }, null] }),
    );
    assert.ok(parsed.ok);
    assert.equal(parsed.value.leftOut, 2);
    assert.deepEqual(parsed.value.document.records, [recordWith({ gpuTotalBytes: null })]);
  });

  it('tells another version from a broken file', () => {
    const failures: readonly [string, string][] = [
      ['{"version":2,"records":[]}', 'notSupported'],
      ['{"version":"1","records":[]}', 'invalid'],
      ['{"version":1}', 'invalid'],
      ['[]', 'invalid'],
      ['null', 'invalid'],
      ['', 'invalid'],
      ['{"version":1,"records":[],"forgotten":[{"key":1}]}', 'invalid'],
    ];
    for (const [text, reason] of failures) {
      const result = readDocument(text);
      assert.ok(!result.ok && result.failure.reason === reason, text);
    }
  });

  it('keeps the newest of each condition, and a failure beside a success', () => {
    const old = recordWith({ atMs: 1, outcome: { facts: { ...noFacts, weightsBytes: 1 } } });
    const now = recordWith({ atMs: 2 });
    const failed = recordWith({ atMs: 3, outcome: { result: 'failed', causeId: 'oom_runtime' } });
    const merged = merge(documentOf(now, failed), documentOf(old));
    assert.deepEqual(merged.records, [now, failed]);
  });

  it('forgets up to a moment, one or all, and learns again after it', () => {
    const a = recordWith({ atMs: 10 });
    const b = recordWith({ atMs: 20, outcome: { model: 'b' } });
    const all = documentOf(a, b);
    const without = (key: string | null, atMs: number) =>
      merge(all, { records: [], forgotten: [{ key, atMs }] }).records;
    assert.deepEqual(without(conditionKey(a), 10), [b]);
    assert.deepEqual(without(conditionKey(a), 9), [a, b]);
    assert.deepEqual(without(null, 20), []);
    const again = recordWith({ atMs: 30 });
    const after = merge(all, { records: [], forgotten: [{ key: null, atMs: 20 }] });
    assert.deepEqual(merge(after, documentOf(again), all).records, [again]);
  });

  it('merges alike in any order and however often: 100 draws of three windows', () => {
    const draw = seededRandom(7);
    const pick = <T>(all: readonly T[]): T => all[Math.floor(draw() * all.length)]!;
    const names = ['a', 'b', 'c', 'd'];
    const one = () =>
      recordWith({
        atMs: Math.floor(draw() * 20),
        outcome: {
          model: pick(names),
          result: pick(['ready', 'failed']),
          facts: { ...noFacts, weightsBytes: pick([null, 1, 2, 3]) },
        },
      });
    const window = (): LearnedDocument => {
      const records = Array.from({ length: Math.floor(draw() * 8) }, one);
      const key = pick([null, ...records.map(conditionKey)]);
      const forgotten = draw() < 0.4 ? [{ key, atMs: Math.floor(draw() * 20) }] : [];
      return { records, forgotten };
    };
    for (let round = 0; round < 100; round += 1) {
      const [a, b, c] = [window(), window(), window()];
      const merged = merge(a, b, c);
      assert.deepEqual(merge(c, a, b), merged);
      assert.deepEqual(merge(merge(a, b), c), merged);
      assert.deepEqual(merge(a, merge(b, c)), merged);
      assert.deepEqual(merge(merged, merged, b), merged);
      assert.deepEqual(read(writeDocument(merged)), merged);
    }
  });

  it('stays bounded over 10,000 starts, the newest kept', () => {
    let document = emptyDocument;
    for (let start = 0; start < 10_000; start += 500) {
      const records = Array.from({ length: 500 }, (_, at) =>
        recordWith({ atMs: start + at, outcome: { model: `org/model-${start + at}` } }),
      );
      document = merge(document, documentOf(...records));
    }
    const text = writeDocument(document);
    assert.ok(document.records.length <= MAX_RECORDS);
    assert.ok(document.records.length > 100);
    assert.ok(text.length < MAX_CHARACTERS * 1.01, `${text.length} characters`);
    assert.equal(document.records.at(-1)?.outcome.model, 'org/model-9999');
    assert.equal(document.records[0]?.atMs, 10_000 - document.records.length);
  });

  it('counts long records by their length', () => {
    const records = Array.from({ length: 300 }, (_, at) =>
      recordWith({ atMs: at, outcome: { model: `${at}${'x'.repeat(5_000)}` } }),
    );
    assert.ok(writeDocument(merge(documentOf(...records))).length < MAX_CHARACTERS * 1.01);
  });
});
