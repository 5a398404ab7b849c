import assert from 'node:assert/strict';
import { noFacts } from '../../../src/engines/startFacts';
import { causeTitle, lessonKind } from '../../../src/learning/causes';
import { ollamaCauses } from '../../../src/engines/ollama/causes';
import { vllmCauses } from '../../../src/engines/vllm/causes';
import { lessonOf, type SeenStart } from '../../../src/learning/lesson';
import { needsMoreThan } from '../../../src/learning/memoryNeeds';
import { learnedWords } from '../../../src/learning/words';
import { conditionsWith, recordWith } from '../../support/learnedRecords';

const GIB = 2 ** 30;

describe('learning: from a start to a lesson', () => {
  const start: SeenStart = {
    engine: 'vllm',
    engineVersion: '0.19.1',
    conditions: conditionsWith(),
    facts: { ...noFacts, kvCacheBytes: 9 * GIB },
    isDegraded: false,
    isDisturbed: false,
    diagnosis: null,
    simulated: false,
  };
  const failed = (id: string, result: 'failed' | 'stopped' = 'failed') =>
    lessonOf(
      {
        ...start,
        diagnosis: { result, cause: { id, title: '', evidence: [] }, facts: noFacts },
      },
      5,
    );

  it('keeps a start that came up, with the memory free before it', () => {
    const record = lessonOf(start, 5);
    assert.equal(record?.outcome.result, 'ready');
    assert.equal(record.outcome.model, 'org/m');
    assert.equal(record.outcome.facts.kvCacheBytes, 9 * GIB);
    assert.equal(record.outcome.facts.freeBytesAtStart, 23 * GIB);
    assert.equal(record.atMs, 5);
    const printed = { ...start, facts: { ...noFacts, freeBytesAtStart: 21 * GIB } };
    assert.equal(lessonOf(printed, 5)?.outcome.facts.freeBytesAtStart, 21 * GIB);
  });

  it('keeps failures for lack of memory or for their settings, and no others', () => {
    assert.equal(failed('oom_weight_load')?.outcome.result, 'failed');
    assert.equal(failed('tp_not_divisible')?.outcome.causeId, 'tp_not_divisible');
    for (const id of ['port_in_use', 'hub_offline', 'not_started', 'unknown', 'server_killed'])
      assert.equal(failed(id), null, id);
    assert.equal(failed('oom_weight_load', 'stopped'), null);
    assert.equal(lessonOf({ ...start, conditions: conditionsWith({ gpu: null }) }, 5), null);
  });

  it('takes from a disturbed start only what the card did not tell', () => {
    const told = { ...noFacts, weightsBytes: 7 * GIB, kvCacheBytes: 9 * GIB, nonTorchBytes: GIB };
    const disturbed = { ...start, facts: told, isDisturbed: true };
    const facts = lessonOf(disturbed, 5)?.outcome.facts;
    assert.deepEqual(
      [facts?.weightsBytes, facts?.kvCacheBytes, facts?.nonTorchBytes],
      [7 * GIB, null, null],
    );
    const cause = (id: string) => ({ id, title: '', evidence: [] });
    const end = (id: string) =>
      lessonOf({ ...disturbed, diagnosis: { result: 'failed', cause: cause(id), facts: told } }, 5);
    assert.equal(end('oom_weight_load'), null);
    assert.ok(end('tp_not_divisible'));
  });

  it('calls a load that ran on the CPU worse than asked', () => {
    assert.equal(lessonOf({ ...start, isDegraded: true }, 5)?.outcome.result, 'degraded');
  });

  it('knows every cause that it classes from the tables of the engines', () => {
    const ids = new Set([...vllmCauses, ...ollamaCauses].map(({ cause }) => cause));
    const memory = [...ids].filter((id) => lessonKind(id) === 'memory');
    const settings = [...ids].filter((id) => lessonKind(id) === 'settings');
    assert.ok(memory.length >= 14, memory.join());
    assert.ok(settings.length >= 14, settings.join());
    assert.deepEqual(
      [...ids].filter((id) => id.includes('oom') && lessonKind(id) !== 'memory'),
      [],
    );
    assert.notEqual(causeTitle('vllm', 'kv_cache_too_small'), 'kv cache too small');
    assert.equal(causeTitle('vllm', 'no_such_cause'), 'no such cause');
  });
});

describe('learning: words', () => {
  it('says what was measured against what was planned', () => {
    const prediction = {
      verdict: 'fits' as const,
      basis: 'headers',
      budgetBytes: 16.8 * GIB,
      weightsBytes: 7.5 * GIB,
      nonTorchBytes: null,
      activationBytes: null,
      graphBytes: null,
      kvCacheBytes: 9.6 * GIB,
      kvCacheTokens: 70_000,
    };
    const words = learnedWords(recordWith({ prediction, otherFlags: ['async-scheduling'] }));
    assert.equal(words.title, 'Qwen/Qwen3-4B on NVIDIA GeForce RTX 4090');
    assert.equal(
      words.conditions,
      'vLLM 0.19 · utilization 70 % · context 8,192 · --async-scheduling',
    );
    assert.match(
      words.seen,
      /^KV pool measured 9\.80 GiB, planned 9\.60 GiB; weights measured 7\.60/,
    );
    assert.match(words.seen, /activations measured 0\.50 GiB;/);
    assert.match(words.seen, /needs exactly 8\.35 GiB beside the KV pool$/);
    assert.match(words.effect, /measured figures/);
  });

  it('says that a failure is one-sided, and by how much', () => {
    const failure = (given: Parameters<typeof recordWith>[0]) =>
      recordWith({ ...given, outcome: { result: 'failed', ...given?.outcome } });
    const small = failure({ outcome: { causeId: 'kv_cache_too_small' } });
    // 0.70 of 24 GiB is less than the 22 GiB that were free
    assert.equal(needsMoreThan(small), 0.7 * 24 * GIB);
    assert.match(learnedWords(small).seen, /^Failed: .+; it needs more than 16\.8 GiB$/);
    assert.match(learnedWords(small).effect, /not proposed again/);
    const large = { gpuMemoryUtilization: 0.95 };
    const oom = failure({ outcome: { causeId: 'oom_weight_load', options: large } });
    assert.equal(needsMoreThan(oom), 22 * GIB);
    const check = failure({ outcome: { causeId: 'free_memory_check', options: large } });
    assert.equal(needsMoreThan(check), 22 * GIB);
    const settings = failure({ outcome: { causeId: 'tp_not_divisible' } });
    assert.equal(needsMoreThan(settings), null);
    const blind = failure({
      gpuTotalBytes: null,
      outcome: { causeId: 'oom_weight_load', facts: noFacts },
    });
    assert.equal(needsMoreThan(blind), null);
    assert.doesNotMatch(learnedWords(blind).seen, /needs|unknown/);
  });

  it('invents nothing where the output told no sizes', () => {
    const words = learnedWords(
      recordWith({
        simulated: true,
        outcome: { engine: 'ollama', engineVersion: null, gpuName: null, facts: noFacts },
      }),
    );
    assert.equal(words.title, 'Qwen/Qwen3-4B on an unnamed GPU (simulated)');
    assert.match(words.conditions, /^Ollama · /);
    assert.doesNotMatch(`${words.seen} ${words.effect}`, /GiB|null|unknown/);
  });

  it('says a partial offload with what was free', () => {
    const { seen } = learnedWords(
      recordWith({ outcome: { engine: 'ollama', result: 'degraded', causeId: 'partial_offload' } }),
    );
    assert.match(seen, /partly on the CPU; it needs more than the 22\.0 GiB free then/);
  });
});
