/**
 * The main job on a real Ollama that runs already: adopt it, load its smallest model, unload it. It can't be installed
 * from a package registry, so its address is given: `VRAM_PILOT_OLLAMA=http://127.0.0.1:11434 npm run test:engines`.
 */
import assert from 'node:assert/strict';
import type { VramPilotApi } from '../../../src/vscode/api';
import type { Server } from '../../../src/app/state';
import { eventually } from '../eventually';
import { extensionApi } from '../extensionApi';
import { setting } from '../setting';

const BASE = process.env.VRAM_PILOT_OLLAMA ?? '';
/** A model of some GB from a slow disk. */
const LOAD_MS = 300_000;

interface Models {
  readonly models: readonly { readonly name: string; readonly size: number }[] | null;
}

describe('main job with a real Ollama', function () {
  this.timeout(LOAD_MS + 60_000);
  let api: VramPilotApi;

  const ask = async (path: string): Promise<Models> =>
    (await (await fetch(`${BASE}${path}`)).json()) as Models;
  const isLoaded = async (model: string) =>
    ((await ask('/api/ps')).models ?? []).some(({ name }) => name === model);
  const setHost = (host: string | undefined) => setting('ollama.host', host);

  before(async function () {
    if (BASE === '') {
      console.log('    VRAM_PILOT_OLLAMA names no Ollama: skipped');
      this.skip();
    }
    api = await extensionApi();
    await setHost(BASE);
  });

  after(async () => {
    if (BASE !== '') await setHost(undefined);
  });

  it('loads its smallest model, is ready when it is listed, and unloads it', async () => {
    const models = [...((await ask('/api/tags')).models ?? [])];
    const [smallest] = models.sort((a, b) => a.size - b.size);
    assert.ok(smallest, `${BASE} has a model`);
    const model = smallest.name;
    assert.equal(await isLoaded(model), false, `${model} is loaded already: somebody uses it`);
    const result = await api.deploy({ engine: 'ollama', model }, { force: true });
    assert.ok(result.ok, JSON.stringify(result));
    const server = (): Server => api.getState().servers.find(({ id }) => id === result.id)!;
    await eventually(() => server().phase !== 'starting', 'an end of the load', LOAD_MS);
    assert.equal(server().phase, 'ready', server().diagnosis?.cause?.title);
    assert.equal(await isLoaded(model), true);
    assert.equal(server().record, null, 'adopted, not started');
    assert.match(server().engineVersion ?? '', /^\d+\.\d+/);

    const stopped = await api.stop(result.id);
    assert.ok(stopped.ok, JSON.stringify(stopped));
    assert.equal(server().endReason, 'stopped');
    // 0.24 lists it for another second
    await eventually(async () => !(await isLoaded(model)), 'unloaded', 10_000);
    assert.equal((await fetch(`${BASE}/api/version`)).status, 200, 'the daemon lives');
  });
});
