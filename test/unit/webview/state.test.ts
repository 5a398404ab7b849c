import assert from 'node:assert/strict';
import type { Snapshot } from '../../../src/shared/protocol';
import {
  initialState,
  parseState,
  switchEngine,
  takeSnapshot,
  toggleSection,
  withOptions,
} from '../../../webview/state';
import { snapshot } from './samples';

const wishOf = (model: string, options = {}) => ({
  engine: 'vllm' as const,
  model,
  options,
  extraArguments: [],
  port: null,
});

describe('page state', () => {
  it('starts afresh from nothing and from what another version saved', () => {
    assert.deepEqual(parseState(undefined), initialState);
    assert.deepEqual(parseState({ wish: { engine: 'tgi' } }), initialState);
  });

  it('reads back what it saved', () => {
    const state = takeSnapshot(initialState, snapshot({ wish: wishOf('a/b'), wishRevision: 3 }));
    assert.deepEqual(parseState(JSON.parse(JSON.stringify(state))), state);
  });

  it('takes an option away with null', () => {
    const wish = withOptions(wishOf('m', { maxNumSeqs: 4, dtype: 'half' }), { maxNumSeqs: null });
    assert.deepEqual(wish.options, { dtype: 'half' });
  });

  it('fills in the default utilization and context of a new vLLM plan, never over a given one', () => {
    const fresh = takeSnapshot(initialState, snapshot({ wish: wishOf('') }));
    assert.deepEqual(fresh.wish.options, { gpuMemoryUtilization: 0.7, maxModelLen: 8192 });
    const given = snapshot({ wish: wishOf('', { gpuMemoryUtilization: 0, maxModelLen: 2048 }) });
    assert.deepEqual(takeSnapshot(initialState, given).wish.options, {
      gpuMemoryUtilization: 0,
      maxModelLen: 2048,
    });
  });

  it('leaves Ollama its own defaults', () => {
    const wish = { ...wishOf('qwen3:8b'), engine: 'ollama' as const };
    assert.deepEqual(takeSnapshot(initialState, snapshot({ wish })).wish.options, {});
  });

  it('takes the host’s wish over only when its revision grew', () => {
    const first = takeSnapshot(initialState, snapshot({ wish: wishOf('one'), wishRevision: 4 }));
    const mine = { ...first, wish: { ...first.wish, model: 'mine' } };
    const same = takeSnapshot(mine, snapshot({ wish: wishOf('two'), wishRevision: 4 }));
    assert.equal(same.wish.model, 'mine');
    const grown = takeSnapshot(mine, snapshot({ wish: wishOf('two'), wishRevision: 5 }));
    assert.equal(grown.wish.model, 'two');
  });

  it('keeps what stands after a restart of the host, and hears its next change', () => {
    const first = takeSnapshot(initialState, snapshot({ wish: wishOf('one'), wishRevision: 9 }));
    const restarted = takeSnapshot(first, snapshot({ wish: wishOf(''), wishRevision: 0 }));
    assert.equal(restarted.wish.model, 'one');
    const next = takeSnapshot(restarted, snapshot({ wish: wishOf('picked'), wishRevision: 1 }));
    assert.equal(next.wish.model, 'picked');
  });

  it('returns the same state for a snapshot without news', () => {
    const told = snapshot({ wish: wishOf('one'), wishRevision: 1 });
    const state = takeSnapshot(initialState, told);
    assert.equal(takeSnapshot(state, told), state);
  });

  it('caps the context by a new model’s maximum once, and lets a longer one be typed afterwards', () => {
    const model: Snapshot['model'] = {
      id: 'tiny',
      facts: { name: 'tiny' },
      longestContext: 2048,
      problem: null,
    };
    const told = snapshot({ wish: wishOf('tiny', { maxModelLen: 8192 }), wishRevision: 1, model });
    const fitted = takeSnapshot(initialState, told);
    assert.equal(fitted.wish.options.maxModelLen, 2048);
    const typed = { ...fitted, wish: withOptions(fitted.wish, { maxModelLen: 4096 }) };
    assert.equal(takeSnapshot(typed, told).wish.options.maxModelLen, 4096);
  });

  it('restores every value of an engine on switching back', () => {
    const vllm = {
      ...initialState,
      wish: {
        ...wishOf('a/b', { gpuMemoryUtilization: 0.55 }),
        extraArguments: ['--seed=1'],
        port: 9000,
      },
    };
    const ollama = switchEngine(vllm, 'ollama');
    assert.deepEqual(ollama.wish, {
      engine: 'ollama',
      model: '',
      options: {},
      extraArguments: [],
      port: null,
    });
    const typed = {
      ...ollama,
      wish: { ...ollama.wish, model: 'qwen3:4b', options: { numCtx: 4096 }, keepAlive: 300 },
    };
    const back = switchEngine(typed, 'vllm');
    assert.deepEqual(back.wish, vllm.wish);
    assert.deepEqual(switchEngine(back, 'ollama').wish, typed.wish);
  });

  it('opens and closes sections by name', () => {
    const open = toggleSection(toggleSection(initialState, 'why', true), 'why', true);
    assert.deepEqual(open.openSections, ['why']);
    assert.deepEqual(toggleSection(open, 'why', false).openSections, []);
  });
});
