import assert from 'node:assert/strict';
import { createObserver, type Observer } from '../../../../src/app/servers/observer';
import { createSharedLaunches } from '../../../../src/app/servers/sharedLaunches';
import type { Server } from '../../../../src/app/state';
import { identityOf } from '../../../../src/processes/tree';
import {
  answered,
  fakeContext,
  GIB,
  LAUNCHES,
  plantVllm,
  recordOf,
  sampleOf,
  serverOf,
  settle,
  type FakeContext,
} from '../../../support/fakePorts';

const HEALTH = 'GET http://127.0.0.1:8000/health';

/** Lines of our own in vLLM's format: version, loading, KV cache, serving. */
const LOADING = [
  '(APIServer pid=100) INFO 11-21 10:00:00 [api_server.py:1900] vLLM API server version 0.19.1\r\n',
  '(EngineCore pid=102) INFO 11-21 10:00:09 [gpu_model_runner.py:4800] Starting to load model org/m...\r\n',
].join('');
const SERVING = '(APIServer pid=100) INFO:     Application startup complete.\r\n';

describe('observer', () => {
  let context: FakeContext;
  let observer: Observer;
  const pass = (ms: number) => context.clock.pass(ms);
  const isSaved = () => context.files.text(`${LAUNCHES}/launch-1.json`) !== null;
  const endAll = () => [101, 102, 103, 100].forEach((pid) => context.table.end(pid));

  /** A recorded server with all its processes; watched. */
  async function enter(given: Partial<Server> = {}): Promise<void> {
    const server = serverOf({ record: plantVllm(context.table), ...given });
    context.store.dispatch({ type: 'serverAdded', server });
    await context.registry.save(server);
    observer.watch('launch-1');
    await pass(0);
  }

  beforeEach(() => {
    context = fakeContext();
    observer = createObserver(context);
  });
  afterEach(async () => {
    observer.dispose();
    await pass(10_000);
  });

  it('follows the stages that the output tells, in any cut', async () => {
    await enter();
    for (const character of LOADING) observer.output('launch-1', character);
    assert.equal(context.server().stage, 'loading');
    assert.equal(context.server().engineVersion, '0.19.1');
    assert.equal(context.server().phase, 'starting');
  });

  it('is ready only when the server answers, whatever it prints', async () => {
    await enter();
    observer.output('launch-1', LOADING + SERVING);
    await pass(5_000);
    assert.equal(context.server().phase, 'starting');
    context.http.routes.set(HEALTH, answered('', 503));
    await pass(2_000);
    assert.equal(context.server().phase, 'starting');
    context.http.routes.set(HEALTH, answered(''));
    await pass(1_000);
    assert.equal(context.server().phase, 'ready');
    assert.equal(context.server().readyAtMs, context.clock.now());
    const [saved] = await context.registry.load();
    assert.equal(saved?.readyAtMs, context.server().readyAtMs);
  });

  it('asks at once when the output says that it serves', async () => {
    await enter();
    observer.output('launch-1', LOADING);
    await pass(100);
    context.http.routes.set(HEALTH, answered(''));
    await pass(100);
    assert.equal(context.server().phase, 'starting');
    observer.output('launch-1', SERVING);
    await pass(1);
    assert.equal(context.server().phase, 'ready');
  });

  it('goes on after a look that broke, without haste', async () => {
    const { table, http } = context;
    const all = table.all.bind(table);
    let looks = 0;
    table.all = () => {
      looks += 1;
      throw new Error('a mistake');
    };
    await enter();
    await pass(5_000);
    assert.ok(looks > 2 && looks < 10, `${String(looks)} looks`);
    assert.ok(context.log.lines.some((line) => line.includes('look broke')));
    table.all = all;
    http.routes.set(HEALTH, answered(''));
    await pass(3_000);
    assert.equal(context.server().phase, 'ready');
  });

  it('does not take the answer of somebody else for ours once our process is gone', async () => {
    await enter();
    endAll();
    context.http.routes.set(HEALTH, answered(''));
    await pass(6_000);
    assert.equal(context.server().phase, 'ended');
    assert.equal(context.server().readyAtMs, null);
  });

  it('does not take the answer of somebody else on its port for ours', async () => {
    await enter();
    context.table.ports.set(100, [8001]);
    context.http.routes.set(HEALTH, answered(''));
    await pass(3_000);
    assert.equal(context.server().phase, 'starting');
    context.table.ports.set(100, [8000]);
    await pass(1_000);
    assert.equal(context.server().phase, 'ready');
  });

  it('calls an end before it was ready a failure, with the cause that was printed', async () => {
    await enter();
    const line =
      "(EngineCore pid=102) ValueError: To serve at least one request with the models's max seq len (8192), (1.00 GiB KV cache is needed, which is larger than the available KV cache memory (0.50 GiB).\n";
    observer.output('launch-1', LOADING + line);
    endAll();
    await observer.ended('launch-1', 1);
    const server = context.server();
    assert.equal(server.endReason, 'failed');
    assert.equal(server.exitCode, 1);
    assert.equal(server.seen, false);
    assert.equal(server.diagnosis?.cause?.id, 'kv_cache_too_small');
    assert.equal(isSaved(), false);
  });

  it('calls exit 0 after a killed engine a crash', async () => {
    await enter();
    context.http.routes.set(HEALTH, answered(''));
    await pass(2_000);
    const died =
      '(APIServer pid=100) ERROR 11-21 10:05:00 [core_client.py:600] Engine core proc EngineCore died unexpectedly, shutting down client.\n';
    observer.output('launch-1', LOADING + SERVING + died);
    endAll();
    await observer.ended('launch-1', 0);
    assert.equal(context.server().endReason, 'crashed');
    assert.equal(context.server().seen, false);
  });

  it('calls an end that was asked for a stop, whatever the exit code', async () => {
    await enter();
    context.store.dispatch({
      type: 'serverLived',
      id: 'launch-1',
      event: { type: 'stopRequested' },
    });
    endAll();
    await observer.ended('launch-1', 137);
    assert.equal(context.server().endReason, 'stopped');
    assert.equal(context.server().seen, true);
    assert.equal(context.server().usedBytes, null);
  });

  it('ends a server whose main process is gone without an event, after a grace', async () => {
    await enter();
    endAll();
    await pass(3_000);
    assert.equal(context.server().phase, 'starting');
    await pass(2_000);
    assert.equal(context.server().phase, 'ended');
    assert.equal(context.server().endReason, 'failed');
  });

  it('the first end counts', async () => {
    await enter();
    endAll();
    await observer.ended('launch-1', 1);
    await observer.ended('launch-1', 0);
    assert.equal(context.server().exitCode, 1);
  });

  it('records the family as it grows, and keeps who left the group', async () => {
    await enter();
    const late = context.table.add({
      pid: 104,
      ppid: 102,
      pgid: 100,
      sid: 100,
      args: ['VLLM::Worker_TP1'],
    });
    await pass(1_000);
    context.table.processes.set(104, { ...late, pgid: 104, sid: 104, ppid: 1 });
    await pass(1_000);
    const pids = (server: Server | undefined) => server?.record?.seen.map(({ pid }) => pid).sort();
    assert.deepEqual(pids(context.server()), [100, 101, 102, 103, 104]);
    assert.deepEqual(pids((await context.registry.load())[0]), [100, 101, 102, 103, 104]);
  });

  it('keeps the record until the last of the family is gone', async () => {
    await enter();
    context.table.end(100);
    const ended = observer.ended('launch-1', -9);
    await pass(5_000);
    assert.equal(isSaved(), true);
    [101, 102, 103].forEach((pid) => context.table.end(pid));
    await context.clock.until(ended);
    assert.equal(isSaved(), false);
    assert.equal(context.server().stillHeld, null);
  });

  it('says what is still held, by whom, and remembers the launch', async () => {
    await enter();
    context.gpuNow = sampleOf({
      processes: [
        { pid: 102, usedBytes: 6 * GIB, name: 'x', gpus: [0] },
        { pid: 999, usedBytes: 9 * GIB, name: 'y', gpus: [0] },
      ],
    });
    context.table.end(100);
    await context.clock.until(observer.ended('launch-1', -9));
    assert.equal(context.server().stillHeld, 'still held: 6.0 GiB by PID 102, 103, 101');
    assert.equal(isSaved(), true);
  });

  it('forgets the launch when the last of it goes just before that is said', async () => {
    await enter();
    context.table.end(100);
    context.lookAtGpus = () => {
      [101, 102, 103].forEach((pid) => context.table.end(pid));
      return Promise.resolve(null);
    };
    await context.clock.until(observer.ended('launch-1', -9));
    assert.equal(context.server().stillHeld, null);
    assert.equal(isSaved(), false);
  });

  it('says no figure where one of the leftovers does not tell its own', async () => {
    await enter();
    context.gpuNow = sampleOf({
      processes: [{ pid: 102, usedBytes: null, name: 'x', gpus: [0] }],
    });
    context.table.end(100);
    await context.clock.until(observer.ended('launch-1', -9));
    assert.equal(context.server().stillHeld, 'GPU memory is still held by PID 102, 103, 101');
  });

  for (const hours of [11, -11])
    it(`a clock that jumps by ${hours} h neither ends a server nor keeps a dead one`, async () => {
      await enter();
      context.clock.jump(hours * 3_600_000);
      await pass(10_000);
      assert.equal(context.server().phase, 'starting');
      endAll();
      await pass(1_000);
      context.clock.jump(hours * 3_600_000);
      await pass(4_000);
      assert.equal(context.server().phase, 'ended');
    });

  it('an endpoint that hangs is asked once at a time, and holds up no other server', async () => {
    await enter();
    let asked = 0;
    context.http.routes.set(HEALTH, () => {
      asked += 1;
      return new Promise(() => undefined);
    });
    plantVllm(context.table, 'launch-2', 200);
    context.table.ports.set(200, [8001]);
    const record = recordOf(context.table, 'launch-2', 200);
    const other = serverOf({ id: 'launch-2', port: 8001, record });
    context.store.dispatch({ type: 'serverAdded', server: other });
    observer.watch('launch-2');
    context.http.routes.set('GET http://127.0.0.1:8001/health', answered(''));
    await pass(3_000);
    assert.equal(context.servers()[1]?.phase, 'ready');
    assert.equal(asked, 1);
    endAll();
    await pass(6_000);
    assert.equal(context.server().phase, 'ended');
  });

  it('reads the whole table rarely while all is ready, and at once when one is gone', async () => {
    await enter();
    context.http.routes.set(HEALTH, answered(''));
    await pass(3_000);
    assert.equal(context.server().phase, 'ready');
    let looks = 0;
    const all = context.table.all.bind(context.table);
    context.table.all = () => {
      looks += 1;
      return all();
    };
    await pass(60_000);
    assert.ok(looks >= 1 && looks <= 3, `${looks} looks in a minute`);
    endAll();
    await pass(10_000);
    assert.equal(context.server().phase, 'ended');
  });

  it('where no process can be seen believes only what names its model', async () => {
    context.table.all = () => Promise.resolve([]);
    await enter();
    context.http.routes.set(HEALTH, answered(''));
    context.http.routes.set('GET http://127.0.0.1:8000/v1/models', answered('<html>'));
    await pass(3_000);
    assert.equal(context.server().phase, 'starting');
    const models = { object: 'list', data: [{ id: 'org/m' }] };
    context.http.routes.set('GET http://127.0.0.1:8000/v1/models', answered(models));
    await pass(1_000);
    assert.equal(context.server().phase, 'ready');
  });

  it('looks at once when it is told to, as after a sleep', async () => {
    await enter();
    context.http.routes.set(HEALTH, answered(''));
    await pass(3_000);
    let looks = 0;
    const all = context.table.all.bind(context.table);
    context.table.all = () => {
      looks += 1;
      return all();
    };
    observer.lookNow();
    await pass(1);
    assert.equal(looks, 1);
  });

  it('counts a zombie as gone', async () => {
    await enter();
    [101, 102, 103].forEach((pid) => context.table.end(pid, true));
    context.table.end(100, true);
    await pass(5_000);
    assert.equal(context.server().phase, 'ended');
    assert.equal(isSaved(), false);
  });

  it('concludes nothing from a process table that could not be read', async () => {
    await enter();
    context.table.all = () => Promise.resolve([]);
    await pass(10_000);
    assert.equal(context.server().phase, 'starting');
  });

  it('ignores output of unknown and of ended servers', async () => {
    await enter();
    observer.output('nobody', LOADING);
    endAll();
    await observer.ended('launch-1', 0);
    observer.output('launch-1', LOADING);
    assert.equal(context.server().stage, 'starting');
  });

  it('asks no more after it was disposed of', async () => {
    await enter();
    observer.dispose();
    await pass(10_000);
    const asked = context.http.requests.length;
    await pass(60_000);
    assert.equal(context.http.requests.length, asked);
  });
});

