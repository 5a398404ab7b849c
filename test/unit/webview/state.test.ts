import assert from 'node:assert/strict';
import type { Snapshot } from '../../../src/shared/protocol';
import {
  applyAdvice,
  initialState,
  isFixed,
  parseState,
  pinWish,
  stateToKeep,
  swapPinned,
  switchEngine,
  takeSnapshot,
  toggleSection,
  undoAdvice,
  unpin,
  usePinned,
  withOptions,
  withWish,
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

  it('keeps no key on the disk, and has it again from a host that still knows', () => {
    const wish = { ...wishOf('a/b'), extraArguments: ['--api-key', 'secret', '--seed', '1'] };
    const state = pinWish({ ...initialState, wish, wishRevision: 3 }, snapshot());
    const parked = { ...switchEngine(state, 'ollama'), applied: [{ before: wish, what: 'x' }] };
    assert.ok(!JSON.stringify([stateToKeep(state), stateToKeep(parked)]).includes('secret'));
    const back = parseState(JSON.parse(JSON.stringify(stateToKeep(state))));
    const known = takeSnapshot(back, snapshot({ wish, wishRevision: 3 }));
    assert.deepEqual(known.wish.extraArguments, wish.extraArguments);
    const unknown = takeSnapshot(back, snapshot({ wish: wishOf('a/b'), wishRevision: 3 }));
    assert.deepEqual(unknown.wish.extraArguments, ['--api-key', '***', '--seed', '1']);
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

describe('advice on the page', () => {
  const start = { ...initialState, wish: wishOf('a/b', { maxModelLen: 8192 }) };
  const twice = applyAdvice(
    applyAdvice(start, { quantization: 'fp8' }, 'Quantization fp8'),
    { maxModelLen: 4096, enforceEager: true },
    'Context 4,096, enforce eager',
  );

  it('is taken back in order, the latest first', () => {
    assert.deepEqual(
      twice.applied.map(({ what }) => what),
      ['Quantization fp8', 'Context 4,096, enforce eager'],
    );
    const once = undoAdvice(twice);
    assert.deepEqual(once.wish.options, { maxModelLen: 8192, quantization: 'fp8' });
    const back = undoAdvice(once);
    assert.deepEqual(back, start);
    assert.equal(undoAdvice(back), back);
  });

  it('takes the place of what stood in the extra arguments, and of a pool fixed in bytes', () => {
    const wish = {
      ...wishOf('a/b', { kvCacheMemoryBytes: 2 ** 30 }),
      extraArguments: ['--max-model-len', '8k', '--seed', '7', '--no-enforce-eager', '-tp', '2'],
    };
    const given = { ...initialState, wish };
    const change = { maxModelLen: 4096, enforceEager: true, gpuMemoryUtilization: 0.8 };
    const applied = applyAdvice(given, change, '');
    assert.deepEqual(applied.wish.extraArguments, ['--seed', '7', '-tp', '2']);
    assert.deepEqual(applied.wish.options, change);
    assert.deepEqual(undoAdvice(applied), given);
  });

  it('has no effect on what the user’s settings fix', () => {
    const { launch } = snapshot();
    const args = ['--max-model-len=8k', '-tp', '2', '--no-enforce-eager', '--seed', '7'];
    const here = { launch: { ...launch, extraArguments: args } };
    const vllm = { engine: 'vllm' as const };
    for (const change of [
      { maxModelLen: 4096 },
      { tensorParallelSize: 1, quantization: 'fp8' },
      { enforceEager: true },
      { maxModelLen: null },
    ])
      assert.ok(isFixed(change, vllm, here), JSON.stringify(change));
    assert.ok(!isFixed({ gpuMemoryUtilization: 0.8, quantization: 'fp8' }, vllm, here));
    assert.ok(!isFixed({ maxModelLen: 4096 }, vllm, { launch }));
    assert.ok(!isFixed({ maxModelLen: 4096 }, { engine: 'ollama' }, here), 'not its settings');
  });

  it('of a share has no effect beside a pool that the settings fix in bytes', () => {
    const { launch } = snapshot();
    const here = { launch: { ...launch, extraArguments: ['--kv-cache-memory-bytes', '2G'] } };
    assert.ok(isFixed({ gpuMemoryUtilization: 0.8 }, { engine: 'vllm' }, here));
  });

  it('cannot be taken back after a change by hand, of the engine, or on the host', () => {
    assert.deepEqual(withWish(twice, wishOf('a/b')).applied, []);
    assert.deepEqual(switchEngine(twice, 'ollama').applied, []);
    const told = snapshot({ wish: wishOf('other'), wishRevision: 1 });
    assert.deepEqual(takeSnapshot(twice, told).applied, []);
    const same = snapshot({ wish: wishOf('other'), wishRevision: -1 });
    assert.equal(takeSnapshot(twice, same).applied.length, 2);
  });

  it('is remembered over hiding, and a state that knows nothing of it is read', () => {
    assert.deepEqual(parseState(JSON.parse(JSON.stringify(twice))).applied, twice.applied);
    const earlier = { ...twice, applied: undefined, pinned: undefined };
    assert.deepEqual(parseState(earlier), { ...twice, applied: [] });
  });
});

describe('a wish kept for comparison', () => {
  const facts = { name: 'a/b', parameterCount: 8e9 };
  const model = { id: 'a/b', facts, longestContext: 4096, problem: null };
  const here = snapshot({ model, learned: [{ engine: 'vllm' }] });
  const start = { ...initialState, wish: wishOf('a/b', { gpuMemoryUtilization: 0.6 }) };
  const kept = pinWish(start, here);

  it('keeps what is known of its model, and survives hiding', () => {
    assert.deepEqual(kept.pinned, { wish: start.wish, facts, learned: [{ engine: 'vllm' }] });
    assert.deepEqual(parseState(JSON.parse(JSON.stringify(kept))).pinned, kept.pinned);
    const other = pinWish({ ...start, wish: wishOf('another') }, here);
    assert.equal(other.pinned?.facts, null, 'facts of another model are none');
  });

  it('stays while the wish changes', () => {
    const changed = withWish(kept, wishOf('a/b', { gpuMemoryUtilization: 0.9 }));
    assert.equal(changed.pinned, kept.pinned);
    assert.equal(switchEngine(kept, 'ollama').pinned, kept.pinned);
  });

  it('changes places with the present one, and back', () => {
    const changed = withWish(kept, wishOf('a/b', { gpuMemoryUtilization: 0.9 }));
    const swapped = swapPinned(changed, here);
    assert.equal(swapped.wish.options.gpuMemoryUtilization, 0.6);
    assert.equal(swapped.pinned?.wish.options.gpuMemoryUtilization, 0.9);
    assert.deepEqual(swapPinned(swapped, here).wish, changed.wish);
  });

  it('is used across engines without losing what the other engine had', () => {
    const ollama = switchEngine(kept, 'ollama');
    const typed = withWish(ollama, { ...ollama.wish, model: 'qwen3:8b' });
    const used = usePinned(typed);
    assert.deepEqual(used.wish, start.wish);
    assert.equal(used.pinned, null);
    assert.equal(switchEngine(used, 'ollama').wish.model, 'qwen3:8b');
  });

  it('ends, and without one nothing happens', () => {
    assert.equal(unpin(kept).pinned, null);
    assert.equal(usePinned(start), start);
    assert.equal(swapPinned(start, here), start);
  });
});
