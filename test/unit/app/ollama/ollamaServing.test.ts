import assert from 'node:assert/strict';
import { createModelService } from '../../../../src/app/models/modelService';
import { serverFor } from '../../../../src/app/launching/deploy';
import { createObserver, type Observer } from '../../../../src/app/servers/observer';
import { daemonUrl } from '../../../../src/engines/ollama/address';
import { createOllamaServing, type OllamaServing } from '../../../../src/app/ollama/ollamaServing';
import type { HttpAnswer } from '../../../../src/app/ports';
import { settingDefaults, type Settings } from '../../../../src/app/settings';
import type { Server } from '../../../../src/app/state';
import { stopServer } from '../../../../src/app/servers/stopping';
import { ok } from '../../../../src/shared/failure';
import type { Wish } from '../../../../src/shared/wish';
import {
  answered,
  fakeContext,
  GIB,
  gpuOf,
  LAUNCHES,
  sampleOf,
  settle,
  type FakeContext,
} from '../../../support/fakePorts';

const BASE = 'http://127.0.0.1:11434';

const wishFor = (model: string): Wish => ({
  engine: 'ollama',
  model,
  options: { numCtx: 4096 },
  extraArguments: [],
  port: null,
});

/** A daemon that answers in Ollama's formats; what it holds and how it loads is up to the test. */
class FakeDaemon {
  isUp = true;
  readonly loaded = new Map<string, { size: number; size_vram: number }>();
  /** What a load answers; by default it succeeds, all on the GPU. */
  onLoad: (model: string) => HttpAnswer | Promise<HttpAnswer> = (model) => {
    this.loaded.set(model, { size: 4 * GIB, size_vram: 4 * GIB });
    return this.done(model, 'load');
  };

  onUnload: (model: string) => HttpAnswer = (model) => {
    this.loaded.delete(model);
    return this.done(model, 'unload');
  };

  constructor(context: FakeContext, base = BASE) {
    const when =
      (answer: () => HttpAnswer | Promise<HttpAnswer>) =>
      (): HttpAnswer | 'refused' | Promise<HttpAnswer> => (this.isUp ? answer() : 'refused');
    const { routes } = context.http;
    routes.set(
      `GET ${base}/api/version`,
      when(() => answered({ version: '0.32.15' })),
    );
    routes.set(
      `GET ${base}/api/ps`,
      when(() => answered({ models: this.rows() })),
    );
    routes.set(
      `GET ${base}/api/tags`,
      when(() =>
        answered({ models: [{ name: 'llama3:latest', size: 4e9, digest: 'd', details: {} }] }),
      ),
    );
    routes.set(
      `POST ${base}/api/show`,
      when(() => answered({ error: "model 'x' not found" }, 404)),
    );
    routes.set(`POST ${base}/api/generate`, ({ body }) => {
      const asked = JSON.parse(body ?? '') as { model: string; keep_alive: number };
      if (!this.isUp) return 'refused';
      if (asked.keep_alive !== 0) return this.onLoad(asked.model);
      return this.onUnload(asked.model);
    });
  }

  done(model: string, reason: string): HttpAnswer {
    const created_at = '2026-11-21T08:33:12.326480549Z';
    return answered({ model, created_at, response: '', done: true, done_reason: reason });
  }

  private rows(): unknown[] {
    return [...this.loaded].map(([model, sizes]) => {
      const name = model.includes(':') ? model : `${model}:latest`;
      return { name, model: name, digest: 'd', details: {}, context_length: 4096, ...sizes };
    });
  }
}

