import assert from 'node:assert/strict';
import { createServerMetrics, type ServerMetrics } from '../../../../src/app/servers/serverMetrics';
import { noFacts } from '../../../../src/engines/startFacts';
import type { Server } from '../../../../src/app/state';
import {
  answered,
  fakeContext,
  GIB,
  sampleOf,
  serverOf,
  type FakeContext,
} from '../../../support/fakePorts';

const BASE = 'http://127.0.0.1:8000';

const gauges = (running: number, waiting: number, kvUse: number) =>
  answered(
    [
      `vllm:num_requests_running{engine="0"} ${running}`,
      `vllm:num_requests_waiting{engine="0"} ${waiting}`,
      `vllm:kv_cache_usage_perc{engine="0"} ${kvUse}`,
      'vllm:cache_config_info{gpu_memory_utilization="0.9",kv_cache_max_concurrency="8"} 1.0',
    ].join('\n'),
  );

describe('gauges of running servers', () => {
  let context: FakeContext;
  let metrics: ServerMetrics;
  let unfollow: () => void;
  let isWatched: boolean;

  const asked = () => context.http.requests.filter(({ url }) => url.endsWith('/metrics')).length;
  const show = (running: number, waiting: number, kvUse: number) =>
    context.http.routes.set(`GET ${BASE}/metrics`, gauges(running, waiting, kvUse));

  async function enter(given: Partial<Server> = {}): Promise<void> {
    context.store.dispatch({
      type: 'serverAdded',
      server: serverOf({
        phase: 'ready',
        stage: 'ready',
        readyAtMs: 1,
        facts: { ...noFacts, kvCacheBytes: 10 * GIB, maxConcurrency: 8 },
        ...given,
      }),
    });
    await context.clock.pass(0);
  }

  beforeEach(async () => {
    context = fakeContext();
    context.gpuNow = sampleOf();
    await context.lookAtGpus();
    isWatched = true;
    metrics = createServerMetrics(context, () => isWatched);
    unfollow = metrics.follow();
    show(0, 0, 0);
  });

  afterEach(async () => {
    unfollow();
    await context.clock.pass(120_000);
  });

  it('asks every five seconds while somebody looks, and no server that is not ready', async () => {
    await enter({ phase: 'starting' });
    await context.clock.pass(60_000);
    assert.equal(asked(), 0);
    context.store.dispatch({ type: 'serverLived', id: 'launch-1', event: { type: 'healthOk' } });
    await context.clock.pass(20_000);
    assert.equal(asked(), 5);
  });

  it('asks seldom while nobody looks, and often again once it is busy', async () => {
    isWatched = false;
    await enter();
    await context.clock.pass(59_000);
    assert.equal(asked(), 1);
    show(2, 0, 0.1);
    await context.clock.pass(2_000);
    assert.equal(asked(), 2);
    await context.clock.pass(20_000);
    assert.equal(asked(), 6);
  });

  it('never asks an adopted one while nobody looks, nor Ollama', async () => {
    isWatched = false;
    await enter({ origin: 'adopted' });
    const { wish } = context.server();
    await enter({ id: 'launch-2', wish: { ...wish, engine: 'ollama' } });
    await context.clock.pass(300_000);
    assert.equal(asked(), 0);
  });

  it('shows the use now, its peak of the last minutes, and what could be given back', async () => {
    await enter();
    assert.deepEqual(context.server().live, {
      runningRequests: 0,
      waitingRequests: 0,
      kvUse: 0,
      kvUsePeak: 0,
      poolBytes: 10 * GIB,
      giveBack: null,
    });
    show(3, 1, 0.31);
    await context.clock.pass(5_000);
    show(0, 0, 0.02);
    await context.clock.pass(5_000);
    const { live } = context.server();
    assert.deepEqual([live?.kvUse, live?.kvUsePeak, live?.runningRequests], [0.02, 0.31, 0]);
    assert.equal(live?.giveBack?.flag, '--gpu-memory-utilization 0.64');
    await context.clock.pass(11 * 60_000);
    assert.equal(context.server().live?.kvUsePeak, 0.02);
  });

  it('names the flag that fixed the pool, and gives no advice where the card is not known', async () => {
    const command = (...args: string[]) => ({
      file: 'vllm',
      args: ['serve', 'm', ...args],
      env: {},
    });
    show(1, 0, 0.1);
    await enter({ command: command('--kv-cache-memory-bytes', String(4 * GIB)) });
    const { live } = context.server();
    assert.equal(live?.poolBytes, 4 * GIB);
    assert.match(live.giveBack?.flag ?? '', /^--kv-cache-memory-bytes 536870912$/);
    context.store.dispatch({ type: 'noGpuTool' });
    await enter({ id: 'launch-2', command: command('--gpu-memory-utilization', '0.8') });
    await context.clock.pass(5_000);
    assert.equal(context.servers()[1]?.live?.giveBack, null);
  });

  it('knows nothing any more where answers stop coming, and tells the same only once', async () => {
    await enter();
    let changes = 0;
    const unwatch = context.store.watch(
      (state) => state.servers,
      () => (changes += 1),
    );
    await context.clock.pass(30_000);
    assert.equal(changes, 0);
    for (const reply of ['refused', answered('<html>'), answered('', 401)] as const) {
      context.http.routes.set(`GET ${BASE}/metrics`, reply);
      await context.clock.pass(5_000);
      assert.equal(context.server().live, null);
    }
    unwatch();
  });

  describe('sleep', () => {
    const command = { file: 'vllm', args: ['serve', 'm', '--enable-sleep-mode'], env: {} };
    let isAsleep: boolean;

    beforeEach(() => {
      isAsleep = false;
      const { routes } = context.http;
      routes.set(`GET ${BASE}/is_sleeping`, () => answered({ is_sleeping: isAsleep }));
      routes.set(`POST ${BASE}/sleep?level=1`, () => ((isAsleep = true), answered('')));
      routes.set(`POST ${BASE}/wake_up`, () => ((isAsleep = false), answered('')));
    });

    it('is offered only where it was enabled and the server answers', async () => {
      await enter();
      assert.equal(context.server().asleep, null);
      const refused = await metrics.setAsleep('launch-1', true);
      assert.equal(refused.ok ? null : refused.failure.reason, 'notSupported');
      await enter({ id: 'launch-2', command });
      await context.clock.pass(5_000);
      assert.equal(context.servers()[1]?.asleep, false);
      context.http.routes.set(`GET ${BASE}/is_sleeping`, answered('Not Found', 404));
      await enter({ id: 'launch-3', command });
      await context.clock.pass(5_000);
      assert.equal(context.servers()[2]?.asleep, null);
    });

    it('puts it to sleep, and wakes it up', async () => {
      await enter({ command });
      assert.ok((await metrics.setAsleep('launch-1', true)).ok);
      assert.equal(context.server().asleep, true);
      assert.ok((await metrics.setAsleep('launch-1', false)).ok);
      assert.equal(context.server().asleep, false);
    });

    it('does not put one to sleep that is answering, and believes no empty promise', async () => {
      await enter({ command });
      show(2, 1, 0.2);
      const busy = await metrics.setAsleep('launch-1', true);
      assert.match(busy.ok ? '' : busy.failure.detail, /answering 3 requests/);
      show(0, 0, 0);
      // as on the CPU of 0.32: it says that it sleeps, and does not
      context.http.routes.set(`POST ${BASE}/sleep?level=1`, answered({ status: 'sleeping' }));
      const promised = await metrics.setAsleep('launch-1', true);
      assert.match(promised.ok ? '' : promised.failure.detail, /awake/);
    });
  });
});
