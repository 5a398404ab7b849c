import assert from 'node:assert/strict';
import { createApiKeys, forgetKeysOfEnded } from '../../../../src/app/requests/apiKeys';
import { createModelService } from '../../../../src/app/models/modelService';
import { placeServer } from '../../../../src/app/servers/foundAgain';
import { createObserver } from '../../../../src/app/servers/observer';
import { createOllamaServing } from '../../../../src/app/ollama/ollamaServing';
import { createServers, type Servers } from '../../../../src/app/servers/servers';
import { parseLaunch } from '../../../../src/app/servers/savedLaunch';
import { createServerUse } from '../../../../src/app/requests/serverUse';
import type { Settings } from '../../../../src/app/settings';
import type { Command } from '../../../../src/shared/planAnswer';
import { fail, ok } from '../../../../src/shared/failure';
import type { Wish } from '../../../../src/shared/wish';
import { LAUNCH_MARK } from '../../../../src/processes/process';
import {
  answered,
  fakeContext,
  GIB,
  gpuOf,
  LAUNCHES,
  plantVllm,
  sampleOf,
  serverOf,
  settle,
  turnsOf,
  type FakeContext,
} from '../../../support/fakePorts';

const MODEL = '/models/tiny';

const WISH: Wish = {
  engine: 'vllm',
  model: MODEL,
  options: { gpuMemoryUtilization: 0.7, maxModelLen: 2048 },
  extraArguments: [],
  port: null,
};

/** A Llama with 2 layers, in shape like the smallest test models. */
const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 256,
  intermediate_size: 512,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 1000,
  max_position_embeddings: 4096,
  torch_dtype: 'bfloat16',
};

interface Scene {
  readonly context: FakeContext;
  readonly servers: Servers;
  readonly dispose: () => void;
}

function sceneOf(settings: Partial<Settings> = {}, simulated: Command | null = null): Scene {
  const context = fakeContext(settings);
  context.files.put(`${MODEL}/config.json`, JSON.stringify(CONFIG));
  context.gpuNow = sampleOf();
  const vllm = { found: true, file: '/v/bin/vllm', version: '0.19.1' };
  const engines = { ...context.store.state().engines, vllm };
  context.store.dispatch({ type: 'enginesFound', engines });
  context.launcher.begin = (spec) => {
    plantVllm(context.table, spec.launchId);
    return ok({ pid: 100 });
  };
  const models = createModelService(context);
  const observer = createObserver(context);
  const ollama = createOllamaServing(context, models, observer);
  const servers = createServers(
    context,
    { models, observer, ollama, queue: turnsOf(context, observer).queue },
    () => simulated,
    () => Promise.resolve(),
  );
  context.launcher.listen({
    output: (id, chunk) => observer.output(id, chunk),
    started: () => undefined,
    ended: (id, code) => void observer.ended(id, code),
  });
  return { context, servers, dispose: () => observer.dispose() };
}

