import assert from 'node:assert/strict';
import * as z from 'zod/mini';
import { emptyWish } from '../../../src/app/planning/wishes';
import { settingDefaults } from '../../../src/app/settings';
import { snapshotOf } from '../../../src/app/snapshot';
import { snapshotSchema } from '../../../src/shared/protocol';
import {
  fakeContext,
  GIB,
  gpuOf,
  holderOf,
  plantVllm,
  sampleOf,
  serverOf,
  type FakeContext,
} from '../../support/fakePorts';

const AT = 1_800_000_000_000;

function watching(): FakeContext {
  const context = fakeContext();
  context.gpuNow = sampleOf({
    gpus: [gpuOf({ freeBytes: null }), gpuOf({ index: 1, totalBytes: null })],
  });
  void context.lookAtGpus();
  return context;
}

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
