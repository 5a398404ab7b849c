import assert from 'node:assert/strict';
import { adopt, findCandidates } from '../../../../src/app/servers/adoption';
import type { OllamaServing } from '../../../../src/app/ollama/ollamaServing';
import { stopServer } from '../../../../src/app/servers/stopping';
import { answered, plantVllm, serverOf } from '../../../support/fakePorts';
import { Machine, type Window } from '../../../support/windows';

const BASE = 'http://127.0.0.1:8000';
const OLLAMA = 'http://127.0.0.1:11434';
const never = {} as OllamaServing;

describe('adoption', () => {
  let machine: Machine;
  let one: Window;
  let two: Window;
  const pass = (ms: number) => machine.clock.pass(ms);
  const table = () => machine.first.table;
  const routes = () => machine.first.http.routes;
  const find = () => findCandidates(one.context);
  const problemOf = async () => (await find()).map(({ problem }) => problem);
  const adoptFirst = async () => {
    const [candidate] = await find();
    assert.ok(candidate);
    return adopt(one.context, one.observer, candidate);
  };

  /** A vLLM as somebody started it in a shell, answering. */
  function plant(): void {
    plantVllm(table(), 'nobody');
    const args = '/v/bin/python /v/bin/vllm serve org/m --port 8000 --api-key sk-verysecret123';
    const main = table().processes.get(100)!;
    table().processes.set(100, { ...main, args: args.split(' ') });
    routes().set(`GET ${BASE}/health`, answered(''));
    routes().set(`GET ${BASE}/version`, answered({ version: '0.32.0' }));
    routes().set(
      `GET ${BASE}/v1/models`,
      answered({
        object: 'list',
        data: [{ id: 'm', object: 'model', root: 'org/m', max_model_len: 4096 }],
      }),
    );
  }

  beforeEach(() => {
    machine = new Machine();
    one = machine.open();
    two = machine.open();
    plant();
  });
  afterEach(async () => {
    for (const window of machine.windows) window.die();
    await pass(60_000);
  });

  it('finds a vLLM by its process, port and answers', async () => {
    const [candidate, ...others] = await find();
    assert.deepEqual(others, []);
    assert.ok(candidate);
    const { main, command, ...told } = candidate;
    assert.equal(main?.pid, 100);
    assert.match(command ?? '', /vllm serve org\/m/);
    assert.doesNotMatch(command ?? '', /verysecret/);
    assert.deepEqual(told, {
      engine: 'vllm',
      host: '127.0.0.1',
      port: 8000,
      model: 'm',
      root: 'org/m',
      maxModelLen: 4096,
      version: '0.32.0',
      problem: null,
    });
  });

  it('watches it from then on in every window, as adopted', async () => {
    const adopted = await adoptFirst();
    assert.ok(adopted.ok);
    await pass(2_500);
    for (const window of [one, two]) {
      const server = window.server(adopted.value);
      assert.equal(server?.phase, 'ready');
      assert.equal(server.origin, 'adopted');
      assert.equal(server.servedModelName, 'm');
      assert.deepEqual(server.record?.seen.map(({ pid }) => pid).sort(), [100, 101, 102, 103]);
      assert.doesNotMatch(JSON.stringify(server), /verysecret/);
    }
    assert.deepEqual(await find(), [], 'it is not offered again');
  });

  it('is found again by a later window, without a secret on the disk', async () => {
    const adopted = await adoptFirst();
    assert.ok(adopted.ok);
    const file = machine.first.files.text(`/storage/launches/${adopted.value}.json`);
    assert.doesNotMatch(file ?? '', /verysecret/);
    one.die();
    two.die();
    const later = machine.open();
    await pass(1_000);
    assert.equal(later.server(adopted.value)?.phase, 'ready');
    assert.equal(later.server(adopted.value)?.origin, 'adopted');
  });

  it('that ends elsewhere is no failure', async () => {
    const adopted = await adoptFirst();
    assert.ok(adopted.ok);
    await pass(1_500);
    for (const pid of [103, 102, 101, 100]) table().end(pid);
    await pass(12_000);
    for (const window of [one, two]) {
      const server = window.server(adopted.value);
      assert.equal(server?.phase, 'ended');
      assert.equal(server.endReason, 'stopped');
      assert.equal(server.seen, true);
    }
  });

  it('is stopped by its recorded identity, from either window', async () => {
    const adopted = await adoptFirst();
    assert.ok(adopted.ok);
    await pass(1_500);
    const stopped = stopServer(two.context, two.observer, never, adopted.value, { force: false });
    assert.equal((await machine.clock.until(stopped)).ok, true);
    assert.deepEqual([...table().reached()].sort(), [100, 101, 102, 103]);
    await pass(8_000);
    assert.equal(one.server(adopted.value)?.endReason, 'stopped');
  });

  for (const [what, change] of [
    ['HTML from another program', () => routes().set(`GET ${BASE}/v1/models`, answered('<html>'))],
    [
      'somebody else’s list',
      () => routes().set(`GET ${BASE}/v1/models`, answered({ models: ['m'] })),
    ],
    ['404 for its health', () => routes().set(`GET ${BASE}/health`, answered('', 404))],
  ] as const) {
    it(`does not believe ${what}`, async () => {
      change();
      const adopted = await adoptFirst();
      assert.ok(!adopted.ok);
      assert.match(adopted.failure.detail, /not as vLLM does/);
      assert.deepEqual(one.context.servers(), []);
    });
  }

  it('says so where its engine is dead, it hangs, or it does not listen', async () => {
    routes().set(`GET ${BASE}/health`, answered('', 503));
    assert.match((await problemOf())[0] ?? '', /engine is dead/);
    routes().set(`GET ${BASE}/health`, 'timedOut');
    assert.match((await problemOf())[0] ?? '', /does not answer/);
    table().ports.set(100, []);
    assert.match((await problemOf())[0] ?? '', /does not listen yet/);
  });

  it('leaves other users’ and other containers’ servers alone', async () => {
    const main = table().processes.get(100)!;
    table().processes.set(100, { ...main, uid: 7, user: 'eve' });
    assert.match((await problemOf())[0] ?? '', /belongs to eve/);
    table().processes.set(100, { ...main, sameNamespace: false });
    assert.match((await problemOf())[0] ?? '', /container/);
  });

  it('with a key shows what can be known without it, and the rest as unknown', async () => {
    routes().set(`GET ${BASE}/v1/models`, answered({ error: 'Unauthorized' }, 401));
    const [candidate] = await find();
    assert.equal(candidate?.problem, null);
    assert.equal(candidate.model, 'org/m', 'from its command line');
    assert.equal(candidate.maxModelLen, null);
    assert.equal(candidate.version, '0.32.0');
  });

  it('looks once more: what went meanwhile, or was replaced, is not adopted', async () => {
    const [candidate] = await find();
    assert.ok(candidate);
    table().reuse(100, { args: ['/usr/bin/ffmpeg'] });
    const gone = await adopt(one.context, one.observer, candidate);
    assert.equal(!gone.ok && gone.failure.reason, 'notFound');
  });

  it('does not offer a server of our own', async () => {
    const record = plantVllm(table(), 'own', 200);
    one.context.store.dispatch({ type: 'serverAdded', server: serverOf({ id: 'own', record }) });
    assert.deepEqual(
      (await find()).map(({ main }) => main?.pid),
      [100],
    );
  });

  it('adopts a model that an Ollama daemon has loaded, and leaves the daemon alone', async () => {
    for (const pid of [103, 102, 101, 100]) table().end(pid);
    routes().set(`GET ${OLLAMA}/api/version`, answered({ version: '0.32.15' }));
    const row = { name: 'llama3:latest', size: 5, size_vram: 5, context_length: 8192 };
    routes().set(`GET ${OLLAMA}/api/ps`, answered({ models: [row] }));
    const adopted = await adoptFirst();
    assert.ok(adopted.ok);
    await pass(2_000);
    const server = two.server(adopted.value);
    assert.equal(server?.phase, 'ready');
    assert.equal(server.record, null);
    assert.deepEqual(server.wish.options, { numCtx: 8192 });
    assert.deepEqual(await find(), []);
  });

  it('does not take another program on Ollama’s port for Ollama', async () => {
    for (const pid of [103, 102, 101, 100]) table().end(pid);
    routes().set(`GET ${OLLAMA}/api/version`, answered('<html>'));
    routes().set(`GET ${OLLAMA}/api/ps`, answered('<html>'));
    assert.deepEqual(await find(), []);
  });
});
