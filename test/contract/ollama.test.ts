/**
 * What the product takes for granted of Ollama, asked through its real doors. By default of the stand-in
 * (test/support/fakeOllama.mjs); with VRAM_PILOT_OLLAMA=http://127.0.0.1:11434 the same cases are put to that daemon.
 * What cannot be asked of somebody's daemon (that it dies, that a load breaks) is for the stand-in alone.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { serverFor } from '../../src/app/launching/deploy';
import { createModelService } from '../../src/app/models/modelService';
import { createObserver, type Observer } from '../../src/app/servers/observer';
import { createOllamaServing, type OllamaServing } from '../../src/app/ollama/ollamaServing';
import type { Server } from '../../src/app/state';
import { stopServer } from '../../src/app/servers/stopping';
import { readModelBlob, readOllamaPs, readOllamaVersion } from '../../src/engines/ollama/api';
import { loadRequest, unloadRequest } from '../../src/engines/ollama/command';
import { createPullReader, ollamaPullRequest } from '../../src/engines/ollama/pull';
import { readOllamaShow, readOllamaTags } from '../../src/models/ollamaShow';
import { ok } from '../../src/shared/failure';
import { openClock } from '../../src/system/clock';
import { openHttp } from '../../src/system/http';
import { openNet } from '../../src/system/net';
import { openProcessTable } from '../../src/system/processTable';
import { fakeContext, settle, type FakeContext } from '../support/fakePorts';
import { hasSharedData, readDataJson } from '../support/sharedData';
import { isAlive, livingGroup } from '../support/processes.mjs';

const REAL = process.env.VRAM_PILOT_OLLAMA ?? '';
const PROGRAM = path.resolve('test/support/fakeOllama.mjs');
/** A real one may read GBs from a slow disk. */
const PATIENCE_MS = REAL === '' ? 8_000 : 300_000;

const http = openHttp();
const clock = openClock();

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = clock.elapsedMs() + PATIENCE_MS;
  while (!(await holds())) {
    assert.ok(clock.elapsedMs() < deadline, `still waiting for ${what}`);
    await clock.sleep(50);
  }
}

function startDaemon(port: number, mark: string | null = null): ChildProcess {
  return spawn(process.execPath, [PROGRAM, 'serve'], {
    detached: true,
    stdio: 'ignore',
    env: {
      ...process.env,
      OLLAMA_HOST: `127.0.0.1:${port}`,
      ...(mark !== null && { VRAM_PILOT_LAUNCH: mark }),
    },
  });
}

