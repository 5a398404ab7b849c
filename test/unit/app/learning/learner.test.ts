import assert from 'node:assert/strict';
import { LEARNED_FILE } from '../../../../src/app/learning/learnedStore';
import { learnedReport, learnedRows } from '../../../../src/app/learning/learnedReport';
import { createLearner, type Learner } from '../../../../src/app/learning/learner';
import { createObserver, type Observer } from '../../../../src/app/servers/observer';
import { surroundingsOf } from '../../../../src/app/planning/planService';
import { snapshotOf } from '../../../../src/app/snapshot';
import type { Server } from '../../../../src/app/state';
import { plan } from '../../../../src/planner/plan';
import { requestForWish, type Wish } from '../../../../src/shared/wish';
import { llama8b } from '../../../fixtures/planner/configs';
import {
  answered,
  fakeContext,
  gpuOf,
  plantVllm,
  sampleOf,
  serverOf,
  type FakeContext,
} from '../../../support/fakePorts';
import { conditionsWith, recordWith } from '../../../support/learnedRecords';

const STORAGE = '/storage';
const FILE = `${STORAGE}/${LEARNED_FILE}`;
const TEAM = '/project/.vscode/vram-calibration.json';
const HEALTH = 'GET http://127.0.0.1:8000/health';

/** Lines of our own in vLLM's format. */
const START = [
  '(APIServer pid=100) INFO 11-21 10:00:00 [api_server.py:1900] vLLM API server version 0.19.1\r\n',
  '(EngineCore pid=102) INFO 11-21 10:00:09 [gpu_model_runner.py:4800] Starting to load model org/m...\r\n',
  '(EngineCore pid=102) INFO 11-21 10:00:30 [gpu_model_runner.py:4900] Model loading took 13.00 GiB memory and 3.2 seconds\r\n',
  '(EngineCore pid=102) INFO 11-21 10:00:40 [gpu_worker.py:300] Available KV cache memory: 2.50 GiB\r\n',
].join('');
const SERVING = '(APIServer pid=100) INFO:     Application startup complete.\r\n';
const GRAPHS =
  '(EngineCore pid=102) INFO 11-21 10:00:50 [gpu_model_runner.py:5000] Graph capturing finished in 4 secs, took 0.62 GiB\r\n';
const TOO_SMALL =
  "(EngineCore pid=102) ValueError: To serve at least one request with the models's max seq len (8192), (1.00 GiB KV cache is needed, which is larger than the available KV cache memory (0.50 GiB).\n";

