import assert from 'node:assert/strict';
import { reduce, type Action } from '../../../src/app/reducer';
import { freeBytesOf, initialState, liveServers, type AppState } from '../../../src/app/state';
import { settingDefaults } from '../../../src/app/settings';
import { createStore } from '../../../src/app/store';
import { emptyWish } from '../../../src/app/planning/wishes';
import { GIB, gpuOf, holderOf, sampleOf, serverOf } from '../../support/fakePorts';

const wish = emptyWish(settingDefaults());
const start = initialState(wish);
const after = (...actions: Action[]): AppState => actions.reduce(reduce, start);

const sampled = (sample = sampleOf(), simulated = false, atMs = 1000): Action => ({
  type: 'sampled',
  sample,
  atMs,
  simulated,
  warnPercent: 85,
});

const judged = (...usedByServer: [string, number][]): Action => ({
  type: 'holdersJudged',
  holders: [holderOf()],
  usedByServer: new Map(usedByServer),
});

describe('reduce', () => {
  it('keeps what cannot be seen until a later look says otherwise, and changes nothing for the same words', () => {
    const seen = after({ ...judged(), blindSpots: ['a container'] } as Action);
    assert.deepEqual(seen.blindSpots, ['a container']);
    const again = reduce(seen, { ...judged(), blindSpots: ['a container'] } as Action);
    assert.equal(again, seen);
    assert.equal(reduce(seen, judged()), seen);
    assert.deepEqual(reduce(seen, { ...judged(), blindSpots: [] } as Action).blindSpots, []);
  });

  it('starts with everything unknown', () => {
    assert.equal(start.gpu.status, 'unknown');
    assert.equal(start.gpu.sample, null);
    assert.equal(start.gpu.sampledAtMs, null);
    assert.equal(start.model, null);
    assert.equal(start.engines.vllm.found, false);
  });

  it('keeps a sample with its time', () => {
    const { gpu } = after(sampled());
    assert.equal(gpu.status, 'ok');
    assert.equal(gpu.sampledAtMs, 1000);
    assert.deepEqual(gpu.pressure, { 0: 'ok' });
  });

  it('keeps the last good sample and its time while the tool fails, and since when it fails', () => {
    const { gpu } = after(
      sampled(),
      { type: 'samplingFailed', text: 'lost', atMs: 3000 },
      { type: 'samplingFailed', text: 'still lost', atMs: 9000 },
    );
    assert.equal(gpu.status, 'failing');
    assert.equal(gpu.sample?.gpus.length, 1);
    assert.equal(gpu.sampledAtMs, 1000);
    assert.deepEqual(gpu.failure, { text: 'still lost', sinceMs: 3000 });
  });

  it('forgets the failure with the next good sample', () => {
    const { gpu } = after({ type: 'samplingFailed', text: 'lost', atMs: 1 }, sampled());
    assert.equal(gpu.failure, null);
    assert.equal(gpu.status, 'ok');
  });

  it('does not show simulated figures for a real tool that fails', () => {
    const { gpu } = after(sampled(sampleOf(), true), {
      type: 'samplingFailed',
      text: 'lost',
      atMs: 3000,
    });
    assert.equal(gpu.sample, null);
    assert.equal(gpu.simulated, false);
    assert.equal(gpu.sampledAtMs, null);
  });

  it('drops sample and holders where there is no tool any more', () => {
    const state = after(sampled(), judged(), { type: 'noGpuTool' });
    assert.equal(state.gpu.status, 'absent');
    assert.equal(state.gpu.sample, null);
    assert.deepEqual(state.holders, []);
  });

  it('says no pressure where the GPU does not say how full it is', () => {
    const { gpu } = after(sampled(sampleOf({ gpus: [gpuOf({ usedBytes: null })] })));
    assert.deepEqual(gpu.pressure, {});
  });

  it('counts what our servers planned as no pressure, and only while they live', () => {
    const full = sampled(sampleOf({ gpus: [gpuOf({ usedBytes: 23 * GIB, freeBytes: GIB })] }));
    const server = serverOf({ plannedBytesPerGpu: [23 * GIB], phase: 'ready' });
    assert.equal(after({ type: 'serverAdded', server }, full).gpu.pressure[0], 'ok');
    const ended = { ...server, phase: 'ended' as const };
    assert.equal(after({ type: 'serverAdded', server: ended }, full).gpu.pressure[0], 'full');
    assert.equal(after(full).gpu.pressure[0], 'full');
  });

  it('counts it on the cards that the server uses, whichever those are', () => {
    const cards = [0, 1].map((index) => gpuOf({ index, usedBytes: 23 * GIB, freeBytes: GIB }));
    const server = serverOf({ gpus: [1], plannedBytesPerGpu: [23 * GIB], phase: 'ready' });
    const seen = sampled(sampleOf({ gpus: cards }));
    const { pressure } = after({ type: 'serverAdded', server }, seen).gpu;
    assert.deepEqual(pressure, { 0: 'full', 1: 'ok' });
  });

  it('gives each server what its processes hold; null, not 0, where nothing is known', () => {
    const state = after(
      { type: 'serverAdded', server: serverOf({ id: 'a', usedBytes: 5 }) },
      { type: 'serverAdded', server: serverOf({ id: 'b' }) },
      judged(['b', 7]),
    );
    assert.deepEqual(
      state.servers.map(({ usedBytes }) => usedBytes),
      [null, 7],
    );
  });

  it('changes nothing when a judgement says what the last one said', () => {
    const state = after({ type: 'serverAdded', server: serverOf({ id: 'a' }) }, judged(['a', 7]));
    assert.equal(reduce(state, judged(['a', 7])), state);
    const more = reduce(state, judged(['a', 8]));
    assert.notEqual(more.servers, state.servers);
    assert.equal(more.holders, state.holders);
  });

  it('adds, changes and removes servers, each alone', () => {
    const state = after(
      { type: 'serverAdded', server: serverOf({ id: 'a' }) },
      { type: 'serverAdded', server: serverOf({ id: 'b' }) },
      { type: 'serverLived', id: 'b', event: { type: 'processEnded', result: 'failed' } },
    );
    assert.deepEqual(
      state.servers.map(({ phase }) => phase),
      ['starting', 'ended'],
    );
    assert.deepEqual(
      liveServers(state).map(({ id }) => id),
      ['a'],
    );
    assert.deepEqual(
      reduce(state, { type: 'serverRemoved', id: 'a' }).servers.map(({ id }) => id),
      ['b'],
    );
  });

  it('takes profiles, engines and models over', () => {
    const profile = { name: 'p', wish };
    const engine = { found: true, file: '/v/vllm', version: '0.19.1' };
    const model = { id: 'm', label: 'm', detail: '', source: 'folder' as const };
    const state = after(
      { type: 'profilesLoaded', profiles: [profile] },
      { type: 'enginesFound', engines: { ...start.engines, vllm: engine } },
      { type: 'modelsListed', models: [model] },
    );
    assert.deepEqual(state.profiles, [profile]);
    assert.deepEqual(state.engines.vllm, engine);
    assert.deepEqual(state.models, [model]);
  });

  it('drops what was read about a model that is no longer wished for', () => {
    const read = (id: string): Action => ({
      type: 'modelRead',
      model: { id, facts: { name: id }, longestContext: 4096, problem: null },
    });
    const wished: Action = { type: 'wished', wish: { ...wish, model: 'b' }, from: 'page' };
    assert.equal(after(wished, read('a')).model, null);
    assert.equal(after(wished, read('b')).model?.id, 'b');
  });

  it('keeps the model while only options change, drops it with model or engine', () => {
    const of = (change: object): Action => ({
      type: 'wished',
      wish: { ...wish, model: 'a', ...change },
      from: 'page',
    });
    const read: Action = {
      type: 'modelRead',
      model: { id: 'a', facts: {}, longestContext: null, problem: null },
    };
    assert.equal(after(of({}), read, of({ options: { maxModelLen: 1 } })).model?.id, 'a');
    assert.equal(after(of({}), read, of({ model: 'b' })).model, null);
    assert.equal(after(of({}), read, of({ engine: 'ollama' })).model, null);
  });

  it('raises the revision only for wishes of the host', () => {
    const from = (whose: 'page' | 'host'): Action => ({ type: 'wished', wish, from: whose });
    assert.equal(after(from('page'), from('page')).wishRevision, 0);
    assert.equal(after(from('host'), from('page'), from('host')).wishRevision, 2);
  });

  it('is plain data', () => {
    const state = after(sampled(), judged(), { type: 'serverAdded', server: serverOf() });
    assert.deepEqual(JSON.parse(JSON.stringify(state)), state);
  });
});