async function ask(base: string, route: string, body?: object | string) {
  const answer = await http.request({
    url: base + route,
    timeoutMs: PATIENCE_MS,
    ...(body !== undefined && {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  });
  assert.ok(answer.ok, `${route}: ${answer.ok ? '' : answer.failure.detail}`);
  return answer.value;
}

/** Names and kinds of what an answer holds; of a list its first entry. What a model's own facts are called is left out. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return typeof value;
  const entries = Object.entries(value).map(([key, held]) => [
    key,
    key === 'model_info' ? 'object' : shapeOf(held),
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

describe(`Ollama's API (${REAL === '' ? 'the stand-in' : REAL})`, function () {
  this.timeout(PATIENCE_MS + 5_000);
  let base = REAL;
  let daemon: ChildProcess | null = null;
  let model = '';

  before(async () => {
    if (REAL === '') {
      const port = await openNet().freePort();
      base = `http://127.0.0.1:${port}`;
      daemon = startDaemon(port);
    }
    const answers = () => http.request({ url: `${base}/api/version`, timeoutMs: 1_000 });
    await until(async () => (await answers()).ok, 'the daemon');
    const tags = readOllamaTags((await ask(base, '/api/tags')).body) ?? [];
    const bySize = [...tags].sort((a, b) => (a.sizeBytes ?? 0) - (b.sizeBytes ?? 0));
    assert.ok(bySize[0], 'it has a model');
    model = bySize[0].name;
    const used = (await loaded()).map(({ name }) => name);
    assert.deepEqual(used, [], 'nobody uses it');
  });
  after(() => daemon?.kill('SIGTERM'));

  const loaded = async () => readOllamaPs((await ask(base, '/api/ps')).body) ?? [];
  const sendLoad = (keepAlive: number | null) => {
    const request = loadRequest(model, { numCtx: 1024 }, keepAlive);
    return ask(base, request.path, request.body ?? {});
  };

  it('tells its version', async () => {
    assert.match(readOllamaVersion((await ask(base, '/api/version')).body) ?? '', /^\d+\.\d+\.\d+/);
  });

  it('describes a model with its shape and its file', async () => {
    const { body } = await ask(base, '/api/show', { model, verbose: true });
    const shown = readOllamaShow(body);
    assert.ok((shown?.longestContext ?? 0) >= 512);
    assert.ok(shown?.gguf.block_count);
    assert.match(readModelBlob(body) ?? '', /^[0-9a-f]{64}$/);
  });

  it('answers a load when it has ended, lists it with its context, for ever or as long as asked', async () => {
    const answer = await sendLoad(null);
    assert.equal(answer.status, 200);
    assert.equal((JSON.parse(answer.body) as { done_reason: string }).done_reason, 'load');
    const [only] = await loaded();
    assert.equal(only?.name, model);
    assert.equal(only.contextLength, 1024);
    assert.ok(only.sizeBytes > 0 && only.gpuBytes <= only.sizeBytes);
    assert.ok(Date.parse(only.expiresAt ?? '') > Date.parse('2200-01-01'));
    await sendLoad(600);
    const leftMs = Date.parse((await loaded())[0]?.expiresAt ?? '') - Date.now();
    assert.ok(leftMs > 500_000 && leftMs < 700_000, String(leftMs));
  });

  it('answers in the shape of recorded answers', async function () {
    // of somebody's own model other things may be told
    if (REAL !== '' || (!hasSharedData && process.env.CI !== 'true')) this.skip();
    const generate = { model, stream: false };
    const cases: [string, string, object?][] = [
      ['api-version', '/api/version'],
      ['api-tags', '/api/tags'],
      ['api-generate-load', '/api/generate', generate],
      ['api-ps-loaded', '/api/ps'],
      ['api-show', '/api/show', { model }],
      ['api-generate-unload', '/api/generate', { ...generate, keep_alive: 0 }],
    ];
    for (const [name, route, body] of cases) {
      const file = `v0.32.15-${name}.json`;
      const recorded = readDataJson('ollama-cpu-runs', file) as { status: number; json: unknown };
      const answer = await ask(base, route, body);
      assert.equal(answer.status, recorded.status, name);
      assert.deepEqual(shapeOf(JSON.parse(answer.body)), shapeOf(recorded.json), name);
    }
    console.log(`      ${String(cases.length)} recorded answers`);
  });

  it('unloads at once, and takes it easily where nothing is loaded', async () => {
    const { path: route, body } = unloadRequest(model);
    assert.equal((await ask(base, route, body ?? {})).status, 200);
    assert.equal((await ask(base, route, body ?? {})).status, 200);
    await until(async () => (await loaded()).length === 0, 'the list to be empty');
  });

  it('refuses in its own words: unknown models, bodies that are none, numbers in quotes, other paths', async () => {
    const cases: [string, object | string | undefined, number, RegExp][] = [
      ['/api/generate', { model: 'nope' }, 404, /"model 'nope' not found"/],
      ['/api/show', { model: 'nope' }, 404, /not found"/],
      ['/api/generate', { model: 'nope', keep_alive: 0 }, 404, /not found"/],
      ['/api/generate', '{nope', 400, /invalid character 'n'/],
      ['/api/generate', '', 400, /missing request body/],
      ['/api/generate', { model, keep_alive: '3600' }, 400, /missing unit in duration/],
      ['/api/generate', { model, options: { num_ctx: 'abc' } }, 500, /must be of type integer/],
      ['/api/nope', undefined, 404, /^404 page not found$/],
    ];
    for (const [route, body, status, words] of cases) {
      const answer = await ask(base, route, body);
      assert.equal(answer.status, status, `${route} ${JSON.stringify(body)}`);
      assert.match(answer.body, words);
    }
  });

  it('tells of a download line by line, and of one that cannot be in the same way', async () => {
    const reader = createPullReader();
    let chunks = 0;
    const answer = await http.request({
      ...ollamaPullRequest(base, 'vram-pilot-test/no-such-model'),
      timeoutMs: null,
      onText(chunk) {
        chunks += 1;
        reader.push(chunk);
      },
    });
    assert.ok(answer.ok);
    assert.ok(chunks > 0);
    const end = reader.end();
    assert.ok(end !== null && end !== 'success');
    assert.match(end.error, /pull model manifest|no such host|connect|tls|x509|timeout/i);
  });
});

const describeHere = process.platform === 'linux' && REAL === '' ? describe : describe.skip;

describeHere('servers on an Ollama that behaves badly (the stand-in)', function () {
  this.timeout(20_000);
  let context: FakeContext;
  let observer: Observer;
  let ollama: OllamaServing;
  let daemon: ChildProcess | null = null;
  let base = '';
  let runs = true;

  beforeEach(async () => {
    const port = await openNet().freePort();
    base = `http://127.0.0.1:${port}`;
    // real doors where Ollama is asked and its processes are read, fakes for the rest
    context = fakeContext({ 'ollama.host': base });
    Object.assign(context, { http, clock, table: openProcessTable() });
    observer = createObserver(context);
    ollama = createOllamaServing(context, createModelService(context), observer);
    const found = { found: true, file: PROGRAM, version: '0.32.15' };
    const engines = { ...context.store.state().engines, ollama: found };
    context.store.dispatch({ type: 'enginesFound', engines });
    runs = true;
    const start = (mark: string | null): number => {
      const started = startDaemon(port, mark);
      daemon = started;
      runs = true;
      started.once('exit', () => {
        runs = false;
        if (mark !== null) void observer.ended(mark, null);
      });
      return started.pid ?? 0;
    };
    context.launcher.begin = ({ launchId }) => ok({ pid: start(launchId) });
    adopted = async () => {
      start(null);
      await until(async () => (await ollama.tags()).length > 0, 'the daemon');
    };
  });
  afterEach(async () => {
    observer.dispose();
    const pid = daemon?.pid;
    if (daemon && runs) daemon.kill('SIGTERM');
    // the runners of a daemon that was killed live on
    else if (pid !== undefined)
      for (const { pid: left } of livingGroup(pid)) process.kill(left, 'SIGTERM');
    if (pid !== undefined) await until(() => livingGroup(pid).length === 0, 'an end of all');
    daemon = null;
  });

  let adopted = (): Promise<void> => Promise.resolve();
  const server = (): Server => context.server();
  async function deploy(model: string, options: object = {}, pull = false): Promise<void> {
    const wish = {
      engine: 'ollama' as const,
      model,
      options,
      extraArguments: [],
      port: null,
    };
    const prepared = await ollama.prepare(wish);
    assert.ok(prepared.ok);
    const listed = serverFor(context, context.newId(), prepared.value, null);
    const result = await ollama.deploy(listed, { pull });
    assert.ok(result.ok, JSON.stringify(result));
  }
  const ready = () => until(() => server().phase === 'ready', 'ready');
  const ended = () => until(() => server().phase === 'ended', 'the end');
  const stop = () => stopServer(context, observer, ollama, 'launch-1', { force: false });
  const runners = () => livingGroup(daemon?.pid ?? -1).filter(({ pid }) => pid !== daemon?.pid);
  const cause = () => server().diagnosis?.cause;

  it('names the cause of a load that failed by the answer alone', async () => {
    await adopted();
    await deploy('tiny-broken');
    await ended();
    assert.equal(server().endReason, 'failed');
    assert.equal(cause()?.id, 'gguf_corrupt');
    assert.match(cause()?.evidence[0]?.text ?? '', /blk\.2\.attn_norm\.weight/);
    assert.ok(server().diagnosis?.remedy);
    assert.ok(runs);
  });

  it('says that the connection broke, and that the daemon died', async () => {
    await adopted();
    await deploy('tiny-dropped');
    await ended();
    assert.match(cause()?.title ?? '', /Ollama went away while it was loading/);
    context.store.dispatch({ type: 'serverRemoved', id: 'launch-1' });
    await deploy('tiny-fatal');
    await ended();
    assert.equal(server().endReason, 'failed');
    assert.match(cause()?.title ?? '', /Ollama went away/);
  });

  it('a stop during a load closes the connection, and the daemon gives it up', async () => {
    await adopted();
    await deploy('tiny-slow');
    await until(() => runners().length === 1, 'a load under way');
    assert.equal(server().phase, 'starting');
    assert.equal((await stop()).ok, true);
    await until(() => runners().length === 0, 'its runner gone');
    assert.equal(server().endReason, 'stopped');
  });

  it('is ready under another name for the same file', async () => {
    await adopted();
    await ask(base, '/api/generate', { model: 'tiny', options: { num_ctx: 2048 } });
    await deploy('tiny-alias', { numCtx: 2048 });
    await ready();
    assert.deepEqual(server().warnings, []);
    const listed = readOllamaPs((await ask(base, '/api/ps')).body) ?? [];
    assert.deepEqual(
      listed.map(({ name }) => name),
      ['tiny:latest'],
    );
  });

  it('downloads what it lacks when that was agreed to, with bytes; a stop gives that up', async () => {
    await adopted();
    const seen = new Set<string>();
    const unwatch = context.store.watch(
      (state) => state.servers[0],
      (now) => {
        if (now) seen.add(`${now.stage} ${String(now.progress?.total)}`);
      },
    );
    await deploy('fresh', {}, true);
    await ready();
    unwatch();
    assert.ok(seen.has(`downloading ${String(1024 ** 3)}`), [...seen].join());
    assert.equal((await stop()).ok, true);
    context.store.dispatch({ type: 'serverRemoved', id: 'launch-1' });
    await deploy('fresh-slow', {}, true);
    await until(() => server().progress !== null, 'a download under way');
    const [second] = context.servers();
    assert.ok(second);
    const stopped = stopServer(context, observer, ollama, second.id, { force: false });
    assert.equal((await stopped).ok, true);
    await settle();
    const tags = readOllamaTags((await ask(base, '/api/tags')).body) ?? [];
    assert.ok(!tags.some(({ name }) => name === 'fresh-slow:latest'));
  });

  it('asks before it downloads, and fails with a name where nobody agreed', async () => {
    await adopted();
    const wish = { engine: 'ollama' as const, model: 'nope', options: {}, extraArguments: [] };
    const prepared = await ollama.prepare({ ...wish, port: null });
    assert.deepEqual(prepared.ok && prepared.value.problems.map(({ id }) => id), ['model_missing']);
    await deploy('nope');
    await ended();
    assert.equal(cause()?.id, 'model_not_found');
  });

  it('sees that a listed model has lost its runner', async () => {
    await deploy('tiny');
    await ready();
    const [runner] = runners();
    assert.ok(runner);
    process.kill(runner.pid, 'SIGKILL');
    await until(() => !isAlive(runner.pid), 'the runner gone');
    observer.lookNow();
    await until(
      () => server().warnings.some((one) => one.includes('Its runner has ended')),
      'the warning',
    );
    assert.equal(server().phase, 'ready', 'the daemon loads it again');
    assert.equal((await stop()).ok, true);
    assert.equal(server().endReason, 'stopped');
  });

  it('a daemon of ours that is killed has crashed', async () => {
    await deploy('tiny');
    await ready();
    const pid = daemon?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    await ended();
    assert.equal(server().endReason, 'crashed');
    assert.equal(cause()?.id, 'server_gone');
  });
});
