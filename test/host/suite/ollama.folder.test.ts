/** The main job with Ollama in seconds; the daemon is a stand-in (test/support/fakeOllama.mjs), all else is the product. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import type { Server } from '../../../src/app/state';
import { openFakeGpu } from '../../support/fakeGpu.mjs';
import { hasPage, onPage } from '../../ui/onPage';
import { removeServers } from '../removeServers';
import { eventually } from '../eventually';
import { isAlive, livingGroup } from '../../support/processes.mjs';
import { setting } from '../setting';
import { openNet } from '../../../src/system/net';

const EXTENSION = vscode.extensions.getExtension('vram-pilot.vram-pilot')!;
const PROGRAM = path.join(EXTENSION.extensionPath, 'test/support/fakeOllama.mjs');
const MIB = 1024 ** 2;
/** What the stand-in's models take. */
const MODEL_BYTES = 1408 * MIB;

interface LoadedModel {
  readonly name: string;
  readonly context_length: number;
}

describe('Ollama with a stand-in', () => {
  let api: VramPilotApi;
  let base: string;
  const gpu = openFakeGpu(process.env.TEST_FOLDER ?? '');
  const holdersBefore = gpu.state().holders ?? [];
  const daemons: ChildProcess[] = [];

  const server = (id: string): Server => {
    const found = api.getState().servers.find((one) => one.id === id);
    assert.ok(found, 'the server is in the state');
    return found;
  };
  const deploy = async (model: string, options: object = {}): Promise<string> => {
    const result = await api.deploy({ engine: 'ollama', model, options });
    assert.ok(result.ok, JSON.stringify(result));
    return result.id;
  };
  const ready = (id: string) => eventually(() => server(id).phase === 'ready', 'ready');
  const ended = (id: string) => eventually(() => server(id).phase === 'ended', 'the end');
  const stop = async (id: string) => {
    const stopped = await api.stop(id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    assert.equal(server(id).phase, 'ended');
    assert.equal(server(id).endReason, 'stopped');
  };
  const loaded = async (): Promise<LoadedModel[]> => {
    const answer = await fetch(`${base}/api/ps`);
    return ((await answer.json()) as { models: LoadedModel[] }).models;
  };
  const isLoaded = async (name: string) =>
    (await loaded()).some((model) => model.name === `${name}:latest`);
  const answers = () =>
    fetch(`${base}/api/version`).then(
      (answer) => answer.ok,
      () => false,
    );
  const runnersOf = (daemonPid: number) =>
    livingGroup(daemonPid).filter(({ pid }) => pid !== daemonPid);

  /** A daemon that nobody of ours started, on the port that the setting names. */
  async function strangersDaemon(): Promise<number> {
    const daemon = spawn(process.execPath, [PROGRAM, 'serve'], {
      detached: true,
      stdio: 'ignore',
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', OLLAMA_HOST: base },
    });
    daemons.push(daemon);
    await eventually(answers, 'the daemon');
    return daemon.pid!;
  }

  before(async () => {
    api = (await EXTENSION.activate()) as VramPilotApi;
    await eventually(() => api.getState().gpu.status === 'ok', 'a first sample');
    // of a long list only what fits into the view is drawn
    await removeServers(api);
    await setting('ollama.executablePath', PROGRAM);
    await eventually(() => api.getState().engines.ollama.file === PROGRAM, 'the program found');
    gpu.setState({
      holders: [
        ...holdersBefore,
        { commandIncludes: 'lib/ollama/llama-server', usedMiB: MODEL_BYTES / MIB },
      ],
    });
  });

  // each test has a port of its own, so that nothing of the one before can answer
  beforeEach(async () => {
    base = `http://127.0.0.1:${String(await openNet().freePort())}`;
    await setting('ollama.host', base);
  });

  afterEach(async () => {
    await removeServers(api);
    for (const daemon of daemons.splice(0)) daemon.kill('SIGTERM');
  });

  after(async () => {
    gpu.setState({ holders: holdersBefore });
    await setting('ollama.host', undefined);
    await setting('ollama.executablePath', undefined);
  });

  it('knows the version of the program', () => {
    assert.equal(api.getState().engines.ollama.version, '0.32.15');
  });

  describe('with a daemon that runs', () => {
    it('loads a model, is ready when the daemon lists it, and unloads it without ending the daemon', async () => {
      const daemon = await strangersDaemon();
      const id = await deploy('tiny', { numCtx: 2048 });
      await ready(id);
      assert.deepEqual(
        (await loaded()).map(({ name, context_length }) => [name, context_length]),
        [['tiny:latest', 2048]],
      );
      assert.equal(server(id).record, null, 'no process of ours');
      assert.equal(server(id).engineVersion, '0.32.15');
      assert.deepEqual(server(id).warnings, []);
      assert.equal(runnersOf(daemon).length, 1);
      assert.ok(!vscode.window.terminals.some(({ name }) => name === server(id).title));

      await stop(id);
      assert.deepEqual(await loaded(), []);
      await eventually(() => runnersOf(daemon).length === 0, 'its runner gone');
      assert.ok(isAlive(daemon), 'the daemon lives');
    });

    it('is not ready while a load is under way, and stopping it then gives the load up', async () => {
      const daemon = await strangersDaemon();
      const askedAt = performance.now();
      const first = await deploy('tiny-slow');
      await eventually(() => runnersOf(daemon).length === 1, 'a load under way');
      const seen = new Set<string>();
      await eventually(async () => {
        const { phase, stage } = server(first);
        seen.add(`${phase} ${stage}`);
        if (phase === 'ready') assert.ok(await isLoaded('tiny-slow'), 'ready, so it is listed');
        return phase === 'ready';
      }, 'ready');
      assert.ok(seen.has('starting loading'), [...seen].join());
      assert.ok(performance.now() - askedAt >= 3_000, 'not before the load ended');
      await stop(first);

      const second = await deploy('tiny-slow');
      await eventually(() => runnersOf(daemon).length === 1, 'a load under way');
      await stop(second);
      await eventually(() => runnersOf(daemon).length === 0, 'its runner gone');
      // past the time at which the load would have ended
      await new Promise((next) => setTimeout(next, 3_500));
      assert.deepEqual(await loaded(), []);
      assert.equal(server(second).diagnosis?.cause ?? null, null);
      assert.ok(isAlive(daemon));
    });

    it('says loudly what runs on the CPU', async () => {
      await strangersDaemon();
      const onCpu = await deploy('tiny-cpu');
      const half = await deploy('tiny-half');
      await ready(onCpu);
      await ready(half);
      assert.match(server(onCpu).warnings[0] ?? '', /Runs on the CPU/);
      assert.match(server(half).warnings[0] ?? '', /704 MiB of 1\.4 GiB run on the CPU/);
      if (hasPage) {
        await onPage.openSideBar();
        await onPage.treeRow('Servers', 'ready, with a warning');
        await onPage.treeRow('Servers', 'Runs on the CPU');
        await onPage.screenshot('ollama-warnings');
      }
      await stop(onCpu);
      await stop(half);
    });

    it('loads a model that only embeds', async () => {
      await strangersDaemon();
      const id = await deploy('tiny-embed');
      await ready(id);
      await stop(id);
      assert.deepEqual(await loaded(), []);
    });

    it('names what failed a load, with the daemon’s own words', async () => {
      const daemon = await strangersDaemon();
      const broken = await deploy('tiny-broken');
      await ended(broken);
      assert.equal(server(broken).endReason, 'failed');
      const { id, evidence } = server(broken).diagnosis!.cause!;
      assert.equal(id, 'gguf_corrupt');
      assert.match(evidence[0]!.text, /tensor 'blk\.2\.attn_norm\.weight' not found/);
      assert.ok(isAlive(daemon));
    });

    it('says what it lacks before it starts, and pulls it when told to', async () => {
      await strangersDaemon();
      const request = { engine: 'ollama', model: 'fresh' };
      const refused = await api.deploy(request);
      assert.ok(!refused.ok);
      assert.deepEqual(
        refused.problems.map((problem) => problem.id),
        ['model_missing'],
      );
      const forced = await api.deploy(request, { force: true });
      assert.ok(forced.ok);
      await ended(forced.id);
      assert.equal(server(forced.id).diagnosis?.cause?.id, 'model_not_found');
      const pulled = await api.deploy(request, { pull: true });
      assert.ok(pulled.ok, JSON.stringify(pulled));
      await ready(pulled.id);
      await stop(pulled.id);
    });

    it('loses sight of a model whose daemon died', async () => {
      const daemon = await strangersDaemon();
      const id = await deploy('tiny');
      await ready(id);
      process.kill(daemon, 'SIGTERM');
      await eventually(() => server(id).phase === 'lost', 'lost');
    });

    it('offers its models in the list', async function () {
      if (!hasPage) this.skip();
      await strangersDaemon();
      await onPage.runCommand('VRAM Pilot: Deploy Model…');
      await eventually(
        async () => (await onPage.pickEntries()).some((entry) => entry.includes('tiny-half')),
        'the tag in the list',
      );
      const tags = api.getState().models.filter(({ source }) => source === 'ollama');
      assert.ok(tags.some(({ id, detail }) => id === 'tiny:latest' && detail.includes('1.0 GiB')));
      await onPage.press('Escape');
    });
  });

  describe('without a daemon', () => {
    it('starts one in a terminal, and stopping ends it with its runner', async () => {
      const id = await deploy('tiny');
      await ready(id);
      const { record } = server(id);
      assert.ok(record, 'its process is recorded');
      assert.ok(vscode.window.terminals.some(({ name }) => name.includes(server(id).title)));
      const [runner] = runnersOf(record.main.pid);
      assert.ok(runner, 'a runner');
      await eventually(() => server(id).facts?.weightsBytes === 1024 * MIB, 'its output read');
      await eventually(() => server(id).usedBytes === MODEL_BYTES, 'its memory');
      const holder = () => api.getState().holders.find(({ pid }) => pid === runner.pid);
      await eventually(() => holder()?.class === 'ourServer', 'its runner known as ours');

      await stop(id);
      assert.equal(isAlive(record.main.pid), false, 'the daemon is gone');
      assert.equal(isAlive(runner.pid), false, 'its runner is gone');
      assert.equal(server(id).stillHeld, null);
      assert.equal(await answers(), false);
    });

    it('keeps it for a second model, whichever of the two is stopped first', async () => {
      const first = await deploy('tiny');
      await ready(first);
      const daemon = server(first).record!.main.pid;
      const second = await deploy('tiny2');
      await ready(second);
      await stop(first);
      assert.ok(isAlive(daemon), 'the daemon lives');
      assert.equal(server(second).phase, 'ready');
      assert.deepEqual(
        (await loaded()).map(({ name }) => name),
        ['tiny2:latest'],
      );
      assert.equal(server(second).record?.main.pid, daemon, 'its process was handed over');
      await stop(second);
      assert.equal(isAlive(daemon), false);
    });

    it('starts one daemon for two models that are deployed at once', async () => {
      const [first, second] = await Promise.all([deploy('tiny'), deploy('tiny2')]);
      await ready(first);
      await ready(second);
      const records = [first, second].map((id) => server(id).record);
      assert.equal(records.filter((record) => record !== null).length, 1);
      await stop(second);
      await stop(first);
      assert.equal(await answers(), false);
    });

    it('ends the daemon of a model that could not be loaded', async () => {
      const id = await deploy('tiny-broken');
      await eventually(() => server(id).record !== null, 'its process');
      const daemon = server(id).record!.main.pid;
      await ended(id);
      assert.equal(server(id).endReason, 'failed');
      assert.equal(server(id).diagnosis?.cause?.id, 'gguf_corrupt');
      await eventually(() => !isAlive(daemon), 'the daemon gone');
    });

    // a terminal reports 0 for a killed process, as Ollama itself does for an orderly end
    it('a daemon that was killed has crashed: nobody asked it to end', async () => {
      const id = await deploy('tiny');
      await ready(id);
      const { main } = server(id).record!;
      process.kill(main.pid, 'SIGKILL');
      await ended(id);
      assert.equal(server(id).endReason, 'crashed');
      await eventually(() => livingGroup(main.pid).length === 0, 'its runner gone');
    });

    it('says that none answers where it can’t start one', async () => {
      await setting('ollama.executablePath', path.join(path.dirname(PROGRAM), 'no-such-ollama'));
      await eventually(() => !api.getState().engines.ollama.found, 'no program');
      const result = await api.deploy({ engine: 'ollama', model: 'tiny' });
      await setting('ollama.executablePath', PROGRAM);
      await eventually(() => api.getState().engines.ollama.found, 'the program again');
      assert.ok(!result.ok);
      assert.equal(result.failure.reason, 'toolMissing');
      assert.match(result.failure.detail, new RegExp(`No Ollama answers at ${base}`));
    });
  });
});