describe('deploy of vLLM', () => {
  let scene: Scene;
  const enter = (settings: Partial<Settings> = {}, simulated: Command | null = null) =>
    (scene = sceneOf(settings, simulated));
  const problemsOf = async (change: Partial<Wish> = {}): Promise<string[]> => {
    const prepared = await scene.servers.prepare({ ...WISH, ...change });
    assert.ok(prepared.ok);
    return prepared.value.problems.map(({ id }) => id);
  };

  beforeEach(() => enter());
  afterEach(() => scene.dispose());

  it('starts the planned command, marks it, and records who runs', async () => {
    const { context, servers } = scene;
    assert.deepEqual(await servers.deploy(WISH, { force: false }), { ok: true, id: 'launch-1' });
    const [spec] = context.launcher.specs;
    assert.equal(spec?.file, '/v/bin/vllm');
    assert.deepEqual(spec.args.slice(0, 2), ['serve', MODEL]);
    assert.ok(spec.args.join(' ').includes('--gpu-memory-utilization 0.7'));
    assert.equal(spec.env[LAUNCH_MARK], 'launch-1');
    const server = context.server();
    assert.equal(server.phase, 'starting');
    assert.equal(server.port, 8000);
    assert.equal(server.engineVersion, '0.19.1');
    assert.equal(server.record?.main.pid, 100);
    assert.equal(server.servedModelName, spec.args[spec.args.indexOf('--served-model-name') + 1]);
    assert.ok((server.plannedBytesPerGpu[0] ?? 0) > 16 * GIB);
    const [saved] = await context.registry.load();
    assert.equal(saved?.record?.main.startTime, server.record.main.startTime);
  });

  it('finds nothing to object to in a good wish', async () => {
    assert.deepEqual(await problemsOf(), []);
    assert.deepEqual(await problemsOf({ port: 8005 }), []);
  });

  it('asks for a model first', async () => {
    const result = await scene.servers.deploy({ ...WISH, model: '' }, { force: true });
    assert.ok(!result.ok);
    assert.match(result.failure.detail, /model/);
    assert.equal(scene.context.launcher.specs.length, 0);
  });

  it('objects to a port that is taken, naming our own server on it', async () => {
    scene.context.net.bound.add(8005);
    assert.deepEqual(await problemsOf({ port: 8005 }), ['port_in_use']);
    // still starting: it has not bound its port yet
    const server = serverOf({ port: 8006, title: 'other', phase: 'ready' });
    scene.context.store.dispatch({ type: 'serverAdded', server });
    const prepared = await scene.servers.prepare({ ...WISH, port: 8006 });
    assert.ok(prepared.ok);
    assert.match(prepared.value.problems[0]?.text ?? '', /8006 is taken by other/);
  });

  it('takes a port that is neither bound nor spoken for', async () => {
    scene.context.store.dispatch({ type: 'serverAdded', server: serverOf({ port: 8000 }) });
    const next = await scene.servers.prepare(WISH);
    assert.equal(next.ok && next.value.port, 8001);
    scene.context.net.bound.add(8001);
    const prepared = await scene.servers.prepare(WISH);
    assert.ok(prepared.ok);
    assert.ok(![8000, 8001].includes(prepared.value.port), String(prepared.value.port));
    assert.ok(prepared.value.answer.command.args.includes(String(prepared.value.port)));
  });

  it('reads the context as it takes effect, from the arguments too', async () => {
    const long = { ...WISH.options, maxModelLen: 200_000 };
    const named = (length: string) => ({ extraArguments: ['--max-model-len', length] });
    const objection = ['max_model_len_over_derived'];
    const longest = async (change: Partial<Wish>) =>
      (await problemsOf(change)).filter((id) => id === objection[0]);
    assert.deepEqual(await longest(named('200000')), objection);
    assert.deepEqual(await longest({ options: long, ...named('1024') }), []);
    enter({ 'vllm.extraArguments': ['--max-model-len=200k'] });
    assert.deepEqual(await longest({}), objection);
    assert.deepEqual(await longest(named('1024')), []);
  });

  it('objects to a context longer than the model has', async () => {
    assert.deepEqual(await problemsOf({ options: { ...WISH.options, maxModelLen: 8192 } }), [
      'max_model_len_over_derived',
    ]);
  });

  it('objects to a model that cannot be read', async () => {
    assert.deepEqual(await problemsOf({ model: '/models/none' }), ['model_unreadable']);
    scene.context.files.put('/models/broken/config.json', '{');
    assert.ok((await problemsOf({ model: '/models/broken' })).includes('model_unreadable'));
  });

  it('objects to an argument that vLLM does not know', async () => {
    assert.deepEqual(await problemsOf({ extraArguments: ['--max-model-lenght', '1'] }), [
      'unknown_flag',
    ]);
  });

  it('objects where vLLM is missing, unless it is simulated', async () => {
    const engines = { ...scene.context.store.state().engines };
    const vllm = { found: false, file: null, version: null };
    scene.context.store.dispatch({ type: 'enginesFound', engines: { ...engines, vllm } });
    assert.deepEqual(await problemsOf(), ['engine_not_found']);
    scene.context.settingsNow = { ...scene.context.settingsNow, simulate: true };
    assert.deepEqual(await problemsOf(), []);
  });

  it('objects to the very same launch while it starts, and to no other', async () => {
    scene.context.store.dispatch({ type: 'serverAdded', server: serverOf({ wish: WISH }) });
    assert.deepEqual(await problemsOf(), ['launch_in_progress']);
    assert.deepEqual(await problemsOf({ extraArguments: ['--seed', '1'] }), []);
  });

  it('objects to a plan that does not fit', async () => {
    scene.context.gpuNow = sampleOf({ gpus: [gpuOf({ usedBytes: 20 * GIB, freeBytes: 4 * GIB })] });
    assert.deepEqual(await problemsOf(), ['does_not_fit']);
  });

  it('tells a plan that takes what is kept for Ollama from one that does not fit', async () => {
    const { context } = scene;
    const kept = { 'coexistence.ollamaVramReservationMb': 20 * 1024 };
    context.settingsNow = { ...context.settingsNow, ...kept };
    const prepared = async () => {
      const answer = await scene.servers.prepare(WISH);
      assert.ok(answer.ok);
      assert.deepEqual(
        answer.value.problems.map(({ id }) => id),
        ['does_not_fit'],
      );
      return answer.value.problems[0];
    };
    const takes = await prepared();
    assert.equal(takes?.takesOllamas, true);
    assert.match(takes.text, /^It takes memory that is kept for Ollama: /);
    context.gpuNow = sampleOf({ gpus: [gpuOf({ usedBytes: 20 * GIB, freeBytes: 4 * GIB })] });
    context.clock.advance(60_000);
    assert.equal((await prepared())?.takesOllamas, undefined);
  });

  it('refuses with the first objection, and goes on when forced', async () => {
    const wish = { ...WISH, extraArguments: ['--no-such-thing'] };
    const refused = await scene.servers.deploy(wish, { force: false });
    assert.ok(!refused.ok);
    assert.equal(refused.failure.reason, 'refused');
    assert.deepEqual(
      refused.problems.map(({ id }) => id),
      ['unknown_flag'],
    );
    assert.equal(scene.context.servers().length, 0);
    assert.equal((await scene.servers.deploy(wish, { force: true })).ok, true);
    assert.ok(scene.context.launcher.specs[0]?.args.includes('--no-such-thing'));
  });

  it('of two clicks in a row starts one server', async () => {
    const [first, second] = await Promise.all([
      scene.servers.deploy(WISH, { force: false }),
      scene.servers.deploy(WISH, { force: false }),
    ]);
    assert.equal(first.ok, true);
    assert.ok(!second.ok);
    assert.deepEqual(
      second.problems.map(({ id }) => id),
      ['launch_in_progress'],
    );
  });

  describe('behind another start', () => {
    const SECOND = { ...WISH, extraArguments: ['--seed', '7'] };
    const second = () => scene.context.servers()[1];

    beforeEach(async () => {
      const { context, servers } = scene;
      let pid = 0;
      context.launcher.begin = ({ launchId }) => {
        plantVllm(context.table, launchId, (pid += 100));
        context.table.ports.set(pid, [7999 + pid / 100]);
        return ok({ pid });
      };
      assert.equal((await servers.deploy(WISH, { force: false })).ok, true);
      assert.deepEqual(await servers.deploy(SECOND, { force: false }), {
        ok: true,
        id: 'launch-2',
      });
    });

    const getReady = async (port: number) => {
      const { http, clock } = scene.context;
      http.routes.set(`GET http://127.0.0.1:${port}/health`, answered(''));
      await clock.pass(5_000);
    };

    it('waits in the list, on a port of its own, without a process', () => {
      assert.deepEqual(second()?.queued?.waitsFor, ['vLLM: tiny']);
      assert.equal(second()?.port, 8001);
      assert.equal(second()?.record, null);
      assert.equal(scene.context.launcher.specs.length, 1);
    });

    it('starts in its turn, planned with what is free then', async () => {
      await getReady(8000);
      assert.equal(second()?.queued, null);
      assert.equal(second()?.record?.main.pid, 200);
      const [, spec] = scene.context.launcher.specs;
      assert.deepEqual(spec?.args.slice(-2), ['--seed', '7']);
      assert.ok(spec.args.includes('8001'));
    });

    it('does not start where it no longer fits, and says so in the list', async () => {
      const full = gpuOf({ usedBytes: 22 * GIB, freeBytes: 2 * GIB });
      scene.context.gpuNow = sampleOf({ gpus: [full] });
      await getReady(8000);
      assert.equal(second()?.phase, 'ended');
      assert.equal(second()?.endReason, 'failed');
      assert.match(second()?.diagnosis?.cause?.title ?? '', /does not fit/);
      assert.equal(scene.context.launcher.specs.length, 1);
      assert.deepEqual(await scene.context.files.list(LAUNCHES), ['launch-1.json']);
    });

    it('is taken off the list by a stop', async () => {
      assert.equal((await scene.servers.stop('launch-2', { force: false })).ok, true);
      assert.equal(second(), undefined);
      await getReady(8000);
      assert.equal(scene.context.launcher.specs.length, 1);
    });

    it('is not held up where that is turned off', async () => {
      scene.context.settingsNow = { ...scene.context.settingsNow, 'launch.oneAtATime': false };
      const third = { ...WISH, extraArguments: ['--seed', '8'] };
      assert.equal((await scene.servers.deploy(third, { force: false })).ok, true);
      assert.equal(scene.context.launcher.specs.length, 2);
      await scene.context.clock.pass(1_000);
      assert.equal(scene.context.launcher.specs.length, 3, 'nor is who waits already');
    });

    it('an adopted server is not started again, and is forgotten without being stopped', async () => {
      const record = plantVllm(scene.context.table, 'adopted', 900);
      const server = serverOf({ id: 'adopted', origin: 'adopted', phase: 'ready', record });
      scene.context.store.dispatch({ type: 'serverAdded', server });
      const again = await scene.servers.restart('adopted');
      assert.equal(!again.ok && again.failure.reason, 'notSupported');
      await scene.servers.remove('adopted');
      assert.ok(!scene.context.servers().some(({ id }) => id === 'adopted'));
      assert.ok(scene.context.table.processes.has(900));
    });
  });

  for (const reason of ['notTrusted', 'toolMissing', 'timedOut'] as const) {
    it(`ends as failed with the cause when the launcher says ${reason}, and records nothing`, async () => {
      const { context, servers } = scene;
      context.launcher.begin = () => fail(reason, `because ${reason}`);
      const result = await servers.deploy(WISH, { force: false });
      assert.ok(!result.ok);
      assert.deepEqual(result.failure, { reason, detail: `because ${reason}` });
      const server = context.server();
      assert.equal(server.phase, 'ended');
      assert.equal(server.endReason, 'failed');
      assert.equal(server.seen, false);
      assert.equal(server.diagnosis?.cause?.title, `because ${reason}`);
      assert.deepEqual(await context.files.list(LAUNCHES), []);
    });
  }

  it('records nothing of a process that was gone at once', async () => {
    const { context, servers } = scene;
    context.launcher.begin = (spec) => {
      context.launcher.events?.output(spec.launchId, 'bash: /v/bin/vllm: bad interpreter\n');
      context.launcher.events?.ended(spec.launchId, 126);
      return ok({ pid: 100 });
    };
    await servers.deploy(WISH, { force: false });
    await settle();
    assert.equal(context.server().phase, 'ended');
    assert.equal(context.server().exitCode, 126);
    assert.deepEqual(await context.files.list(LAUNCHES), []);
  });

  it('runs the simulated server in its place, labelled so', async () => {
    scene.dispose();
    enter({ simulate: true }, { file: '/node', args: ['/cli.js', 'serve-fake'], env: { A: '1' } });
    await scene.servers.deploy(WISH, { force: false });
    const [spec] = scene.context.launcher.specs;
    assert.equal(spec?.file, '/node');
    assert.deepEqual(spec.args.slice(0, 3), ['/cli.js', 'serve-fake', 'serve']);
    assert.equal(spec.env.A, '1');
    assert.equal(scene.context.server().simulated, true);
  });

  it('restarts with the same wish on the same port', async () => {
    const { context, servers } = scene;
    await servers.deploy(WISH, { force: false });
    context.table.end(102);
    context.table.end(103);
    context.table.end(101);
    context.table.end(100);
    context.launcher.events?.ended('launch-1', 1);
    await context.clock.pass(0);
    assert.equal((await context.clock.until(servers.restart('launch-1'))).ok, true);
    assert.deepEqual(
      context.servers().map(({ id, port, phase }) => [id, port, phase]),
      [['launch-2', 8000, 'starting']],
    );
  });

  it('keeps a server in the list that could not even be tried again', async () => {
    const { context, servers } = scene;
    await servers.deploy(WISH, { force: false });
    await context.clock.until(servers.stop('launch-1', { force: false }));
    context.files.isFull = true;
    const again = await context.clock.until(servers.restart('launch-1'));
    assert.equal(again.ok, false);
    assert.deepEqual(
      context.servers().map(({ id, phase }) => [id, phase]),
      [['launch-1', 'ended']],
    );
  });

  it('of two restarts at once starts one server', async () => {
    const { context, servers } = scene;
    await servers.deploy(WISH, { force: false });
    const both = ['launch-1', 'launch-1'].map((id) => servers.restart(id));
    await context.clock.until(Promise.all(both));
    assert.equal(context.launcher.specs.length, 2, 'the first start, and one again');
    assert.deepEqual(
      context.servers().map(({ id, phase }) => [id, phase]),
      [['launch-2', 'starting']],
    );
  });

  it('a stop ends our own prompt first', async () => {
    const { context, servers } = scene;
    await servers.deploy(WISH, { force: false });
    context.http.routes.set(
      'POST http://127.0.0.1:8000/v1/chat/completions',
      () => new Promise(() => undefined),
    );
    const prompt = createServerUse(context).sendTestPrompt(
      context.server(),
      new AbortController().signal,
    );
    await context.clock.until(servers.stop('launch-1', { force: false }));
    const answer = await prompt;
    assert.equal(!answer.ok && answer.failure.reason, 'cancelled');
  });
});

