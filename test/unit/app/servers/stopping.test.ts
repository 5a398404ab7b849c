import assert from 'node:assert/strict';
import { createModelService } from '../../../../src/app/models/modelService';
import { createObserver, type Observer } from '../../../../src/app/servers/observer';
import { createOllamaServing, type OllamaServing } from '../../../../src/app/ollama/ollamaServing';
import { stopServer } from '../../../../src/app/servers/stopping';
import type { Server } from '../../../../src/app/state';
import {
  fakeContext,
  GIB,
  holderOf,
  LAUNCHES,
  plantVllm,
  sampleOf,
  serverOf,
  type FakeContext,
} from '../../../support/fakePorts';

describe('stopServer', () => {
  let context: FakeContext;
  let observer: Observer;
  let ollama: OllamaServing;
  const stop = (force = false) =>
    context.clock.until(stopServer(context, observer, ollama, 'launch-1', { force }));
  const sent = () =>
    context.table.signals.map(({ identity, signal }) => `${signal} ${identity.pid}`);

  async function enter(given: Partial<Server> = {}): Promise<void> {
    const record = plantVllm(context.table);
    const server = serverOf({ record, phase: 'ready', stage: 'ready', readyAtMs: 1, ...given });
    context.store.dispatch({ type: 'serverAdded', server });
    await context.registry.save(server);
    observer.watch('launch-1');
    await context.clock.pass(0);
  }

  /** As a healthy vLLM: main asked to end takes everybody along, after a while. */
  const behaveWell = () => {
    const { table, clock } = context;
    table.react = (process, signal) => {
      if (signal !== 'SIGINT' || process.pid !== 100) return signal === 'SIGKILL';
      clock.after(400, () => [103, 102, 101, 100].forEach((pid) => table.end(pid)));
      return false;
    };
  };

  beforeEach(() => {
    context = fakeContext();
    observer = createObserver(context);
    ollama = createOllamaServing(context, createModelService(context), observer);
  });
  afterEach(async () => {
    observer.dispose();
    await context.clock.pass(10_000);
  });

  it('asks main only; the end is a stop, and the launch is forgotten', async () => {
    await enter();
    behaveWell();
    assert.equal((await stop()).ok, true);
    assert.deepEqual(sent(), ['SIGINT 100']);
    const server = context.server();
    assert.equal(server.phase, 'ended');
    assert.equal(server.endReason, 'stopped');
    assert.equal(server.stillHeld, null);
    assert.deepEqual(await context.files.list(LAUNCHES), []);
  });

  it('is still a stop when the terminal reports the end first, with any exit code', async () => {
    await enter();
    behaveWell();
    const { table, clock } = context;
    table.react = (process, signal) => {
      if (signal !== 'SIGINT' || process.pid !== 100) return signal === 'SIGKILL';
      clock.after(300, () => {
        [103, 102, 101, 100].forEach((pid) => table.end(pid));
        void observer.ended('launch-1', 130);
      });
      return false;
    };
    assert.equal((await stop()).ok, true);
    assert.equal(context.server().endReason, 'stopped');
    assert.equal(context.server().exitCode, 130);
  });

  it('goes on to the engine and then to all when nobody listens', async () => {
    await enter();
    context.table.react = (_process, signal) => signal === 'SIGKILL';
    assert.equal((await stop()).ok, true);
    assert.deepEqual(sent().slice(0, 2), ['SIGINT 100', 'SIGTERM 102']);
    assert.deepEqual(sent().slice(2).sort(), [
      'SIGKILL 100',
      'SIGKILL 101',
      'SIGKILL 102',
      'SIGKILL 103',
    ]);
    assert.equal(context.server().endReason, 'stopped');
  });

  it('asks less patiently during a start, and calls that a stop, too', async () => {
    await enter({ phase: 'starting', stage: 'loading', readyAtMs: null });
    context.table.react = (_process, signal) => signal === 'SIGKILL';
    const from = context.clock.now();
    assert.equal((await stop()).ok, true);
    assert.equal(context.server().endReason, 'stopped');
    const atMs = context.clock.now() - from;
    assert.ok(atMs < 14_000, String(atMs));
  });

  it('forced: does not ask main at all', async () => {
    await enter();
    context.table.react = (_process, signal) => signal === 'SIGKILL';
    assert.equal((await stop(true)).ok, true);
    assert.ok(!sent().includes('SIGINT 100'));
  });

  it('waits until the memory is back', async () => {
    await enter();
    behaveWell();
    const { clock } = context;
    context.gpuNow = sampleOf({
      processes: [{ pid: 102, usedBytes: 6 * GIB, name: 'x', gpus: [0] }],
    });
    clock.after(5_000, () => (context.gpuNow = sampleOf()));
    const from = clock.now();
    assert.equal((await stop()).ok, true);
    assert.ok(clock.now() - from >= 5_000);
    assert.equal(context.server().stillHeld, null);
  });

  it('says what the GPU still lists after that time', async () => {
    await enter();
    behaveWell();
    context.gpuNow = sampleOf({
      processes: [
        { pid: 102, usedBytes: 6 * GIB, name: 'x', gpus: [0] },
        { pid: 555, usedBytes: 3 * GIB, name: 'y', gpus: [0] },
      ],
    });
    context.store.dispatch({
      type: 'holdersJudged',
      holders: [holderOf({ pid: 102, class: 'orphanedWorker' })],
      usedByServer: new Map(),
    });
    assert.equal((await stop()).ok, true);
    assert.equal(context.server().stillHeld, 'still held: 6.0 GiB by PID 102 (orphaned worker)');
  });

  it('fails with the pids of those who do not go', async () => {
    await enter();
    context.table.react = (process) => process.pid !== 102;
    const stopped = await stop();
    assert.ok(!stopped.ok);
    assert.match(stopped.failure.detail, /PID 102/);
    assert.match(context.server().stillHeld ?? '', /102/);
    assert.deepEqual(await context.files.list(LAUNCHES), ['launch-1.json']);
  });

  it('a second stop meanwhile sends nothing and waits for the end, a forced one acts', async () => {
    await enter();
    context.table.react = (_process, signal) => signal === 'SIGKILL';
    const first = stopServer(context, observer, ollama, 'launch-1', { force: false });
    await context.clock.pass(1_000);
    assert.equal(context.server().phase, 'stopping');
    const second = stopServer(context, observer, ollama, 'launch-1', { force: false });
    await context.clock.pass(500);
    assert.deepEqual(sent(), ['SIGINT 100']);
    assert.equal((await stop(true)).ok, true);
    assert.equal((await context.clock.until(second)).ok, true);
    assert.equal((await context.clock.until(first)).ok, true);
    assert.equal(context.server().endReason, 'stopped');
  });

  it('has nothing to do for a server that has ended, and knows no others', async () => {
    await enter({ phase: 'ended' });
    assert.equal((await stop()).ok, true);
    assert.deepEqual(sent(), []);
    context.store.dispatch({ type: 'serverRemoved', id: 'launch-1' });
    const unknown = await stop();
    assert.equal(!unknown.ok && unknown.failure.reason, 'notFound');
  });

  it('signals nobody who has the number now', async () => {
    await enter();
    [103, 102, 101].forEach((pid) => context.table.end(pid));
    context.table.reuse(100, { args: ['/usr/bin/ffmpeg'] });
    assert.equal((await stop()).ok, true);
    assert.deepEqual(sent(), []);
    assert.ok(context.table.processes.has(100));
  });

  for (const hours of [9, -9])
    it(`a clock that jumps by ${hours} h changes neither its patience nor its end`, async () => {
      await enter();
      behaveWell();
      const { table, clock } = context;
      table.react = (process, signal) => {
        if (signal !== 'SIGINT' || process.pid !== 100) return signal === 'SIGKILL';
        clock.after(2_000, () => clock.jump(hours * 3_600_000));
        clock.after(4_000, () => [103, 102, 101, 100].forEach((pid) => table.end(pid)));
        return false;
      };
      assert.equal((await stop()).ok, true);
      assert.deepEqual(sent(), ['SIGINT 100']);
    });

  it('waits for the pid of a process that is just being started', async () => {
    const record = plantVllm(context.table);
    context.store.dispatch({ type: 'serverAdded', server: serverOf() });
    context.table.react = () => true;
    context.clock.after(3_000, () =>
      context.store.dispatch({ type: 'serverChanged', id: 'launch-1', change: { record } }),
    );
    assert.equal((await stop()).ok, true);
    assert.ok(context.table.reached().includes(100));
    assert.equal(context.server().endReason, 'stopped');
  });

  it('without a record signals nobody and claims no end, until it is forced', async () => {
    await enter({ record: null });
    const stopped = await stop();
    assert.equal(!stopped.ok && stopped.failure.reason, 'notFound');
    assert.deepEqual(sent(), []);
    assert.equal(context.server().phase, 'stopping');
    await stop(true);
    assert.equal(context.server().phase, 'ended');
    assert.deepEqual(sent(), []);
  });
});
