import assert from 'node:assert/strict';
import {
  createFailureReporter,
  type FailureReporter,
} from '../../../../src/app/learning/failureReporter';
import { createLearner, type Learner } from '../../../../src/app/learning/learner';
import { createModelService } from '../../../../src/app/models/modelService';
import { createObserver } from '../../../../src/app/servers/observer';
import { createOllamaServing } from '../../../../src/app/ollama/ollamaServing';
import { createOutputTails } from '../../../../src/app/servers/outputTails';
import { createServers, type Servers } from '../../../../src/app/servers/servers';
import type { Settings } from '../../../../src/app/settings';
import { snapshotOf } from '../../../../src/app/snapshot';
import type { Server } from '../../../../src/app/state';
import { ok } from '../../../../src/shared/failure';
import type { PlanOptions } from '../../../../src/shared/planRequest';
import type { Wish } from '../../../../src/shared/wish';
import { llama8b } from '../../../fixtures/planner/configs';
import {
  answered,
  fakeContext,
  GIB,
  holderOf,
  plantVllm,
  sampleOf,
  serverOf,
  turnsOf,
  type FakeContext,
} from '../../../support/fakePorts';

const MODEL = '/models/llama8b';
const WISH: Wish = {
  engine: 'vllm',
  model: MODEL,
  options: { gpuMemoryUtilization: 0.8, maxModelLen: 40960 },
  extraArguments: [],
  port: null,
};

/** Words of our own in vLLM's format. */
const START =
  '(APIServer pid=100) INFO 11-21 10:00:00 [api_server.py:1] vLLM API server version 0.19.1\n';
const TOO_SMALL =
  "(EngineCore pid=102) ValueError: To serve at least one request with the model's max seq len (40960), (5.0 GiB KV cache is needed, which is larger than the available KV cache memory (3.0 GiB). Based on the available memory, the estimated maximum model length is 24571.\n";
const SAMPLER =
  '(EngineCore pid=102) RuntimeError: CUDA out of memory occurred when warming up sampler with 256 dummy requests. Please try lowering `max_num_seqs` or `gpu_memory_utilization`\n';

