import assert from 'node:assert/strict';
import { watchQuietWindow } from '../../../../src/app/launching/quietWindow';
import { serverFacts } from '../../../../src/app/servers/serverText';
import type { Server } from '../../../../src/app/state';
import type { Holder } from '../../../../src/processes/process';
import {
  fakeContext,
  GIB,
  holderOf,
  plantVllm,
  sampleOf,
  serverOf,
} from '../../../support/fakePorts';
import type { FakeContext } from '../../../support/fakePorts';

describe('quiet window', () => {
  let context: FakeContext;
  let stop: () => void;
  const see = (...holders: Partial<Holder>[]) =>
    context.store.dispatch({
      type: 'holdersJudged',
      holders: holders.map(holderOf),
      usedByServer: new Map(),
    });
  const seen = () =>
    context
      .server()
      .disturbances.map(({ pid, grewBytes, shrankBytes }) => [
        pid,
        grewBytes / GIB,
        shrankBytes / GIB,
      ]);
  const enter = (given: Partial<Server> = {}) => {
    const server = serverOf({ gpus: [0], stage: 'profiling', ...given });
    context.store.dispatch({ type: 'serverAdded', server });
  };

  beforeEach(() => {
    context = fakeContext();
    context.gpuNow = sampleOf();
    void context.lookAtGpus();
    stop = watchQuietWindow(context);
  });
  afterEach(() => stop());

  it('names who grew while a server started, by how much and when', () => {
    enter();
    see({ pid: 7, usedBytes: 1 * GIB, command: 'python train.py' });
    see({ pid: 7, usedBytes: 2.25 * GIB, command: 'python train.py' });
    assert.deepEqual(seen(), [[7, 1.25, 0]]);
    assert.match(
      serverFacts(context.server()).join('\n'),
      /PID 7 \(python train\.py\) grew by 1\.\d+ GiB while this was profiling memory/,
    );
  });

  it('counts who comes meanwhile from nothing, and who goes as given back', () => {
    enter();
    see({ pid: 7, usedBytes: 1 * GIB });
    see({ pid: 7, usedBytes: 1 * GIB }, { pid: 8, usedBytes: 3 * GIB });
    see({ pid: 8, usedBytes: 3 * GIB });
    assert.deepEqual(seen(), [
      [7, 0, 1],
      [8, 3, 0],
    ]);
  });

  it('does not mind little moves, other cards, and unknown figures', () => {
    enter();
    see(
      { pid: 7, usedBytes: GIB },
      { pid: 8, usedBytes: 1, gpus: [1] },
      { pid: 9, usedBytes: null },
    );
    see(
      { pid: 7, usedBytes: GIB + 2 ** 20 },
      { pid: 8, usedBytes: 9 * GIB, gpus: [1] },
      { pid: 9, usedBytes: 4 * GIB },
    );
    assert.deepEqual(seen(), []);
  });

  it('does not call its own processes strangers, also when they are known late', () => {
    see({ pid: 5, usedBytes: 1 });
    enter();
    see({ pid: 102, usedBytes: 5 * GIB });
    assert.deepEqual(seen(), [[102, 5, 0]]);
    const record = plantVllm(context.table);
    const own = { ...record, seen: [...record.seen, { ...record.main, pid: 102 }] };
    context.store.dispatch({ type: 'serverChanged', id: 'launch-1', change: { record: own } });
    see({ pid: 102, usedBytes: 6 * GIB });
    assert.deepEqual(seen(), []);
  });

  it('concludes nothing from processes of another namespace', () => {
    see({ pid: 5, usedBytes: 1 });
    enter();
    see({ pid: 7, usedBytes: 5 * GIB, class: 'otherNamespace' });
    assert.deepEqual(seen(), []);
  });

  it('looks only while it starts: not while it waits, nor when it is ready', () => {
    enter({ queued: { sinceMs: 0, waitsFor: [] } });
    see({ pid: 7, usedBytes: 1 * GIB });
    see({ pid: 7, usedBytes: 9 * GIB });
    assert.deepEqual(seen(), []);
    context.store.dispatch({ type: 'serverChanged', id: 'launch-1', change: { queued: null } });
    see({ pid: 7, usedBytes: 9 * GIB + 1 });
    context.store.dispatch({ type: 'serverLived', id: 'launch-1', event: { type: 'healthOk' } });
    see({ pid: 7, usedBytes: 20 * GIB });
    assert.deepEqual(seen(), []);
  });
});
