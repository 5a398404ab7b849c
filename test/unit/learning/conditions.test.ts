import assert from 'node:assert/strict';
import { outcomesFor, type PlannedStart } from '../../../src/learning/appliesTo';
import { conditionKey, minorVersion } from '../../../src/learning/conditions';
import { launchConditions, otherFlags } from '../../../src/learning/launchConditions';
import { modelIdentity, nameWithoutPath } from '../../../src/learning/modelIdentity';
import { vllmCommand } from '../../../src/engines/vllm/command';
import { plan } from '../../../src/planner/plan';
import type { PlanOptions, PlanRequest } from '../../../src/shared/planRequest';
import { llama8b } from '../../fixtures/planner/configs';
import { outcomeWith, recordWith } from '../../support/learnedRecords';

const GIB = 2 ** 30;

describe('learning: which model', () => {
  it('keeps names, and of paths the last part alone', () => {
    const names: readonly [string, string][] = [
      ['Qwen/Qwen3-4B', 'Qwen/Qwen3-4B'],
      ['llama3.2:3b', 'llama3.2:3b'],
      ['hf.co/bartowski/Qwen3-4B-GGUF:Q4_K_M', 'hf.co/bartowski/Qwen3-4B-GGUF:Q4_K_M'],
      ['/home/me/models/Qwen3-4B/', 'Qwen3-4B'],
      ['~/models/Qwen3-4B', 'Qwen3-4B'],
      ['./out/checkpoint-100', 'checkpoint-100'],
      ['data/me/llama', 'llama'],
      ['C:\\Users\\me\\llama.gguf', 'llama.gguf'],
      ['s3://bucket/key/llama', 'llama'],
    ];
    for (const [given, kept] of names) assert.equal(nameWithoutPath(given), kept);
  });

  it('tells two folders of one name apart, and one folder from itself never', () => {
    const at = (path: string, config: Record<string, unknown>) =>
      modelIdentity(path, { name: 'llama', path, config });
    const [here, moved, other] = [
      at('/a/llama', { hidden_size: 8 }),
      at('/b/llama', { hidden_size: 8 }),
      at('/a/llama', { hidden_size: 16 }),
    ];
    assert.deepEqual(here, moved);
    assert.notDeepEqual(here, other);
    assert.doesNotMatch(JSON.stringify(here), /\/a\//);
  });
});

describe('learning: which start', () => {
  const key = (given: Parameters<typeof recordWith>[0]) => conditionKey(recordWith(given));
  const options = (given: PlanOptions) => key({ outcome: { options: given } });

  it('is one where only what has no effect differs', () => {
    const same = options({ maxModelLen: 8192, gpuMemoryUtilization: 0.7 });
    assert.equal(options({ gpuMemoryUtilization: 0.7, maxModelLen: 8192 }), same);
    assert.equal(
      options({
        gpuMemoryUtilization: 0.7,
        maxModelLen: 8192,
        dtype: 'auto',
        enforceEager: false,
        quantization: null,
        tensorParallelSize: 1,
      }),
      same,
    );
    assert.equal(key({ outcome: { engineVersion: '0.19.0' } }), key({}));
    assert.equal(key({ gpuTotalBytes: 24 * GIB - 40 * 2 ** 20 }), key({}));
    assert.equal(key({ atMs: 7 }), key({}));
  });

  it('is another with any other condition', () => {
    const keys = [
      key({}),
      key({ outcome: { engine: 'ollama' } }),
      key({ outcome: { engineVersion: '0.20.0' } }),
      key({ outcome: { engineVersion: null } }),
      key({ outcome: { model: 'other' } }),
      key({ outcome: { gpuName: 'NVIDIA GeForce RTX 3090' } }),
      key({ outcome: { result: 'failed' } }),
      key({ gpuTotalBytes: 16 * GIB }),
      key({ fingerprint: 'config:1' }),
      key({ otherFlags: ['async-scheduling'] }),
      key({ simulated: true }),
      options({ gpuMemoryUtilization: 0.7, maxModelLen: 4096 }),
      options({ gpuMemoryUtilization: 0.7, maxModelLen: 8192, enforceEager: true }),
      options({ gpuMemoryUtilization: 0.7, maxModelLen: 8192, tensorParallelSize: 2 }),
    ];
    assert.equal(new Set(keys).size, keys.length);
  });

  it('takes the minor version of what engines call themselves', () => {
    assert.deepEqual(
      ['0.19.1+cu128', 'v0.9.0.1', '0.32.0rc2', 'simulated', null].map(minorVersion),
      ['0.19', '0.9', '0.32', 'simulated', null],
    );
  });
});

describe('learning: conditions of a launch', () => {
  const request: PlanRequest = {
    engine: 'vllm',
    engineVersion: '0.19.1',
    model: { name: 'llama', path: '/home/me/secret/llama', config: llama8b },
    gpus: [
      {
        name: 'NVIDIA GeForce RTX 4090',
        totalBytes: 24 * GIB,
        freeBytes: 23 * GIB,
        memory: 'dedicated',
      },
    ],
    options: { gpuMemoryUtilization: 0, maxModelLen: 4096, quantization: null },
  };

  function conditions(extraArguments: readonly string[]) {
    const planned = plan(request);
    const command = vllmCommand(request, planned, {
      file: '/opt/vllm',
      host: '127.0.0.1',
      port: 8000,
      servedModelName: null,
      extraArguments,
      environment: { HF_TOKEN: 'hf_abcdefgh12345' },
    });
    return launchConditions({
      engine: 'vllm',
      model: '/home/me/secret/llama',
      facts: request.model,
      options: request.options,
      extraArguments,
      answer: { ...planned, command },
      gpuName: 'NVIDIA GeForce RTX 4090',
    });
  }

  it('holds what takes effect: the chosen share, and settings among the extra arguments', () => {
    const {
      options,
      otherFlags: flags,
      gpu,
      prediction,
    } = conditions(['--max-num-seqs', '8', '--async-scheduling']);
    assert.equal(options.maxNumSeqs, 8);
    assert.equal(options.maxModelLen, 4096);
    assert.ok((options.gpuMemoryUtilization ?? 0) > 0.1);
    assert.ok(!('quantization' in options));
    assert.deepEqual(flags, ['async-scheduling']);
    assert.deepEqual(gpu, {
      name: 'NVIDIA GeForce RTX 4090',
      totalBytes: 24 * GIB,
      freeBytes: 23 * GIB,
    });
    assert.ok((prediction?.weightsBytes ?? 0) > 10 * GIB);
    assert.ok((prediction?.kvCacheBytes ?? 0) > 0);
  });

  it('holds no path, key, prompt or environment', () => {
    const kept = JSON.stringify(
      conditions([
        '--api-key',
        'sk-abcdefgh12345',
        '--chat-template=/home/me/secret/template.jinja',
        '--override-generation-config',
        '{"system_prompt":"a prompt"}',
        '--speculative-config',
        '{"model":"/home/me/secret/draft"}',
        '--download-dir',
        '/home/me/secret',
      ]),
    );
    assert.doesNotMatch(kept, /secret|sk-|hf_|prompt"|home|jinja|opt\/vllm/);
    assert.match(kept, /override-generation-config/);
  });

  it('names the flags that may matter, each once, short forms and values aside', () => {
    assert.deepEqual(
      otherFlags([
        '-tp',
        '2',
        '--host=0.0.0.0',
        '--no-async-scheduling',
        '--mm_kwargs',
        '{"a":-1}',
      ]),
      ['mm-kwargs', 'no-async-scheduling'],
    );
    assert.deepEqual(
      otherFlags(['--max-model-len', '-1', '--block-size=16', '--api-key', 'x']),
      [],
    );
  });
});

describe('learning: what a plan gets', () => {
  const start: PlannedStart = {
    engine: 'vllm',
    model: { name: 'Qwen/Qwen3-4B', fingerprint: null },
    requestName: 'Qwen/Qwen3-4B',
    card: { name: 'NVIDIA GeForce RTX 4090', totalBytes: 24 * GIB },
    otherFlags: [],
    simulated: false,
  };
  const count = (record: Parameters<typeof recordWith>[0], given: Partial<PlannedStart> = {}) =>
    outcomesFor([recordWith(record)], { ...start, ...given }).length;

  it('is of this engine, model and card alone', () => {
    assert.equal(count({}), 1);
    assert.equal(count({}, { engine: 'ollama' }), 0);
    assert.equal(count({}, { model: { name: 'other', fingerprint: null } }), 0);
    assert.equal(count({}, { card: null }), 0);
    assert.equal(count({}, { card: { name: 'NVIDIA GeForce RTX 3090', totalBytes: 24 * GIB } }), 0);
    assert.equal(count({}, { card: { name: 'NVIDIA GeForce RTX 4090', totalBytes: 16 * GIB } }), 0);
    assert.equal(count({}, { card: { name: null, totalBytes: 24.1 * GIB } }), 1);
    assert.equal(count({ fingerprint: 'a' }, { model: { ...start.model, fingerprint: 'b' } }), 0);
    assert.equal(count({ fingerprint: 'a' }), 1);
    assert.equal(count({ otherFlags: ['async-scheduling'] }), 0);
    assert.equal(count({ simulated: true }), 0);
    assert.equal(count({ simulated: true }, { simulated: true }), 1);
  });

  it('comes under the name that the request uses, newest last', () => {
    const records = [
      recordWith({ atMs: 1 }),
      recordWith({ atMs: 2, outcome: { result: 'failed' } }),
    ];
    const given = outcomesFor(records, { ...start, requestName: '/models/qwen' });
    assert.deepEqual(
      given.map(({ model, result }) => [model, result]),
      [
        ['/models/qwen', 'ready'],
        ['/models/qwen', 'failed'],
      ],
    );
    assert.deepEqual(given[0], outcomeWith({ model: '/models/qwen' }));
  });

  it('has no failure that the same settings have overcome since', () => {
    const failed = (atMs: number) =>
      recordWith({ atMs, outcome: { result: 'failed', causeId: 'oom_weight_load' } });
    const results = (...records: Parameters<typeof outcomesFor>[0][number][]) =>
      outcomesFor(records, start).map(({ result }) => result);
    assert.deepEqual(results(failed(1), recordWith({ atMs: 2 })), ['ready']);
    assert.deepEqual(results(recordWith({ atMs: 1 }), failed(2)), ['ready', 'failed']);
    const elsewhere = recordWith({ atMs: 3, outcome: { options: { maxModelLen: 1024 } } });
    assert.deepEqual(results(failed(1), elsewhere), ['failed', 'ready']);
  });

  it('is bounded, the newest kept', () => {
    const many = Array.from({ length: 100 }, (_, at) =>
      recordWith({ atMs: at, outcome: { options: { maxModelLen: at + 1 } } }),
    );
    const given = outcomesFor(many, start);
    assert.ok(given.length < 50);
    assert.equal(given.at(-1)?.options.maxModelLen, 100);
  });
});