describe('Ollama', () => {
  let context: FakeContext;
  let observer: Observer;
  let ollama: OllamaServing;
  let daemon: FakeDaemon;

  function enter(settings: Partial<Settings> = {}): void {
    context = fakeContext(settings);
    context.gpuNow = sampleOf();
    void context.lookAtGpus();
    observer = createObserver(context);
    ollama = createOllamaServing(context, createModelService(context), observer);
    daemon = new FakeDaemon(context);
    const found = { found: true, file: '/usr/local/bin/ollama', version: '0.32.15' };
    const engines = { ...context.store.state().engines, ollama: found };
    context.store.dispatch({ type: 'enginesFound', engines });
    context.launcher.begin = () => {
      const args = ['/usr/local/bin/ollama', 'serve'];
      context.table.add({ pid: 200, args, comm: 'ollama' });
      context.table.ports.set(200, [11434]);
      const runner = ['/usr/local/bin/ollama', 'runner', '--model', '/m/blobs/sha256-1'];
      context.clock.after(500, () => {
        daemon.isUp = true;
        context.table.add({ pid: 201, ppid: 200, pgid: 200, sid: 200, args: runner });
      });
      return ok({ pid: 200 });
    };
    context.table.react = (process) => {
      if (process.pid === 200) {
        daemon.isUp = false;
        context.table.end(201);
      }
      return true;
    };
  }

  const pass = (ms: number) => context.clock.pass(ms);
  const deploy = async (model = 'llama3', options: object = {}, more: Partial<Wish> = {}) => {
    const wish = wishFor(model);
    const prepared = await ollama.prepare({
      ...wish,
      options: { ...wish.options, ...options },
      ...more,
    });
    assert.ok(prepared.ok);
    return ollama.deploy(serverFor(context, context.newId(), prepared.value, null));
  };
  const stop = (id: string) =>
    context.clock.until(stopServer(context, observer, ollama, id, { force: false }));
  const sent = () =>
    context.table.signals.map(({ identity, signal }) => `${signal} ${identity.pid}`);
  const causeOf = (server: Server | undefined) => server?.diagnosis?.cause?.title;

  beforeEach(() => enter());
  afterEach(async () => {
    observer.dispose();
    await pass(10_000);
  });

  it('plans a load by the figures of this moment', async () => {
    enter();
    daemon.isUp = true;
    await pass(2_000);
    context.gpuNow = sampleOf({ gpus: [gpuOf({ usedBytes: 23 * GIB, freeBytes: GIB })] });
    const prepared = await context.clock.until(ollama.prepare(wishFor('llama3')));
    assert.ok(prepared.ok);
    assert.equal(prepared.value.answer.perGpu[0]?.freeBytes, GIB);
  });

  it('adopts a daemon that runs, loads, and is ready when the daemon lists the model', async () => {
    let finish = (): void => undefined;
    daemon.onLoad = (model) =>
      new Promise((resolve) => {
        finish = () => {
          daemon.loaded.set(model, { size: 4 * GIB, size_vram: 4 * GIB });
          resolve(daemon.done(model, 'load'));
        };
      });
    assert.equal((await deploy()).ok, true);
    await pass(3_000);
    assert.equal(context.server().phase, 'starting');
    assert.equal(context.server().stage, 'loading');
    assert.equal(context.server().engineVersion, '0.32.15');
    finish();
    await pass(1_000);
    assert.equal(context.server().phase, 'ready');
    assert.deepEqual(context.server().warnings, []);
    assert.equal(context.launcher.specs.length, 0);
    assert.deepEqual(context.http.sent('/api/generate'), [
      { model: 'llama3', stream: false, keep_alive: -1, options: { num_ctx: 4096 } },
    ]);
  });

  it('starts a daemon where none answers, and waits for it', async () => {
    daemon.isUp = false;
    assert.equal((await deploy()).ok, true);
    const [spec] = context.launcher.specs;
    assert.equal(spec?.file, '/usr/local/bin/ollama');
    assert.deepEqual(spec.args, ['serve']);
    assert.equal(spec.env.OLLAMA_HOST, '127.0.0.1:11434');
    await pass(3_000);
    const server = context.server();
    assert.equal(server.phase, 'ready');
    assert.equal(server.servedModelName, 'llama3');
    assert.equal(server.record?.main.pid, 200);
  });

  it('starts nothing without a program, nor for a daemon on another machine', async () => {
    daemon.isUp = false;
    context.settingsNow = { ...context.settingsNow, 'ollama.host': 'http://gpu-box:11434' };
    const far = await deploy();
    assert.match(far.ok ? '' : far.failure.detail, /gpu-box/);
    context.settingsNow = settingDefaults();
    const { engines } = context.store.state();
    const none = { found: false, file: null, version: null };
    context.store.dispatch({ type: 'enginesFound', engines: { ...engines, ollama: none } });
    const missing = await deploy();
    assert.equal(!missing.ok && missing.failure.reason, 'toolMissing');
    assert.equal(context.launcher.specs.length, 0);
    assert.deepEqual(context.servers(), []);
  });

  it('says how much of a model runs on the CPU', async () => {
    daemon.onLoad = (model) => {
      daemon.loaded.set(model, { size: 8 * GIB, size_vram: 5 * GIB });
      return daemon.done(model, 'load');
    };
    await deploy();
    await pass(2_000);
    assert.equal(context.server().phase, 'ready');
    assert.match(context.server().warnings[0] ?? '', /3\.0 GiB of 8\.0 GiB run on the CPU/);
  });

  it('says when all of it runs on the CPU', async () => {
    daemon.onLoad = (model) => {
      daemon.loaded.set(model, { size: 8 * GIB, size_vram: 0 });
      return daemon.done(model, 'load');
    };
    await deploy();
    await pass(2_000);
    assert.match(context.server().warnings[0] ?? '', /Runs on the CPU/);
  });

  it('tells the error of a load in its own words where it knows no better, unescaped', async () => {
    daemon.onLoad = () => answered('{"error":"never \\"seen\\" before\\nsecond line"}', 500);
    await deploy('nope');
    await pass(1_000);
    const server = context.server();
    assert.equal(server.phase, 'ended');
    assert.equal(server.endReason, 'failed');
    assert.equal(causeOf(server), 'never "seen" before');
    assert.deepEqual(await context.files.list(LAUNCHES), []);
  });

  it('loads a model that only embeds by the request meant for it', async () => {
    daemon.onLoad = () => answered({ error: '"embed" does not support generate' }, 400);
    context.http.routes.set(`POST ${BASE}/api/embed`, () => {
      daemon.loaded.set('embed', { size: 1, size_vram: 1 });
      return answered({ model: 'embed', embeddings: [] });
    });
    await deploy('embed');
    await pass(2_000);
    assert.equal(context.server().phase, 'ready');
  });

  it('ends a daemon of ours whose only load has failed', async () => {
    daemon.isUp = false;
    daemon.onLoad = () => answered({ error: 'unable to load model' }, 500);
    await deploy();
    await pass(15_000);
    assert.equal(causeOf(context.server()), 'unable to load model');
    assert.equal(context.server().endReason, 'failed');
    assert.deepEqual(sent(), ['SIGTERM 200']);
    assert.deepEqual(await context.files.list(LAUNCHES), []);
  });

  it('gives up on a daemon that never answers', async () => {
    daemon.isUp = false;
    context.launcher.begin = () => {
      context.table.add({ pid: 200, args: ['/usr/local/bin/ollama', 'serve'], comm: 'ollama' });
      return ok({ pid: 200 });
    };
    await deploy();
    await pass(29_000);
    assert.equal(context.server().phase, 'starting');
    await pass(5_000);
    assert.equal(context.server().phase, 'ended');
    assert.match(causeOf(context.server()) ?? '', /did not answer .* within 30 s/);
  });

  it('unloads from an adopted daemon and leaves it alone', async () => {
    await deploy();
    await pass(2_000);
    assert.equal((await stop('launch-1')).ok, true);
    assert.equal(daemon.loaded.size, 0);
    assert.deepEqual(sent(), []);
    assert.equal(context.server().endReason, 'stopped');
    assert.deepEqual(await context.files.list(LAUNCHES), []);
  });

  it('says when a model was asked to go and stays', async () => {
    const stopped = async (onUnload: (model: string) => HttpAnswer) => {
      enter();
      await deploy();
      await pass(2_000);
      daemon.onUnload = onUnload;
      const result = await stop('launch-1');
      observer.dispose();
      return result.ok ? 'ok' : result.failure.detail;
    };
    const busy = (model: string) => daemon.done(model, 'unload');
    assert.match(await stopped(busy), /is answering a request/);
    const deleted = () => answered({ error: "model 'llama3' not found" }, 404);
    assert.match(await stopped(deleted), /was deleted while it was loaded/);
    const late = (model: string) => {
      context.clock.after(900, () => daemon.loaded.delete(model));
      return daemon.done(model, 'unload');
    };
    assert.equal(await stopped(late), 'ok');
  });

  it('ends a daemon of its own', async () => {
    daemon.isUp = false;
    await deploy();
    await pass(3_000);
    assert.equal((await stop('launch-1')).ok, true);
    assert.deepEqual(sent(), ['SIGTERM 200']);
    assert.equal(context.server().endReason, 'stopped');
  });

  it('loads nothing for a server that was stopped while its daemon was being written down', async () => {
    daemon.isUp = false;
    const writeAtomic = context.files.writeAtomic.bind(context.files);
    context.files.writeAtomic = async (...file) => {
      if (context.servers().some(({ record }) => record)) await context.clock.sleep(9_000);
      return writeAtomic(...file);
    };
    const { begin } = context.launcher;
    context.launcher.begin = async (spec) => {
      await context.clock.sleep(1_000);
      return begin(spec);
    };
    const deploying = deploy();
    await settle();
    const stopping = stop('launch-1');
    await pass(20_000);
    await Promise.all([stopping, deploying]);
    assert.equal(context.server().endReason, 'stopped');
    // somebody else starts one, on the same port
    daemon.isUp = true;
    await pass(40_000);
    assert.deepEqual([...daemon.loaded], []);
  });

  it('a stop during the load cancels it and is no failure', async () => {
    daemon.onLoad = () => new Promise(() => undefined);
    await deploy();
    await pass(2_000);
    assert.equal((await stop('launch-1')).ok, true);
    await settle();
    assert.equal(context.server().endReason, 'stopped');
    assert.equal(causeOf(context.server()), undefined);
  });

  it('a stop before the daemon answers is no failure either', async () => {
    daemon.isUp = false;
    context.launcher.begin = () => {
      context.table.add({ pid: 200, args: ['/usr/local/bin/ollama', 'serve'], comm: 'ollama' });
      return ok({ pid: 200 });
    };
    await deploy();
    await pass(1_000);
    await stop('launch-1');
    await pass(40_000);
    assert.equal(context.server().endReason, 'stopped');
    assert.deepEqual(sent(), ['SIGTERM 200']);
  });

  it('keeps what the output told when the daemon dies in the load', async () => {
    daemon.isUp = false;
    let fail = (): void => undefined;
    daemon.onLoad = () =>
      new Promise((resolve) => (fail = () => resolve(answered({ error: 'EOF' }, 500))));
    await deploy();
    await pass(2_000);
    context.table.end(201);
    context.table.end(200);
    const ended = observer.ended('launch-1', 137);
    fail();
    await context.clock.until(ended);
    assert.equal(context.server().diagnosis?.cause?.id, 'server_killed');
  });

  it('keeps a daemon that another server of ours uses; the last one ends it', async () => {
    daemon.isUp = false;
    await deploy('llama3');
    await pass(3_000);
    await deploy('qwen');
    await pass(3_000);
    assert.deepEqual(
      context.servers().map(({ phase }) => phase),
      ['ready', 'ready'],
    );
    assert.equal((await stop('launch-1')).ok, true);
    assert.deepEqual(sent(), []);
    assert.deepEqual([...daemon.loaded.keys()], ['qwen']);
    assert.deepEqual(
      context.servers().map(({ phase, stillHeld }) => [phase, stillHeld]),
      [
        ['ended', null],
        ['ready', null],
      ],
    );
    const saved = await context.registry.load();
    assert.deepEqual(
      saved.map(({ id, record }) => [id, record?.main.pid]),
      [['launch-2', 200]],
    );
    assert.equal((await stop('launch-2')).ok, true);
    assert.deepEqual(sent(), ['SIGTERM 200']);
    assert.deepEqual(await context.files.list(LAUNCHES), []);
  });

  it('loses sight of an adopted daemon that is gone, and finds it again', async () => {
    await deploy();
    await pass(2_000);
    daemon.isUp = false;
    await pass(6_000);
    assert.equal(context.server().phase, 'lost');
    daemon.isUp = true;
    await pass(2_000);
    assert.equal(context.server().phase, 'ready');
  });

  it('waits for its daemon to be what was planned: the runner tells what it is', async () => {
    const blob = 'a'.repeat(64);
    const args = [
      '/opt/lib/ollama/llama-server',
      '--model',
      `/m/blobs/sha256-${blob}`,
      '-c',
      '4096',
    ];
    context.table.add({ pid: 300, args: ['/usr/bin/ollama', 'serve'], comm: 'ollama', uid: 998 });
    context.table.add({ pid: 301, ppid: 300, args: [...args, '-np', '1'], uid: 998 });
    context.http.routes.set(
      `POST ${BASE}/api/show`,
      answered({ modelfile: `# FROM llama3\n\nFROM /m/blobs/sha256-${blob}\n`, model_info: {} }),
    );
    await deploy('llama3', { numParallel: 4 });
    await pass(40_000);
    assert.equal(context.server().phase, 'ready');
    assert.match(
      context.server().warnings.join(),
      /started with other settings: 1 instead of 4 parallel requests \(OLLAMA_NUM_PARALLEL\)/,
    );
    // a daemon whose ports can't be read is not proved to be this one: nothing is said of its runners
    context.table.end(301);
    await pass(40_000);
    assert.deepEqual(context.server().warnings, []);
    context.table.ports.set(300, [11434]);
    await pass(40_000);
    assert.match(
      context.server().warnings.join(),
      /Its runner has ended, though Ollama still lists/,
    );
  });

  it('says before a load how the running daemon differs, where its environment can be read', async () => {
    const planned = { numParallel: 4, kvCacheType: 'q8_0', flashAttention: true };
    const problems = async () => {
      const prepared = await ollama.prepare({ ...wishFor('llama3'), options: planned });
      return prepared.ok ? prepared.value.problems : [];
    };
    assert.deepEqual(await problems(), []);
    context.table.add({ pid: 300, args: ['/usr/bin/ollama', 'serve'], comm: 'ollama' });
    context.table.ports.set(300, [11434]);
    context.table.environments.set(300, { OLLAMA_NUM_PARALLEL: '2', OLLAMA_FLASH_ATTENTION: '1' });
    const [only] = await problems();
    assert.deepEqual([only?.id, only?.blocking], ['daemon_settings', false]);
    assert.match(
      only?.text ?? '',
      /2 instead of 4 parallel requests .*, a KV cache in f16 instead of q8_0/,
    );
    assert.doesNotMatch(only?.text ?? '', /flash/);
    context.table.add({ pid: 300, args: ['/usr/bin/ollama', 'serve'], comm: 'ollama', uid: 998 });
    assert.deepEqual(await problems(), []);
  });

  it('stays ready while an idle model is unloaded, where that was asked for', async () => {
    await deploy('llama3', {}, { keepAlive: 300 });
    await pass(2_000);
    const [sent] = context.http.sent('/api/generate') as { keep_alive: number }[];
    assert.equal(sent?.keep_alive, 300);
    daemon.loaded.clear();
    await pass(40_000);
    assert.equal(context.server().phase, 'ready');
    assert.match(context.server().warnings.join(), /Not loaded now, because it was idle/);
  });

  it('says when a context was cut', async () => {
    await deploy('llama3', { numCtx: 131_072 });
    await pass(2_000);
    assert.match(context.server().warnings.join(), /a context of 4,096 tokens, not 131,072/);
  });

  it('speaks against a start with variables of llama.cpp in the environment', async () => {
    const environment = { LLAMA_ARG_CTX_SIZE: '1', LLAMA_ARG_FIT: 'on', PATH: '/bin' };
    const models = createModelService(context);
    const serving = createOllamaServing(context, models, observer, environment);
    const ids = async () => {
      const prepared = await serving.prepare(wishFor('llama3'));
      return (
        prepared.ok && prepared.value.problems.map(({ id, text }) => `${id} ${text.slice(0, 25)}`)
      );
    };
    assert.deepEqual(await ids(), []);
    daemon.isUp = false;
    assert.deepEqual(await ids(), ['llama_arg_env LLAMA_ARG_CTX_SIZE is set']);
  });

  it('a terminal in which Ctrl+C was pressed has ended no server by a crash', async () => {
    for (const [output, end] of [
      ['^C\r\n', 'stopped'],
      ['', 'crashed'],
    ] as const) {
      enter();
      daemon.isUp = false;
      await deploy();
      await pass(3_000);
      assert.equal(context.server().phase, 'ready');
      observer.output('launch-1', output);
      context.table.end(201);
      context.table.end(200);
      await context.clock.until(observer.ended('launch-1', 0));
      assert.equal(context.server().endReason, end);
      observer.dispose();
    }
  });

  it('lists tags; none where nobody answers or the answer is something else', async () => {
    assert.deepEqual(
      (await ollama.tags()).map(({ name }) => name),
      ['llama3:latest'],
    );
    context.http.routes.set(`GET ${BASE}/api/tags`, answered('<html>'));
    assert.deepEqual(await ollama.tags(), []);
    daemon.isUp = false;
    context.http.routes.delete(`GET ${BASE}/api/tags`);
    assert.deepEqual(await ollama.tags(), []);
  });

  it('reads the address with or without scheme and slash', () => {
    assert.equal(daemonUrl('http://127.0.0.1:11434/'), BASE);
    assert.equal(daemonUrl('127.0.0.1:11434'), BASE);
    assert.equal(daemonUrl('https://host'), 'https://host');
  });
});