describe('learner', () => {
  let context: FakeContext;
  let learner: Learner;
  let observer: Observer;
  let unfollow: () => void;
  let isTrusted = true;
  const pass = (ms: number) => context.clock.pass(ms);
  const learned = () => context.store.state().learned;
  const results = () => learned().entries.map(({ record }) => record.outcome.result);
  const places = {
    storageFolder: STORAGE,
    workspaceFolder: '/project',
    isTrusted: () => isTrusted,
  };

  function open(settings: Parameters<typeof fakeContext>[0] = {}): void {
    context = fakeContext(settings);
    observer = createObserver(context);
    learner = createLearner(context, places);
    unfollow = learner.follow();
  }

  /** A recorded server with all its processes; watched. */
  async function enter(given: Partial<Server> = {}): Promise<void> {
    const record = plantVllm(context.table);
    const server = serverOf({ record, conditions: conditionsWith(), ...given });
    context.store.dispatch({ type: 'serverAdded', server });
    observer.watch(server.id);
    await pass(0);
  }

  async function comeUp(): Promise<void> {
    observer.output('launch-1', START + SERVING);
    context.http.routes.set(HEALTH, answered(''));
    await pass(1_000);
    assert.equal(context.server().phase, 'ready');
  }

  async function fail(line: string): Promise<void> {
    if (context.server().phase !== 'ready') observer.output('launch-1', START);
    observer.output('launch-1', line);
    for (const pid of [101, 102, 103, 100]) context.table.end(pid);
    await observer.ended('launch-1', 1);
    await pass(0);
  }

  beforeEach(() => {
    isTrusted = true;
    open();
  });
  afterEach(async () => {
    unfollow();
    observer.dispose();
    await pass(20_000);
  });

  it('keeps what a start measured, once it answers, with the conditions of its launch', async () => {
    await enter();
    await comeUp();
    const [entry] = learned().entries;
    assert.equal(entry?.source, 'here');
    const { outcome, fingerprint, gpuTotalBytes } = entry.record;
    assert.equal(outcome.result, 'ready');
    assert.equal(outcome.engineVersion, '0.19.1');
    assert.equal(outcome.facts.weightsBytes, 13 * 2 ** 30);
    assert.equal(outcome.facts.kvCacheBytes, 2.5 * 2 ** 30);
    assert.equal(outcome.facts.freeBytesAtStart, 23 * 2 ** 30);
    assert.deepEqual(
      [outcome.model, fingerprint, gpuTotalBytes],
      ['org/m', 'config:1', 24 * 2 ** 30],
    );
    assert.match(context.files.text(FILE) ?? '', /"version":1/);
  });

  it('takes in what the output tells right after the first answer', async () => {
    await enter();
    await comeUp();
    observer.output('launch-1', GRAPHS);
    await pass(5_000);
    const [entry, more] = learned().entries;
    assert.equal(more, undefined);
    assert.equal(entry?.record.outcome.facts.graphBytes, Math.round(0.62 * 2 ** 30));
  });

  it('takes in what a busy machine tells a minute later', async () => {
    await enter();
    await comeUp();
    await pass(30_000);
    observer.output('launch-1', GRAPHS);
    await pass(60_000);
    assert.equal(learned().entries[0]?.record.outcome.facts.graphBytes, Math.round(0.62 * 2 ** 30));
  });

  it('keeps a failure for lack of memory as what needs more', async () => {
    await enter();
    await fail(TOO_SMALL);
    const [row] = learnedRows(learned());
    assert.equal(row?.isGood, false);
    assert.match(row.seen, /^Failed: .*; it needs more than 16\.8 GiB/);
    assert.deepEqual(results(), ['failed']);
  });

  it('keeps a crash for lack of memory beside the good start before it', async () => {
    await enter();
    await comeUp();
    await fail(
      '(EngineCore pid=102) ERROR 11-21 10:09:00 [core.py:700] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.52 GiB of which 1.10 GiB is free.\n',
    );
    assert.equal(context.server().endReason, 'crashed');
    assert.deepEqual(results(), ['ready', 'failed']);
    assert.equal(learned().entries.at(-1)?.record.outcome.causeId, 'oom_runtime');
  });

  it('learns nothing from a stop, a taken port, a start found again, or without conditions', async () => {
    await enter();
    context.store.dispatch({
      type: 'serverLived',
      id: 'launch-1',
      event: { type: 'stopRequested' },
    });
    await fail(TOO_SMALL);
    assert.deepEqual(results(), []);

    open();
    await enter();
    await fail(
      'ERROR: [Errno 98] error while attempting to bind on address: address already in use\n',
    );
    assert.equal(context.server().endReason, 'failed');
    assert.deepEqual(results(), []);

    open();
    await enter({ phase: 'lost', readyAtMs: 5 });
    context.http.routes.set(HEALTH, answered(''));
    await pass(2_000);
    assert.equal(context.server().phase, 'ready');
    assert.deepEqual(results(), []);

    open();
    await enter({ conditions: null });
    await comeUp();
    assert.deepEqual(results(), []);
  });

  it('leaves a start whose output another window reads to that window', async () => {
    await enter();
    context.http.routes.set(HEALTH, answered(''));
    await pass(2_000);
    assert.equal(context.server().phase, 'ready');
    assert.deepEqual(results(), []);
  });

  it('learns nothing, and tells plans nothing, where the setting is off', async () => {
    await enter();
    context.settingsNow = { ...context.settingsNow, 'learning.enabled': false };
    await comeUp();
    assert.equal(context.files.text(FILE), null);
  });

  it('shows what another window learned', async () => {
    await enter();
    await comeUp();
    const other = fakeContext();
    other.files.put(FILE, context.files.text(FILE) ?? '');
    await createLearner(other, places).refresh();
    assert.deepEqual(other.store.state().learned, learned());
  });

  it('forgets one or all, and stays forgetful after a reload', async () => {
    await enter();
    await comeUp();
    const [entry] = learned().entries;
    assert.equal((await learner.forget('no such key')).ok, false);
    assert.ok((await learner.forget(entry?.key ?? '')).ok);
    assert.deepEqual(results(), []);
    await createLearner(context, places).refresh();
    assert.deepEqual(results(), []);
    assert.equal((await learner.forget(null)).ok, false);
  });

  it('forgets what another clock dated into the future', async () => {
    const record = recordWith({ atMs: context.clock.now() + 3_600_000 });
    context.files.put(FILE, JSON.stringify({ version: 1, records: [record] }));
    await learner.refresh();
    assert.deepEqual(results(), ['ready']);
    assert.ok((await learner.forget(null)).ok);
    assert.deepEqual(results(), []);
  });

  it('says what is wrong with the files, once in the log, and goes on with what it has', async () => {
    context.files.isFull = true;
    await enter();
    await comeUp();
    assert.deepEqual(results(), ['ready']);
    assert.match(learned().problems.join(), /ENOSPC/);
    assert.match(learnedReport(learnedRows(learned()), learned().problems), /\*\*.*ENOSPC.*\*\*/);
    assert.equal((await learner.forget(null)).ok, false);
    context.files.isFull = false;
    await learner.refresh();
    assert.deepEqual(learned().problems, []);
  });

  describe('with a team file', () => {
    const theirs = recordWith({ atMs: 5, outcome: { model: 'their/model' } });
    const shared = JSON.stringify({ version: 1, records: [theirs] });

    it('touches none unless the setting is on and the workspace is trusted', async () => {
      for (const isOn of [false, true]) {
        isTrusted = !isOn;
        open({ 'learning.teamFile': isOn });
        context.files.put(TEAM, shared);
        await learner.refresh();
        await enter();
        await comeUp();
        assert.deepEqual(results(), ['ready']);
        assert.equal(context.files.text(TEAM), shared);
      }
    });

    it('uses what others learned, and shares what is learned here', async () => {
      open({ 'learning.teamFile': true });
      context.files.put(TEAM, shared);
      await learner.refresh();
      await enter();
      await comeUp();
      assert.deepEqual(
        learned().entries.map(({ source, record }) => [source, record.outcome.model]),
        [
          ['team', 'their/model'],
          ['here', 'org/m'],
        ],
      );
      assert.match(context.files.text(TEAM) ?? '', /their\/model[^]*org\/m/);
      assert.doesNotMatch(context.files.text(FILE) ?? '', /their\/model/);
    });

    it('never shares what was simulated', async () => {
      open({ 'learning.teamFile': true });
      await enter({ simulated: true });
      await comeUp();
      assert.deepEqual(results(), ['ready']);
      assert.doesNotMatch(context.files.text(TEAM) ?? '', /org\/m/);
    });

    it('prefers the newer of both', async () => {
      open({ 'learning.teamFile': true });
      await enter();
      await comeUp();
      const [own] = learned().entries;
      const newer = { ...own!.record, atMs: own!.record.atMs + 1_000 };
      context.files.put(TEAM, JSON.stringify({ version: 1, records: [newer] }));
      await learner.refresh();
      assert.deepEqual(
        learned().entries.map(({ source }) => source),
        ['team'],
      );
    });

    it('says that it is broken, ignores it and leaves it as it is', async () => {
      open({ 'learning.teamFile': true });
      context.files.put(TEAM, '{"version":1,');
      await learner.refresh();
      await enter();
      await comeUp();
      assert.match(learned().problems.join(), /vram-calibration\.json is ignored/);
      assert.deepEqual(results(), ['ready']);
      assert.equal(context.files.text(TEAM), '{"version":1,');
    });

    it('takes what is forgotten here out of it', async () => {
      open({ 'learning.teamFile': true });
      context.files.put(TEAM, shared);
      await learner.refresh();
      assert.ok((await learner.forget(null)).ok);
      assert.deepEqual(results(), []);
      assert.doesNotMatch(context.files.text(TEAM) ?? '', /their\/model/);
    });
  });

  it('brings it to the next plan of the same model on the same card, in host and page alike', async () => {
    const facts = { name: 'org/m', config: llama8b };
    const wish: Wish = {
      engine: 'vllm',
      model: 'org/m',
      options: { gpuMemoryUtilization: 0.9, maxModelLen: 4096 },
      extraArguments: [],
      port: null,
    };
    const sample = sampleOf({ gpus: [gpuOf()] });
    const atMs = context.clock.now();
    context.store.dispatch({ type: 'sampled', sample, atMs, simulated: false, warnPercent: 85 });
    context.store.dispatch({ type: 'wished', wish, from: 'host' });
    context.store.dispatch({
      type: 'enginesFound',
      engines: {
        vllm: { found: true, file: '/v/bin/vllm', version: '0.19.1' },
        ollama: { found: false, file: null, version: null },
      },
    });
    const around = () => surroundingsOf(context.store.state(), context.settingsNow, wish, facts);
    const planned = () => plan(requestForWish(wish, around()));
    const before = planned();
    assert.notEqual(before.basis, 'learned');
    await enter({ conditions: conditionsWith({ model: { name: 'org/m', fingerprint: null } }) });
    await comeUp();
    const after = planned();
    assert.equal(after.basis, 'learned');
    assert.equal(after.perGpu[0]?.weightsBytes, 13 * 2 ** 30);
    assert.notEqual(before.perGpu[0]?.weightsBytes, 13 * 2 ** 30);
    const other = { ...wish, extraArguments: ['--async-scheduling'] };
    const state = context.store.state();
    assert.deepEqual(surroundingsOf(state, context.settingsNow, other, facts).learned, []);
    const off = { ...context.settingsNow, 'learning.enabled': false };
    assert.deepEqual(surroundingsOf(state, off, wish, facts).learned, []);
    const shown = snapshotOf(state, context.settingsNow, { nowMs: 0, trusted: true, port: 8000 });
    assert.deepEqual(shown.learned, []);
    const read = { id: 'org/m', facts, longestContext: null, problem: null };
    context.store.dispatch({ type: 'modelRead', model: read });
    const now = context.store.state();
    const surroundings = { nowMs: 0, trusted: true, port: 8000 };
    assert.deepEqual(snapshotOf(now, context.settingsNow, surroundings).learned, around().learned);
  });
});