describe('deploy of a vLLM that other machines can reach', () => {
  const OPEN: Wish = { ...WISH, extraArguments: ['--host', '0.0.0.0'] };
  const use = ({ context }: Scene) => createServerUse(context);
  const url = 'POST http://127.0.0.1:8000/v1/chat/completions';

  it('warns first, then makes a key that only the process and the secret storage get', async () => {
    const scene = sceneOf();
    const { context, servers } = scene;
    const refused = await servers.deploy(OPEN, { force: false });
    assert.ok(!refused.ok);
    assert.deepEqual(
      refused.problems.map(({ id }) => id),
      ['open_to_network'],
    );
    assert.equal(context.launcher.specs.length, 0);

    assert.ok((await servers.deploy(OPEN, { force: true })).ok);
    const [spec] = context.launcher.specs;
    const key = spec?.env.VLLM_API_KEY ?? '';
    assert.match(key, /^sk-[0-9a-f-]{72}$/);
    assert.deepEqual([...context.secrets.kept.values()], [key]);
    assert.deepEqual(
      spec?.args.filter((one) => /host|0\.0\.0\.0|127/.test(one)),
      ['--host', '0.0.0.0'],
    );
    assert.equal(context.server().host, '127.0.0.1', 'reached from here as ever');
    const [file = ''] = await context.files.list(LAUNCHES);
    const saved = context.files.text(`${LAUNCHES}/${file}`);
    const written = [saved, ...context.log.lines, ...spec.args].join();
    assert.ok(saved?.includes('0.0.0.0') === true && written.includes('made a key'));
    assert.ok(!written.includes(key), 'in no file, log or argument');
    assert.ok(!JSON.stringify(context.store.state()).includes(key));

    context.http.routes.set(url, ({ headers, onText }) => {
      onText?.(headers?.authorization === `Bearer ${key}` ? 'data: [DONE]\n\n' : '');
      return answered('');
    });
    const signal = new AbortController().signal;
    assert.ok((await use(scene).sendTestPrompt(context.server(), signal)).ok);
    const curl = await use(scene).curlFor(context.server());
    assert.ok(curl.includes('"Authorization: Bearer $VLLM_API_KEY"') && !curl.includes(key));
    assert.equal(await use(scene).apiKeyOf(context.server()), key);
    scene.dispose();
  });

  it('takes the key that the user gave', async () => {
    for (const [settings, extra] of [
      [{ 'vllm.environment': { VLLM_API_KEY: 'mine-1' } }, []],
      [{}, ['--api-key', 'mine-1']],
    ] as const) {
      for (const from of [OPEN, WISH]) {
        const scene = sceneOf(settings);
        const { context, servers } = scene;
        const wish = { ...from, extraArguments: [...from.extraArguments, ...extra] };
        assert.ok((await servers.deploy(wish, { force: true })).ok);
        const [spec] = context.launcher.specs;
        assert.equal(spec?.env.VLLM_API_KEY, 'mine-1');
        assert.equal(await use(scene).apiKeyOf(context.server()), 'mine-1');
        const curl = await use(scene).curlFor(context.server());
        assert.ok(curl.includes('$VLLM_API_KEY') && !curl.includes('mine-1'));
        const [name = ''] = await context.files.list(LAUNCHES);
        const saved = context.files.text(`${LAUNCHES}/${name}`) ?? '';
        const written = [saved, ...context.log.lines, ...spec.args].join();
        assert.ok(saved.includes('***') && !written.includes('mine-1'), written);
        assert.ok(!JSON.stringify(context.store.state()).includes('mine-1'));
        assert.deepEqual([...context.secrets.kept.values()], ['mine-1']);
        scene.dispose();
      }
    }
  });

  it('keeps it over a reload and a restart', async () => {
    const keyed = { ...WISH, extraArguments: ['--api-key', 'mine-1', '--seed', '1'] };
    const scene = sceneOf();
    const { context, servers } = scene;
    await servers.deploy(keyed, { force: true });
    const [name = ''] = await context.files.list(LAUNCHES);
    const reloaded = parseLaunch(context.files.text(`${LAUNCHES}/${name}`) ?? '');
    assert.ok(typeof reloaded !== 'string');
    assert.deepEqual(reloaded.wish.extraArguments, ['--api-key', '***', '--seed', '1']);
    const { secrets, log, table } = context;
    const after = { ...fakeContext(), apiKeys: createApiKeys(secrets, log, table, {}), table };
    const observer = createObserver(after);
    await placeServer(after, observer, reloaded, await table.all());
    observer.dispose();
    await settle();
    const kept = new Map(secrets.kept);
    secrets.kept.clear();
    assert.equal(await after.apiKeys.of(reloaded), 'mine-1', 'another window forgot it first');
    for (const [id, key] of kept) secrets.kept.set(id, key);
    assert.ok((await context.clock.until(servers.restart('launch-1'))).ok);
    const specs = context.launcher.specs.map(({ args, env }) => [env.VLLM_API_KEY, args.slice(-2)]);
    assert.deepEqual(specs, Array(2).fill(['mine-1', ['--seed', '1']]));
    scene.dispose();
  });

  it('hands several on by the arguments, and makes one where only a mark of one is left', async () => {
    for (const [given, keys] of [
      [
        ['--api-key', 'one', 'two'],
        ['one', 'two'],
      ],
      [['--api-key', '***'], []],
    ] as const) {
      const scene = sceneOf();
      const { context, servers } = scene;
      const wish = { ...WISH, extraArguments: [...given, '--seed', '1'] };
      await servers.deploy(wish, { force: true });
      const [spec] = context.launcher.specs;
      const end = keys.length > 0 ? ['--seed', '1', '--api-key', ...keys] : ['--seed', '1'];
      assert.deepEqual(spec?.args.slice(-end.length), end);
      assert.match(spec.env.VLLM_API_KEY ?? '', keys.length > 0 ? /^one$/ : /^sk-/);
      assert.ok(!JSON.stringify(context.store.state()).includes('two'));
      scene.dispose();
    }
  });

  it('writes no secret of the environment down', async () => {
    const scene = sceneOf({ 'vllm.environment': { HF_TOKEN: 'hf_mine', CUDA_MODULE: 'LAZY' } });
    await scene.servers.deploy(WISH, { force: true });
    const [name = ''] = await scene.context.files.list(LAUNCHES);
    const saved = scene.context.files.text(`${LAUNCHES}/${name}`) ?? '';
    assert.ok(saved.includes('"HF_TOKEN":"***"') && saved.includes('LAZY'), saved);
    assert.equal(scene.context.launcher.specs[0]?.env.HF_TOKEN, 'hf_mine');
    scene.dispose();
  });

  it('takes no empty key for one', async () => {
    const scene = sceneOf({ 'vllm.environment': { VLLM_API_KEY: '' } });
    assert.ok((await scene.servers.deploy(OPEN, { force: true })).ok);
    assert.match(scene.context.launcher.specs[0]?.env.VLLM_API_KEY ?? '', /^sk-/);
    scene.dispose();
  });

  it('hands a key of its own environment on by name, in case the terminal does not', async () => {
    const { context, dispose } = sceneOf();
    const keys = createApiKeys(context.secrets, context.log, context.table, {
      VLLM_API_KEY: 'of the shell',
    });
    const server = serverOf({ command: { file: 'vllm', args: ['--host', '0.0.0.0'], env: {} } });
    assert.deepEqual((await keys.handOver(server)).env, { VLLM_API_KEY: 'of the shell' });
    assert.equal(context.secrets.kept.size, 0);
    dispose();
  });

  it('starts with what was accepted, and with nothing else that speaks against it', async () => {
    const { servers, dispose } = sceneOf();
    const empty = { ...OPEN, extraArguments: [...OPEN.extraArguments, '--api-key', ''] };
    const accepted = { force: false, accepted: ['open_to_network'] };
    const refused = await servers.deploy(empty, accepted);
    assert.ok(!refused.ok && refused.problems.some(({ id }) => id === 'api_key_empty'));
    assert.ok((await servers.deploy(OPEN, accepted)).ok);
    dispose();
  });

  it('finds the key again in another window, keeps it over a restart, and forgets it at the end', async () => {
    const scene = sceneOf();
    const { context, servers } = scene;
    const stop = forgetKeysOfEnded(context.store, context.apiKeys);
    await servers.deploy(OPEN, { force: true });
    const [key] = context.secrets.kept.values();
    const inOtherWindow = (environment = {}) =>
      createApiKeys(context.secrets, context.log, context.table, environment).of(context.server());
    assert.equal(await inOtherWindow(), key);
    assert.equal(await inOtherWindow({ VLLM_API_KEY: 'of another shell' }), key);
    const kept = new Map(context.secrets.kept);
    context.secrets.kept.clear();
    assert.equal(await inOtherWindow(), null);
    context.table.environments.set(100, { VLLM_API_KEY: key ?? '' });
    assert.equal(await inOtherWindow(), key, 'its process has it, too');
    for (const [name, value] of kept) context.secrets.kept.set(name, value);
    assert.ok((await context.clock.until(servers.restart('launch-1'))).ok);
    assert.deepEqual(
      context.launcher.specs.map(({ env }) => env.VLLM_API_KEY),
      [key, key],
      'a restart keeps it: clients have it already',
    );
    const restarted = context.server().id;
    assert.deepEqual([...context.secrets.kept.keys()], [`vramPilot.apiKey.${restarted}`]);
    await context.clock.until(servers.stop(restarted, { force: true }));
    await settle();
    assert.equal(context.secrets.kept.size, 0);
    stop();
    scene.dispose();
  });
});

