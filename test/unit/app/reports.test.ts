import assert from 'node:assert/strict';
import { detectEngines } from '../../../src/app/launching/engineDetection';
import type { ModelService } from '../../../src/app/models/modelService';
import { explainFailure, gpuReport } from '../../../src/app/reports';
import { endpointOf, serverDetail, serverFacts } from '../../../src/app/servers/serverText';
import { settingDefaults } from '../../../src/app/settings';
import { snapshotOf } from '../../../src/app/snapshot';
import { completeWish, defaultWish, emptyWish } from '../../../src/app/planning/wishes';
import { noFacts } from '../../../src/engines/startFacts';
import { fail, ok } from '../../../src/shared/failure';
import { snapshotSchema } from '../../../src/shared/protocol';
import * as z from 'zod/mini';
import {
  fakeContext,
  GIB,
  gpuOf,
  holderOf,
  plantVllm,
  printed,
  sampleOf,
  serverOf,
  type FakeContext,
} from '../../support/fakePorts';

const AT = 1_800_000_000_000;
const diagnosis = {
  engine: 'vllm' as const,
  engineVersion: '0.19.1',
  stage: 'kvCache' as const,
  result: 'failed' as const,
  cause: {
    id: 'kv_cache_too_small',
    title: 'not enough memory for the KV cache',
    evidence: [{ line: 12, text: 'ValueError: …' }],
  },
  remedy: { summary: 'Ask for less.', change: { maxModelLen: 4096 }, why: '4096 × 2 = 8192' },
  facts: noFacts,
};
const failed = serverOf({
  phase: 'ended',
  endReason: 'failed',
  diagnosis,
  exitCode: 1,
  stage: 'kvCache',
});

function watching(): FakeContext {
  const context = fakeContext();
  context.gpuNow = sampleOf({
    gpus: [gpuOf({ freeBytes: null }), gpuOf({ index: 1, totalBytes: null })],
  });
  void context.lookAtGpus();
  return context;
}