describe('a failed server and its corrected launch', () => {
  let context: FakeContext;
  let servers: Servers;
  let reporter: FailureReporter;
  let learner: Learner;
  let stops: (() => void)[];
  const pass = (ms: number) => context.clock.pass(ms);
  const server = (id: string): Server => {
    const found = context.servers().find((one) => one.id === id);
    assert.ok(found, `${id} is in the list`);
    return found;
  };

  function open(settings: Partial<Settings> = {}): void {
    context = fakeContext(settings);
    context.files.put(`${MODEL}/config.json`, JSON.stringify(llama8b));
    context.gpuNow = sampleOf();
    const vllm = { found: true, file: '/v/bin/vllm', version: '0.19.1' };
    const engines = { ...context.store.state().engines, vllm };
    context.store.dispatch({ type: 'enginesFound', engines });
    let pid = 0;
    context.launcher.begin = (spec) => {
      pid += 100;
      plantVllm(context.table, spec.launchId, pid);
      context.table.ports.set(pid, [Number(spec.args[spec.args.indexOf('--port') + 1])]);
      return ok({ pid });
    };
    const models = createModelService(context);
    const observer = createObserver(context);
    const ollama = createOllamaServing(context, models, observer);
    const turns = turnsOf(context, observer);
    servers = createServers(
      context,
      { models, observer, ollama, queue: turns.queue },
      () => null,
      () => Promise.resolve(),
    );
    const tails = createOutputTails();
    reporter = createFailureReporter(
      context,
      models,
      () => servers,
      (id) => tails.tailOf(id) !== null,
    );
    learner = createLearner(context, {
      storageFolder: '/storage',
      workspaceFolder: null,
      isTrusted: () => true,
    });
    context.launcher.listen({
      output(id, chunk) {
        tails.push(id, chunk);
        observer.output(id, chunk);
      },
      started: () => undefined,
      ended: (id, code) => void observer.ended(id, code),
    });
    stops = [reporter.follow(), learner.follow(), turns.stop, () => observer.dispose()];
  }

  async function start(wish: Wish): Promise<string> {
    const result = await context.clock.until(servers.deploy(wish, { force: true }));
    assert.ok(result.ok, JSON.stringify(result));
    return result.id;
  }

  async function endWith(id: string, line: string): Promise<Server> {
    context.launcher.events?.output(id, START + line);
    for (const { pid } of server(id).record?.seen ?? []) context.table.end(pid);
    const main = server(id).record?.main.pid ?? 0;
    for (const pid of [main + 1, main + 2, main + 3, main]) context.table.end(pid);
    context.launcher.events?.ended(id, 1);
    await pass(15_000);
    assert.equal(server(id).phase, 'ended');
    return server(id);
  }

  async function comeUp(id: string): Promise<Server> {
    const line = '(APIServer pid=100) INFO:     Application startup complete.\n';
    context.launcher.events?.output(id, START + line);
    const { port } = server(id);
    context.http.routes.set(`GET http://127.0.0.1:${String(port)}/health`, answered(''));
    await pass(10_000);
    assert.equal(server(id).phase, 'ready');
    return server(id);
  }

  async function startOffered(id: string): Promise<string> {
    const offer = await context.clock.until(reporter.offer(id));
    assert.ok(offer.ok, JSON.stringify(offer));
    const started = await context.clock.until(reporter.start(id, offer.value, { force: false }));
    assert.ok(started.ok, JSON.stringify(started));
    return started.id;
  }

  beforeEach(() => open());
  afterEach(async () => {
    for (const stop of stops) stop();
    await pass(30_000);
  });

  it('offers one launch with its diff and arithmetic, and starts it in place of the failed one', async () => {
    const id = await start(WISH);
    const failed = await endWith(id, TOO_SMALL);
    const { failure } = failed;
    assert.equal(failure?.reason, null);
    assert.equal(failure.isOwn, true);
    assert.deepEqual(failure.correction?.diff, ['--max-model-len 40960 → 24560']);
    assert.match(failure.correction.why, /24571/);
    assert.match(failure.correction.plan, /^(Fits|Tight|Does not fit).*GiB of 24\.00 GiB/);
    assert.deepEqual(failure.correction.wish.options, { ...WISH.options, maxModelLen: 24560 });
    const around = { nowMs: 0, trusted: true, port: 1 };
    const [row] = snapshotOf(context.store.state(), context.settings(), around).servers;
    assert.deepEqual(row?.failure?.correction?.diff, failure.correction.diff);

    const next = await startOffered(id);
    assert.deepEqual(
      context.servers().map((one) => one.id),
      [next],
    );
    const spec = context.launcher.specs.at(-1);
    assert.equal(spec?.args[spec.args.indexOf('--max-model-len') + 1], '24560');
    await comeUp(next);
    assert.equal(server(next).failure, null);
  });

  it('takes another port where somebody took the one that was chosen', async () => {
    const id = await start(WISH);
    const { port } = server(id);
    const taken = `ERROR 11-21 10:00:00 [launcher.py:1] OSError: [Errno 98] Address already in use, port ${String(port)}\n`;
    const { failure, diagnosis } = await endWith(id, taken);
    assert.equal(diagnosis?.cause?.id, 'port_in_use');
    assert.deepEqual(failure?.correction?.diff, [`--port ${String(port)} → one that is free`]);
    context.net.bound.add(port);
    const next = await startOffered(id);
    assert.notEqual(server(next).port, port);
    assert.deepEqual(server(next).wish.options, WISH.options);
  });

  it('offers no other port where the arguments fix it', async () => {
    const id = await start({ ...WISH, extraArguments: ['--port', '8123'] });
    const { failure } = await endWith(id, 'OSError: [Errno 98] Address already in use\n');
    assert.ok(failure?.correction === null);
    assert.match(failure.reason ?? '', /another port/);
  });

  it('drops an argument of the wish that would win over the change', async () => {
    const options: PlanOptions = { gpuMemoryUtilization: 0.8 };
    const extraArguments = ['--seed', '1', '--max-model-len', '40960', '--max_num_seqs=64'];
    const { failure } = await endWith(await start({ ...WISH, options, extraArguments }), TOO_SMALL);
    assert.deepEqual(failure?.correction?.wish.extraArguments, [
      '--seed',
      '1',
      '--max_num_seqs=64',
    ]);
    assert.equal(failure.correction.wish.options.maxModelLen, 24560);
    assert.deepEqual(failure.correction.diff, ['--max-model-len 40960 → 24560']);
  });

  it('offers nothing that the settings would undo, and says which', async () => {
    open({ 'vllm.extraArguments': ['--max-model-len', '40960'] });
    const { failure } = await endWith(await start(WISH), TOO_SMALL);
    assert.equal(failure?.correction, null);
    assert.match(failure.reason ?? '', /--max-model-len .*vramPilot\.vllm\.extraArguments/);
  });

  it('offers the same launch once the settings that stood in its way have changed', async () => {
    open({ 'vllm.extraArguments': ['--max-model-len', '40960', '--seed', '1'] });
    const id = await start({ ...WISH, options: { ...WISH.options, maxModelLen: 4096 } });
    assert.equal((await endWith(id, TOO_SMALL)).failure?.correction, null);
    context.settingsNow = { ...context.settingsNow, 'vllm.extraArguments': ['--seed', '2'] };
    await context.clock.until(reporter.lookAgain());
    const { correction } = server(id).failure ?? {};
    assert.deepEqual(correction?.diff, ['--max-model-len 40960 → 4096', '--seed 1 → 2']);
    assert.deepEqual(correction.change, {});
    const spec = await startOffered(id).then(() => context.launcher.specs.at(-1));
    assert.equal(spec?.args.at(spec.args.indexOf('--max-model-len') + 1), '4096');
  });

  it('corrects what failed where changed settings make nothing better of it', async () => {
    const id = await start(WISH);
    const { failure } = await endWith(id, TOO_SMALL);
    context.settingsNow = { ...context.settingsNow, 'vllm.extraArguments': ['--seed', '2'] };
    await context.clock.until(reporter.lookAgain());
    const { correction } = server(id).failure ?? {};
    assert.deepEqual(correction?.change, failure?.correction?.change);
    assert.deepEqual(correction?.diff, ['--max-model-len 40960 → 24560', '+ --seed 2']);
  });

  it('never offers again what failed, also where nothing is learned', async () => {
    open({ 'learning.enabled': false });
    const first = await start(WISH);
    const { failure } = await endWith(first, SAMPLER);
    assert.ok(failure?.correction);
    const second = await startOffered(first);
    const again = await endWith(second, SAMPLER);
    assert.equal(again.failure?.tried.length, 2);
    assert.notDeepEqual(again.failure.correction?.wish.options, WISH.options);
    assert.notDeepEqual(again.failure.correction?.wish.options, failure.correction.wish.options);
  });

  it('stops a crash loop after three, with the reason, also of the very same settings', async () => {
    for (const left of [2, 1]) {
      const id = await start(WISH);
      const { failure } = await endWith(id, TOO_SMALL);
      assert.ok(failure?.correction, `${String(left)} left`);
    }
    const id = await start(WISH);
    const { failure } = await endWith(id, TOO_SMALL);
    assert.equal(failure?.correction, null);
    assert.match(failure.reason ?? '', /^3 starts of this model failed here in a row/);
    assert.equal((await context.clock.until(reporter.offer(id))).ok, false);
  });

  it('begins to count anew after a good start', async () => {
    for (const line of [TOO_SMALL, TOO_SMALL]) await endWith(await start(WISH), line);
    const good = await start({ ...WISH, options: { ...WISH.options, maxModelLen: 8192 } });
    await comeUp(good);
    await context.clock.until(servers.stop(good, { force: false }));
    const { failure } = await endWith(await start(WISH), TOO_SMALL);
    assert.ok(failure?.correction, failure?.reason ?? '');
  });

  it('offers one step up after a good start that a failure had made small, and the way back', async () => {
    const careful = { gpuMemoryUtilization: 0.8, maxModelLen: 2048, enforceEager: true };
    await endWith(await start(WISH), SAMPLER);
    const small = await start({ ...WISH, options: careful });
    const ready = await comeUp(small);
    // what the planner has nothing against: here the context, since the failure makes graphs a tight fit
    assert.deepEqual(ready.stepUp?.change, { maxModelLen: 4096 });
    assert.deepEqual(ready.stepUp.diff, ['--max-model-len 2048 → 4096']);

    const higher = await startOffered(small);
    assert.equal(
      context.servers().some(({ id }) => id === small),
      false,
    );
    const { failure } = await endWith(higher, SAMPLER);
    assert.equal(failure?.correction?.source, 'known');
    assert.deepEqual(failure.correction.wish.options, careful);
    assert.deepEqual(failure.correction.diff, ['--max-model-len 4096 → 2048']);
  });

  it('offers no step up where nothing has failed', async () => {
    const careful = { gpuMemoryUtilization: 0.7, maxModelLen: 2048, enforceEager: true };
    const id = await start({ ...WISH, options: careful });
    assert.equal((await comeUp(id)).stepUp, null);
    assert.equal((await context.clock.until(reporter.offer(id))).ok, false);
  });

  it('names who grew on the card meanwhile, and who started beside it', async () => {
    const id = await start(WISH);
    const disturbances = [
      {
        pid: 4711,
        command: 'python train.py',
        gpus: [0],
        grewBytes: 1.2 * GIB,
        shrankBytes: 0,
        stage: 'profiling' as const,
      },
    ];
    context.store.dispatch({ type: 'serverChanged', id, change: { disturbances } });
    const beside = serverOf({ id: 'other', title: 'vLLM: other', gpus: [0], startedAtMs: 0 });
    context.store.dispatch({ type: 'serverAdded', server: beside });
    const { failure } = await endWith(id, SAMPLER);
    assert.deepEqual(failure?.culprits, [
      'PID 4711 (python train.py) grew by 1.2 GiB while this was profiling memory.',
      'vLLM: other was starting on the same GPU beside it.',
    ]);
  });

  it('names who holds the memory that the start check missed', async () => {
    const id = await start(WISH);
    const holders = [
      holderOf({ pid: 9, usedBytes: 6 * GIB, command: 'python notebook' }),
      holderOf({ pid: 10, usedBytes: 9 * GIB, gpus: [1] }),
    ];
    context.store.dispatch({ type: 'holdersJudged', holders, usedByServer: new Map() });
    const line =
      'ValueError: Free memory on device cuda:0 (15.5/23.5 GiB) on startup is less than desired GPU memory utilization (0.8, 18.85 GiB).\n';
    const { failure } = await endWith(id, line);
    assert.deepEqual(failure?.culprits, ['PID 9 (python notebook) holds 6.0 GiB on the same GPU.']);
    // 8B in 16 bit do not go into 15 GiB
    assert.deepEqual(failure.correction?.diff, [
      '--gpu-memory-utilization 0.8 → 0.65',
      '+ --quantization fp8',
    ]);
  });

  it('leaves a stop that was asked for alone, and an adopted server unexplained', async () => {
    const id = await start(WISH);
    await context.clock.until(servers.stop(id, { force: false }));
    await pass(15_000);
    assert.equal(server(id).failure, null);

    const adopted = serverOf({ id: 'adopted', origin: 'adopted' });
    context.store.dispatch({ type: 'serverAdded', server: adopted });
    context.store.dispatch({
      type: 'serverLived',
      id: 'adopted',
      event: { type: 'processEnded', result: 'failed' },
    });
    await pass(0);
    assert.equal(server('adopted').failure?.correction, null);
    assert.match(server('adopted').failure?.reason ?? '', /elsewhere/);
    assert.equal(server('adopted').failure?.isOwn, false);
  });
});