describe('deploy of a model that Ollama lacks', () => {
  const BASE = 'http://127.0.0.1:11434';
  const wish: Wish = {
    engine: 'ollama',
    model: 'fresh',
    options: { numCtx: 4096 },
    extraArguments: [],
    port: null,
  };

  it('asks first, and downloads when that was agreed to, also where nothing else may be ignored', async () => {
    const { context, servers, dispose } = sceneOf();
    const { routes } = context.http;
    let has = false;
    routes.set(`GET ${BASE}/api/version`, answered({ version: '0.32.15' }));
    routes.set(`GET ${BASE}/api/ps`, answered({ models: [] }));
    routes.set(`GET ${BASE}/api/tags`, () =>
      answered({
        models: has ? [{ name: 'fresh:latest', digest: 'd', size: 1, details: {} }] : [],
      }),
    );
    routes.set(`POST ${BASE}/api/show`, answered({ error: "model 'fresh:latest' not found" }, 404));
    routes.set(`POST ${BASE}/api/pull`, ({ onText }) => {
      onText?.('{"status":"pulling manifest"}\n{"status":"success"}\n');
      has = true;
      return answered('');
    });
    routes.set(`POST ${BASE}/api/generate`, answered({ done: true, done_reason: 'load' }));

    const refused = await servers.deploy(wish, { force: false });
    assert.ok(!refused.ok);
    assert.deepEqual(
      refused.problems.map(({ id }) => id),
      ['model_missing'],
    );
    assert.deepEqual(context.http.sent('/api/pull'), []);
    assert.deepEqual(context.servers(), []);

    assert.ok((await servers.deploy(wish, { force: false, pull: true })).ok);
    await context.clock.pass(2_000);
    assert.deepEqual(context.http.sent('/api/pull'), [{ model: 'fresh', stream: true }]);
    assert.equal(context.http.sent('/api/generate').length, 1, 'loaded after that');
    dispose();
  });
});
