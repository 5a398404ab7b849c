import assert from 'node:assert/strict';
import type { DeployResult } from '../../../../src/app/launching/deploy';
import { startAll, type StartAllOutcome } from '../../../../src/app/launching/startAll';
import type { Profile, Server } from '../../../../src/app/state';
import { fakeContext, serverOf, settle, type FakeContext } from '../../../support/fakePorts';

const profile = (name: string): Profile => ({
  name,
  wish: { engine: 'vllm', model: `org/${name}`, options: {}, extraArguments: [], port: null },
});
const PROFILES = ['a', 'b', 'c'].map(profile);

describe('startAll', () => {
  let context: FakeContext;
  let deployed: string[];
  let stopped: string[];
  let outcome: Promise<StartAllOutcome>;
  let abort: AbortController;
  let queued = false;
  let refuse: string | null = null;

  const nameOf = (model: string) => model.split('/')[1] ?? '';
  const begin = () => {
    const servers = {
      deploy: ({ model }: Profile['wish']): Promise<DeployResult> => {
        const id = nameOf(model);
        deployed.push(id);
        if (refuse === id) {
          const failure = { reason: 'refused' as const, detail: 'does not fit' };
          return Promise.resolve({ ok: false, failure, problems: [] });
        }
        add(id, queued ? { queued: { sinceMs: 0, waitsFor: ['x'] } } : {});
        return Promise.resolve({ ok: true, id });
      },
      stop: (id: string) => {
        stopped.push(id);
        return Promise.resolve({ ok: true, value: undefined } as const);
      },
    };
    outcome = startAll({ store: context.store, servers }, PROFILES, {
      signal: abort.signal,
      onNext: () => undefined,
    });
  };
  const add = (id: string, given: Partial<Server> = {}) => {
    const server = serverOf({ id, wish: profile(id).wish, ...given });
    context.store.dispatch({ type: 'serverAdded', server });
  };
  const live = async (id: string, type: 'healthOk' | 'processEnded') => {
    const event = type === 'healthOk' ? { type } : { type, result: 'failed' as const };
    context.store.dispatch({ type: 'serverLived', id, event });
    await settle();
  };

  beforeEach(() => {
    context = fakeContext();
    [deployed, stopped, queued, refuse] = [[], [], false, null];
    abort = new AbortController();
  });

  it('starts each in the saved order, when the one before is ready', async () => {
    begin();
    await settle();
    assert.deepEqual(deployed, ['a']);
    await live('a', 'healthOk');
    assert.deepEqual(deployed, ['a', 'b']);
    await live('b', 'healthOk');
    await live('c', 'healthOk');
    assert.deepEqual(await outcome, { ready: ['a', 'b', 'c'], failed: null, notStarted: [] });
  });

  it('stops at the first that fails, and names what was not started', async () => {
    begin();
    await live('a', 'healthOk');
    await live('b', 'processEnded');
    const { ready, failed, notStarted } = await outcome;
    assert.deepEqual([ready, failed?.name, notStarted], [['a'], 'b', ['c']]);
    assert.deepEqual(deployed, ['a', 'b']);
  });

  it('stops at one that is refused, with the reason', async () => {
    refuse = 'b';
    begin();
    await live('a', 'healthOk');
    assert.deepEqual((await outcome).failed, { name: 'b', why: 'does not fit' });
  });

  it('counts one that is taken off the list as not come up', async () => {
    begin();
    await settle();
    context.store.dispatch({ type: 'serverRemoved', id: 'a' });
    assert.match((await outcome).failed?.why ?? '', /taken off/);
  });

  it('does not start again what runs already, nor what is starting', async () => {
    add('a', { phase: 'ready' });
    add('b');
    begin();
    await settle();
    await live('b', 'healthOk');
    assert.deepEqual(deployed, ['c']);
    await live('c', 'healthOk');
    assert.deepEqual((await outcome).ready, ['a', 'b', 'c']);
  });

  it('cancelled, lets a start go on and starts no more', async () => {
    begin();
    await settle();
    abort.abort();
    assert.deepEqual(await outcome, { ready: [], failed: null, notStarted: ['a', 'b', 'c'] });
    assert.deepEqual([deployed, stopped], [['a'], []]);
  });

  it('cancelled, takes back one that only waits', async () => {
    queued = true;
    begin();
    await settle();
    abort.abort();
    await outcome;
    assert.deepEqual(stopped, ['a']);
  });
});