describe('server text', () => {
  it('says phase, stage, figures and time in one line', () => {
    const at = (change: object) =>
      serverDetail(serverOf({ startedAtMs: AT, ...change }), AT + 41_000);
    assert.equal(
      at({ stage: 'loading', progress: { done: 3, total: 8 } }),
      'loading weights 3/8 · 41s',
    );
    assert.equal(
      at({ phase: 'ready', readyAtMs: AT, usedBytes: 8.1 * GIB }),
      'ready · :8000 · 8.1 GiB · 41s',
    );
    assert.match(at({ phase: 'ready', readyAtMs: AT, warnings: ['slow'] }), /with a warning/);
    assert.equal(at({ phase: 'stopping' }), 'stopping');
    assert.equal(at({ phase: 'lost' }), 'lost sight of it');
    assert.equal(
      at({ phase: 'ended', endReason: 'stopped', stillHeld: 'still held: 1 GiB' }),
      'stopped · still held: 1 GiB',
    );
    assert.equal(serverDetail(failed, AT), 'failed: not enough memory for the KV cache');
    assert.equal(serverDetail({ ...failed, endReason: 'crashed', diagnosis: null }, AT), 'crashed');
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
  const rows = (failure: typeof failed.failure) =>
    serverFacts({ ...failed, servedModelName: '', disturbances, failure });

  it('is a fact of a start, and said once where it is to blame', () => {
    assert.deepEqual(rows(null), [`Meanwhile: ${sentence}`]);
    const culprits = [`${sentence}.`];
    const failure = { culprits, correction: null, reason: null, tried: [], isOwn: true };
    assert.deepEqual(rows(failure), []);
  });
});

describe('reports', () => {
  it('GPU: figures with their age, holders on their card, unknown as unknown', () => {
    const context = watching();
    const holders = [holderOf({ usedBytes: null, gpus: [0] })];
    context.store.dispatch({ type: 'holdersJudged', holders, usedByServer: new Map() });
    const text = gpuReport(context.store.state(), context.clock.now() + 7_000);
    assert.match(text, /7 s old/);
    assert.match(text, /used 1\.00 GiB of 24\.00 GiB, free unknown/);
    assert.match(text, /PID 100, unknown, stranger: not started from here/);
    assert.equal(text.match(/No process is listed/g)?.length, 1);
    assert.doesNotMatch(text, /Simulated/);
  });

  it('GPU: says why there is nothing, and what is made up', () => {
    const context = fakeContext();
    context.store.dispatch({ type: 'samplingFailed', text: 'driver lost', atMs: 1 });
    assert.match(gpuReport(context.store.state(), 1), /Not answering: driver lost/);
    context.store.dispatch({ type: 'noGpuTool' });
    assert.match(gpuReport(context.store.state(), 1), /No GPU tool/);
    const sample = sampleOf();
    context.store.dispatch({ type: 'sampled', sample, atMs: 1, simulated: true, warnPercent: 85 });
    assert.match(gpuReport(context.store.state(), 1), /Simulated GPU/);
  });

  it('failure: cause, evidence, what helps, and the exit code', () => {
    const text = explainFailure(failed, null, AT);
    assert.match(text, /## Cause: not enough memory for the KV cache/);
    assert.match(text, /line 12: ValueError/);
    assert.match(text, /Ask for less\.\n\n4096 × 2 = 8192\n/);
    assert.match(text, /Exit code 1/);
    const unknown = explainFailure({ ...failed, diagnosis: null, exitCode: null }, null, AT);
    assert.match(unknown, /No cause was found/);
    assert.doesNotMatch(unknown, /Exit code/);
  });

  it('failure: evidence with its neighbours, who else was at work, and the launch to try', () => {
    const tail = {
      firstLine: 10,
      lines: ['before', 'near', 'ValueError: …', 'after', 'far', 'off'],
    };
    const failure = {
      culprits: ['PID 7 (python train.py) grew by 1.2 GiB while this was profiling memory.'],
      correction: {
        wish: failed.wish,
        change: { maxModelLen: 4096 },
        diff: ['--max-model-len 8192 → 4096', '+ --enforce-eager', '− --kv-cache-dtype fp8'],
        why: '4096 × 2 = 8192',
        source: 'output' as const,
        verdict: 'fits' as const,
        plan: 'Fits: 16.80 GiB of 24.00 GiB',
      },
      reason: null,
      tried: ['maxModelLen 16384: Too little memory', 'maxModelLen 8192: Too little memory'],
      isOwn: true,
    };
    const text = explainFailure({ ...failed, failure }, tail, AT);
    assert.match(text, / {13}near\n {4}line 12: ValueError: …\n {13}after\n {13}far\n/);
    assert.doesNotMatch(text, /off\n/);
    assert.match(text, /## Who else was at work\n\n- PID 7/);
    const diff =
      /```diff\n! --max-model-len 8192 → 4096\n\+ --enforce-eager\n- --kv-cache-dtype fp8\n```/;
    assert.match(text, diff);
    assert.match(text, /4096 × 2 = 8192\n\nFits: 16\.80 GiB of 24\.00 GiB\.\n/);
    assert.match(text, /## What was tried here before\n\n- maxModelLen 16384/);
    assert.doesNotMatch(text, /What helps/);
    const none = { ...failure, correction: null, reason: '3 starts failed here in a row.' };
    assert.match(
      explainFailure({ ...failed, failure: none }, null, AT),
      /## No corrected launch\n\n3 starts/,
    );
  });
});

describe('snapshot', () => {
  it('is what the page accepts, with and without anything to show', () => {
    const around = { nowMs: AT + 500, trusted: true, port: 8001 };
    const parse = (context: FakeContext) =>
      z.parse(snapshotSchema, snapshotOf(context.store.state(), settingDefaults(), around));
    const empty = parse(fakeContext());
    assert.equal(empty.sampleAgeMs, null);
    assert.deepEqual(empty.gpus, []);

    const context = watching();
    const server = serverOf({ record: plantVllm(context.table), usedBytes: 3 });
    context.store.dispatch({ type: 'serverAdded', server });
    const holders = [1, 2].map((gib) => holderOf({ pid: gib, usedBytes: gib * GIB }));
    context.store.dispatch({ type: 'holdersJudged', holders, usedByServer: new Map() });
    const wish = { ...emptyWish(settingDefaults()), model: 'org/m' };
    context.store.dispatch({ type: 'wished', wish, from: 'host' });
    context.store.dispatch({
      type: 'modelRead',
      model: { id: 'org/m', facts: { name: 'org/m' }, longestContext: null, problem: 'gone' },
    });
    const full = parse(context);
    assert.equal(full.sampleAgeMs, 500);
    // a GPU of unknown size cannot be planned on; free memory is worked out where the tool does not print it
    assert.deepEqual(
      full.gpus.map(({ index, freeBytes, usedBytes }) => [index, freeBytes, usedBytes]),
      [[0, 23 * GIB, GIB]],
    );
    assert.deepEqual(
      full.holders.map(({ pid }) => pid),
      [2, 1],
    );
    assert.equal(full.model?.problem, 'gone');
    assert.equal(full.launch.port, 8001);
    assert.equal(full.servers[0]?.usedBytes, null);
    assert.equal(full.wishRevision, 1);
  });
});

describe('wishes', () => {
  const settings = { ...settingDefaults(), 'vllm.defaultUtilization': 0.6 };
  const models = (longestContext: number | null): ModelService => ({
    read: () =>
      Promise.resolve(
        longestContext === -1
          ? fail('unreadable', 'x')
          : ok({ facts: {}, basis: 'config', longestContext, notes: [] }),
      ),
    follow: () => () => undefined,
    readAgain: () => undefined,
  });

  it('hold an explicit utilization and a context that the model has', async () => {
    const contextOf = async (longest: number | null) =>
      (await defaultWish(models(longest), settings, 'vllm', 'm')).options;
    assert.deepEqual(await contextOf(131072), { gpuMemoryUtilization: 0.6, maxModelLen: 8192 });
    assert.deepEqual(await contextOf(2048), { gpuMemoryUtilization: 0.6, maxModelLen: 2048 });
    assert.equal((await contextOf(-1)).maxModelLen, 8192);
    const tag = await defaultWish(models(4096), settings, 'ollama', 'llama3');
    assert.deepEqual(tag.options, { numCtx: 4096 });
  });

  it('are completed only where nothing was said', () => {
    const complete = (options: object, engine: 'vllm' | 'ollama' = 'vllm') =>
      completeWish(settings, { ...emptyWish(settings), engine, options }).options;
    assert.deepEqual(complete({ maxModelLen: 5 }), { maxModelLen: 5, gpuMemoryUtilization: 0.6 });
    assert.equal(complete({ gpuMemoryUtilization: 0 }).gpuMemoryUtilization, 0);
    assert.equal(complete({ gpuMemoryUtilization: null }).gpuMemoryUtilization, 0.6);
    assert.deepEqual(complete({ kvCacheMemoryBytes: 9 }), { kvCacheMemoryBytes: 9 });
    assert.deepEqual(complete({}, 'ollama'), {});
  });
});

describe('detectEngines', () => {
  const enginesOf = async (context: FakeContext) => {
    await detectEngines(context);
    return context.store.state().engines;
  };

  it('reads the version of vLLM from its files, through the link of uv, without running it', async () => {
    const context = fakeContext();
    const venv = '/home/user/.local/share/uv/tools/vllm';
    context.files.put(`${venv}/bin/vllm`, `#!${venv}/bin/python\nimport sys\n`);
    context.files.link('/home/user/.local/bin/vllm', `${venv}/bin/vllm`);
    const metadata =
      'Metadata-Version: 2.4\nName: vllm\nVersion: 0.19.1\n\nVersion: 9 in the text\n';
    const packages = `${venv}/lib/python3.12/site-packages`;
    context.files.put(`${packages}/vllm-0.19.1.dist-info/METADATA`, metadata);
    context.files.put(`${packages}/vllm_extra-3.0.dist-info/METADATA`, 'Version: 3.0\n\n');
    context.exec.onPath.set('vllm', '/home/user/.local/bin/vllm');
    const { vllm, ollama } = await enginesOf(context);
    assert.deepEqual(vllm, { found: true, file: '/home/user/.local/bin/vllm', version: '0.19.1' });
    assert.deepEqual(ollama, { found: false, file: null, version: null });
    assert.deepEqual(context.exec.calls, []);
  });

  it('asks the interpreter where the files do not tell', async () => {
    const context = fakeContext();
    context.files.put('/v/bin/vllm', '#!/opt/py/bin/python3\n');
    context.exec.onPath.set('vllm', '/v/bin/vllm');
    context.exec.scripts.set('/opt/py/bin/python3', () => printed('0.11.0\n'));
    assert.equal((await enginesOf(context)).vllm.version, '0.11.0');
    context.exec.scripts.set('/opt/py/bin/python3', () => printed('Traceback …', 1));
    const { vllm } = await enginesOf(context);
    assert.deepEqual(vllm, { found: true, file: '/v/bin/vllm', version: null });
  });

  it('takes the configured program only where it is a file', async () => {
    const context = fakeContext();
    context.files.put('/v/bin/vllm', 'binary');
    context.settingsNow = { ...context.settingsNow, 'vllm.executablePath': '/v/bin/vllm' };
    assert.deepEqual((await enginesOf(context)).vllm, {
      found: true,
      file: '/v/bin/vllm',
      version: null,
    });
    for (const path of ['/v/bin', '/none']) {
      context.settingsNow = { ...context.settingsNow, 'vllm.executablePath': path };
      assert.equal((await enginesOf(context)).vllm.found, false, path);
    }
  });

  it('asks Ollama away from any daemon; one that hangs is found without a version', async () => {
    const context = fakeContext();
    context.exec.onPath.set('ollama', '/usr/local/bin/ollama');
    const text =
      'Warning: could not connect to a running Ollama instance\nWarning: client version is 0.32.15\n';
    context.exec.scripts.set('/usr/local/bin/ollama', () => printed(text));
    assert.equal((await enginesOf(context)).ollama.version, '0.32.15');
    assert.equal(context.exec.calls[0]?.env?.OLLAMA_HOST, '127.0.0.1:1');
    context.exec.scripts.set('/usr/local/bin/ollama', () => fail('timedOut', 'silent'));
    const { ollama } = await enginesOf(context);
    assert.deepEqual(ollama, { found: true, file: '/usr/local/bin/ollama', version: null });
  });
});
