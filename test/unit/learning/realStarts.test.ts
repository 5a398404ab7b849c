/** Outcomes of real logs, kept as a window would keep them. */
import assert from 'node:assert/strict';
import * as z from 'zod/mini';
import { diagnoseText } from '../../../src/engines/diagnose';
import { lessonKind } from '../../../src/learning/causes';
import { merge, readDocument, writeDocument } from '../../../src/learning/learnedDocument';
import { learnedRecordSchema, outcomeSchema } from '../../../src/learning/learnedRecord';
import { lessonOf } from '../../../src/learning/lesson';
import { learnedWords } from '../../../src/learning/words';
import { conditionsWith, recordWith } from '../../support/learnedRecords';
import { describeWithData, readDataJson, readDataText } from '../../support/sharedData';

interface LabelledLog {
  readonly file: string;
  readonly label?: string;
}

const CORPORA = ['log-corpus', 'vllm-cpu-runs', 'ollama-cpu-runs'];

describeWithData('learning: real starts', () => {
  it('keeps what diagnose prints of a start that teaches something, and says it in plain words', () => {
    let logs = 0;
    const lessons = { kept: 0, memory: 0 };
    for (const corpus of CORPORA) {
      const index = z.safeParse(z.array(z.unknown()), readDataJson(corpus, 'index.json'));
      assert.ok(index.success, corpus);
      for (const { file } of index.data as LabelledLog[]) {
        if (!file.endsWith('.log')) continue;
        logs += 1;
        const { outcome, ...diagnosis } = diagnoseText(readDataText(corpus, file), 'auto');
        const record = lessonOf(
          {
            engine: outcome.engine,
            engineVersion: outcome.engineVersion,
            conditions: conditionsWith({ options: outcome.options }),
            facts: diagnosis.facts,
            isDegraded: outcome.result === 'degraded',
            isDisturbed: false,
            diagnosis: outcome.result === 'failed' ? diagnosis : null,
            simulated: false,
          },
          logs,
        );
        const isLesson = outcome.result !== 'failed' || lessonKind(outcome.causeId ?? '') !== null;
        assert.equal(record !== null, isLesson, file);
        if (!record) continue;
        assert.deepEqual(z.parse(outcomeSchema, outcome), outcome, file);
        lessons.kept += 1;
        if (record.outcome.causeId !== null && lessonKind(record.outcome.causeId) === 'memory')
          lessons.memory += 1;
        const stored = readDocument(writeDocument(merge({ records: [record], forgotten: [] })));
        assert.ok(stored.ok && stored.value.leftOut === 0, file);
        assert.deepEqual(stored.value.document.records, [record], file);
        const words = Object.values(learnedWords(record)).join('\n');
        assert.doesNotMatch(words, /null|undefined|NaN|unknown|\[object/, `${file}: ${words}`);
      }
    }
    console.log(`      ${logs} logs, ${lessons.kept} kept, ${lessons.memory} for lack of memory`);
    assert.ok(logs >= 51 && lessons.memory >= 10);
  });
});

describe('learning: the form of a record', () => {
  it('refuses settings and figures that no start can have', () => {
    const bad = [
      recordWith({ atMs: -1 }),
      recordWith({ outcome: { options: { maxModelLen: 0 } } }),
      { ...recordWith(), gpuTotalBytes: -5 },
      { ...recordWith(), outcome: { ...recordWith().outcome, result: 'great' } },
      { ...recordWith(), outcome: { ...recordWith().outcome, options: { noSuchOption: 1 } } },
    ];
    for (const record of bad)
      assert.equal(z.safeParse(learnedRecordSchema, record).success, false, JSON.stringify(record));
    assert.ok(z.safeParse(learnedRecordSchema, recordWith()).success);
  });
});
