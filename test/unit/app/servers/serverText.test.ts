import assert from 'node:assert/strict';
import {
  endpointOf,
  poolText,
  serverDetail,
  serverFacts,
} from '../../../../src/app/servers/serverText';
import type { LiveUse } from '../../../../src/app/servers/liveUse';
import { noFacts } from '../../../../src/engines/startFacts';
import { failedServer } from '../../../support/failedServer';
import { GIB, serverOf } from '../../../support/fakePorts';

const NOW = 1_800_000_060_000;

describe('servers in words', () => {
  it('says phase, stage, figures and time in one line', () => {
    const at = (change: object) =>
      serverDetail(serverOf({ startedAtMs: NOW, ...change }), NOW + 41_000);
    assert.equal(
      at({ stage: 'loading', progress: { done: 3, total: 8 } }),
      'loading weights 3/8 · 41s',
    );
    assert.equal(
      at({ phase: 'ready', readyAtMs: NOW, usedBytes: 8.1 * GIB }),
      'ready · :8000 · 8.1 GiB · 41s',
    );
    assert.match(at({ phase: 'ready', readyAtMs: NOW, warnings: ['slow'] }), /with a warning/);
    assert.equal(at({ phase: 'stopping' }), 'stopping');
    assert.equal(at({ phase: 'lost' }), 'lost sight of it');
    assert.equal(
      at({ phase: 'ended', endReason: 'stopped', stillHeld: 'still held: 1 GiB' }),
      'stopped · still held: 1 GiB',
    );
    assert.equal(serverDetail(failedServer, NOW), 'failed: not enough memory for the KV cache');
    assert.equal(
      serverDetail({ ...failedServer, endReason: 'crashed', diagnosis: null }, NOW),
      'crashed',
    );
  });

  it('tells facts that are known and no others', () => {
    assert.deepEqual(serverFacts(serverOf({ servedModelName: '' })), []);
    const facts = { ...noFacts, weightsBytes: 2 * GIB, kvCacheTokens: 131072 };
    const lines = serverFacts(serverOf({ facts, phase: 'ready' }));
    assert.deepEqual(lines, [
      'Weights: 2.0 GiB',
      'KV cache tokens: 131,072',
      'Endpoint: http://127.0.0.1:8000',
      'Model name: org/m',
    ]);
    assert.equal(endpointOf({ host: '127.0.0.1', port: 1 }), 'http://127.0.0.1:1');
  });

  it('says what a launch waits for', () => {
    const waiting = (...waitsFor: string[]) =>
      serverDetail(serverOf({ queued: { sinceMs: NOW, waitsFor } }), NOW);
    assert.equal(waiting('vLLM: a'), 'queued: waits for vLLM: a');
    assert.equal(waiting('vLLM: a', 'vLLM: b', 'c'), 'queued: waits for vLLM: a and 2 more');
    assert.equal(waiting(), 'queued');
  });

  it('says how far a download is: Ollama in bytes, all else in its own counts', () => {
    const at = { stage: 'downloading', progress: { done: 1.5 * GIB, total: 4 * GIB } } as const;
    const { wish } = serverOf();
    const ollama = serverOf({ ...at, wish: { ...wish, engine: 'ollama' } });
    assert.match(serverDetail(ollama, NOW), /^downloading 1\.5 GiB of 4\.0 GiB · /);
    const vllm = serverOf({ ...at, progress: { done: 1, total: 3 } });
    assert.match(serverDetail(vllm, NOW), /^downloading 1\/3 · /);
  });

  it('names what was adopted, and claims no cause for its end', () => {
    const adopted = serverOf({ origin: 'adopted', phase: 'ready', readyAtMs: NOW - 5_000 });
    assert.match(serverDetail(adopted, NOW), /^ready · adopted · :8000/);
    assert.ok(serverFacts(adopted).includes('Started: elsewhere, and adopted'));
    const ended = { ...adopted, phase: 'ended', endReason: 'stopped' } as const;
    assert.equal(serverDetail(ended, NOW), 'ended elsewhere');
    assert.equal(serverDetail({ ...ended, stopRequested: true }, NOW), 'stopped');
  });

  describe('of the KV pool', () => {
    const live: LiveUse = {
      runningRequests: 0,
      waitingRequests: 0,
      kvUse: 0.12,
      kvUsePeak: 0.31,
      poolBytes: 9.8 * GIB,
      giveBack: { bytes: 6.1 * GIB, flag: '--gpu-memory-utilization 0.62' },
    };
    const ready = serverOf({ phase: 'ready', readyAtMs: NOW - 5_000, live });

    it('says what is reserved, used and not needed', () => {
      assert.equal(
        poolText(ready),
        'pool 9.8 GiB, 12 % used (peak 31 %): 6.1 GiB could be given back with --gpu-memory-utilization 0.62',
      );
      assert.equal(serverDetail(ready, NOW), 'ready · :8000 · KV 12 % · 5s');
      const two = { ...ready, gpus: [0, 1], live: { ...live, runningRequests: 3, giveBack: null } };
      assert.equal(poolText(two), 'pool 9.8 GiB on each GPU, 12 % used (peak 31 %), 3 running');
    });

    it('says nothing that is not known', () => {
      const rough = { ...live, poolBytes: null, kvUsePeak: null, giveBack: null };
      assert.equal(poolText({ ...ready, live: rough }), 'KV pool, 12 % used');
      assert.equal(poolText({ ...ready, live: { ...live, kvUse: null } }), null);
      assert.equal(poolText({ ...ready, live: null }), null);
      assert.equal(poolText({ ...ready, phase: 'ended' }), null);
    });

    it('says that it sleeps instead', () => {
      const asleep = { ...ready, asleep: true };
      assert.equal(poolText(asleep), null);
      assert.equal(serverDetail(asleep, NOW), 'asleep · :8000 · 5s');
    });
  });
});

describe('what others did meanwhile', () => {
  const disturbances = [
    {
      pid: 7,
      command: 'python train.py',
      gpus: [0],
      grewBytes: 1.2 * GIB,
      shrankBytes: 0,
      stage: 'profiling' as const,
    },
  ];
  const sentence = 'PID 7 (python train.py) grew by 1.2 GiB while this was profiling memory';
  const rows = (failure: typeof failedServer.failure) =>
    serverFacts({ ...failedServer, servedModelName: '', disturbances, failure });

  it('is a fact of a start, and said once where it is to blame', () => {
    assert.deepEqual(rows(null), [`Meanwhile: ${sentence}`]);
    const culprits = [`${sentence}.`];
    const failure = { culprits, correction: null, reason: null, tried: [], isOwn: true };
    assert.deepEqual(rows(failure), []);
  });
});