describe('freeBytesOf', () => {
  it('prefers what is printed, else subtracts, else does not know', () => {
    assert.equal(freeBytesOf(gpuOf({ freeBytes: 5 })), 5);
    assert.equal(freeBytesOf(gpuOf({ freeBytes: null })), 23 * GIB);
    assert.equal(freeBytesOf(gpuOf({ freeBytes: null, usedBytes: null })), null);
  });
});

describe('store', () => {
  it('calls nobody when nothing changed', () => {
    const store = createStore(after(judged()));
    let calls = 0;
    store.watch(
      (state) => state,
      () => (calls += 1),
    );
    store.dispatch(judged());
    assert.equal(calls, 0);
  });

  it('calls only those whose part changed, with that part, until they leave', () => {
    const store = createStore(start);
    const seen: number[] = [];
    let gpuCalls = 0;
    store.watch(
      (state) => state.gpu,
      () => (gpuCalls += 1),
    );
    const leave = store.watch(
      (state) => state.servers,
      (servers) => seen.push(servers.length),
    );
    store.dispatch({ type: 'serverAdded', server: serverOf({ id: 'a' }) });
    leave();
    store.dispatch({ type: 'serverAdded', server: serverOf({ id: 'b' }) });
    assert.deepEqual(seen, [1]);
    assert.equal(gpuCalls, 0);
    assert.equal(store.state().servers.length, 2);
  });

  it('lets a listener dispatch and leave while it is called', () => {
    const store = createStore(start);
    const leave = store.watch(
      (state) => state.servers.length,
      () => {
        leave();
        store.dispatch({ type: 'serverRemoved', id: 'a' });
      },
    );
    store.dispatch({ type: 'serverAdded', server: serverOf({ id: 'a' }) });
    assert.equal(store.state().servers.length, 0);
  });
});
