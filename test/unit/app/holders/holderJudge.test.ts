import assert from 'node:assert/strict';
import { judgeHolders } from '../../../../src/app/holders/holderJudge';
import { keepSame } from '../../../../src/gpu/sameSample';
import { fakeContext, GIB, sampleOf, settle, type FakeContext } from '../../../support/fakePorts';

describe('judging holders', () => {
  let context: FakeContext;
  /** Reads of the whole process table. */
  let reads: number;
  let stop: () => void;

  beforeEach(() => {
    context = fakeContext();
    reads = 0;
    context.table.add({ pid: 7, args: ['python', 'train.py'], comm: 'python' });
    const all = context.table.all.bind(context.table);
    context.table.all = () => {
      reads += 1;
      return all();
    };
    const { table, clock, log, files } = context;
    stop = judgeHolders(context, {
      table,
      clock,
      log,
      files,
      sampleGpus: () => Promise.resolve(null),
      launches: () => [],
    });
  });
  afterEach(() => stop());

  /** As the sampler does it every two seconds. */
  async function sampled(usedBytes: number | null, pids = [7]): Promise<void> {
    context.clock.nowMs += 2_000;
    const processes = pids.map((pid) => ({ pid, usedBytes, name: 'python', gpus: [0] }));
    context.store.dispatch({
      type: 'sampled',
      sample: keepSame(context.store.state().gpu.sample, sampleOf({ processes })),
      atMs: context.clock.now(),
      simulated: false,
      warnPercent: 85,
    });
    await settle();
  }

  it('reads processes only when others hold memory, and every thirty seconds', async () => {
    for (let at = 0; at < 14; at++) await sampled(GIB);
    assert.equal(reads, 1);
    await sampled(2 * GIB);
    assert.equal(reads, 1);
    assert.equal(context.store.state().holders[0]?.usedBytes, 2 * GIB);
    await sampled(2 * GIB);
    assert.equal(reads, 2);
    context.table.add({ pid: 8, args: ['python'], comm: 'python' });
    await sampled(2 * GIB, [7, 8]);
    assert.equal(reads, 3);
    assert.deepEqual(
      context.store.state().holders.map(({ pid }) => pid),
      [7, 8],
    );
  });

  it('reads a large process table less often, though at once when others hold memory', async () => {
    for (let pid = 1_000; pid < 1_500; pid++) context.table.add({ pid, comm: 'sh' });
    for (let at = 0; at < 31; at++) await sampled(GIB);
    assert.equal(reads, 1);
    await sampled(GIB);
    assert.equal(reads, 2);
    await sampled(GIB, [7, 1_000]);
    assert.equal(reads, 3);
  });

  it('draws nothing where nothing changed', async () => {
    await sampled(GIB);
    const { holders, servers } = context.store.state();
    for (let at = 0; at < 40; at++) await sampled(GIB);
    assert.equal(context.store.state().holders, holders);
    assert.equal(context.store.state().servers, servers);
  });

  it('knows who holds what again when the tool was gone for a moment', async () => {
    await sampled(GIB);
    context.store.dispatch({ type: 'noGpuTool' });
    assert.deepEqual(context.store.state().holders, []);
    await sampled(GIB);
    assert.deepEqual(
      context.store.state().holders.map(({ pid }) => pid),
      [7],
    );
  });
});