describe('launches found again', () => {
  let context: FakeContext;
  const watched: string[] = [];
  const observer: Observer = {
    watch: (id) => void watched.push(id),
    output: () => undefined,
    hears: () => false,
    isEnding: () => false,
    diagnoseLoad: () => null,
    ended: () => Promise.resolve(),
    lookNow: () => undefined,
    dispose: () => undefined,
  };
  const enter = (given: Partial<Server> = {}) =>
    context.registry.save(serverOf({ record: plantVllm(context.table), ...given }));
  const isSaved = () => context.files.text(`${LAUNCHES}/launch-1.json`) !== null;
  const find = () => createSharedLaunches(context, observer).sync();

  beforeEach(() => {
    context = fakeContext();
    watched.length = 0;
  });

  it('watches a living server on; one that was ready is out of sight until it answers', async () => {
    await enter({ readyAtMs: 5 });
    await find();
    assert.equal(context.server().phase, 'lost');
    assert.deepEqual(watched, ['launch-1']);
  });

  it('goes on with a start that is not over', async () => {
    await enter();
    await find();
    assert.equal(context.server().phase, 'starting');
    assert.deepEqual(watched, ['launch-1']);
  });

  it('takes how far a start is from the window that makes it, and from no file of its own', async () => {
    const other = context.table.add({ pid: 60, args: ['/opt/code/node', 'extensionHost'] });
    const own = context.table.processes.get(50);
    assert.ok(own);
    for (const [owner, total] of [
      [other, 7],
      [own, 100],
    ] as const) {
      const saved = serverOf({ owner: identityOf(owner), launch: 'request' });
      await context.registry.save({ ...saved, progress: { done: 1, total: 7 } });
      const known = { ...saved, progress: { done: 50, total: 100 } };
      context.store.dispatch({ type: 'serverAdded', server: known });
      await find();
      assert.equal(context.server().progress?.total, total);
      context.store.dispatch({ type: 'serverRemoved', id: saved.id });
    }
  });

  it('calls a dead main with an engine left a crash, and names the leftovers', async () => {
    await enter({ readyAtMs: 5 });
    context.table.end(100);
    await find();
    const server = context.server();
    assert.equal(server.phase, 'ended');
    assert.equal(server.endReason, 'crashed');
    assert.equal(server.seen, false);
    assert.match(server.stillHeld ?? '', /PID 102, 103/);
    assert.equal(isSaved(), true);
    assert.deepEqual(watched, []);
  });

  it('forgets a launch of which nothing is left', async () => {
    await enter();
    [101, 102, 103, 100].forEach((pid) => context.table.end(pid));
    await find();
    assert.deepEqual(context.servers(), []);
    assert.equal(isSaved(), false);
  });

  it('never adopts another process that has the number now', async () => {
    await enter({ readyAtMs: 5 });
    [101, 102, 103].forEach((pid) => context.table.end(pid));
    context.table.reuse(100, { args: ['/v/bin/python', '/v/bin/vllm', 'serve', 'org/m'] });
    await find();
    assert.deepEqual(context.servers(), []);
    assert.equal(isSaved(), false);
  });

  it('keeps a launch where the process table could not be read', async () => {
    await enter({ readyAtMs: 5 });
    context.table.all = () => Promise.resolve([]);
    await find();
    assert.equal(context.server().phase, 'lost');
    assert.equal(isSaved(), true);
  });

  it('asks about a model in a daemon that is not ours', async () => {
    await enter({ record: null, launch: 'request' });
    await find();
    assert.equal(context.server().phase, 'lost');
    assert.deepEqual(watched, ['launch-1']);
  });

  it('leaves servers that are known already as they are', async () => {
    await enter();
    context.store.dispatch({ type: 'serverAdded', server: serverOf({ phase: 'ready' }) });
    await find();
    await settle();
    assert.deepEqual(
      context.servers().map(({ phase }) => phase),
      ['ready'],
    );
  });
});
