import assert from 'node:assert/strict';
import { bareHubName } from '../../../../src/app/models/completeFromHub';
import { createHub } from '../../../../src/app/models/hub';
import { createModelService, type ModelService } from '../../../../src/app/models/modelService';
import type { EngineId } from '../../../../src/shared/planRequest';
import { answered, fakeContext, settle, type FakeContext } from '../../../support/fakePorts';
import { denseTensors, modelFolderFiles, safetensorsHeader } from '../../../support/modelFiles';

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  vocab_size: 256,
  max_position_embeddings: 4096,
  torch_dtype: 'bfloat16',
};
const HUB = 'https://huggingface.co';
const NEEDS = 'Sizes from the hub need vramPilot.hub.allowRequests.';

describe('modelService', () => {
  let context: FakeContext;
  let models: ModelService;
  let unfollow: () => void;
  let token: string | null;

  function enter(allowRequests = true): void {
    context = fakeContext({ 'hub.allowRequests': allowRequests });
    token = null;
    const hub = createHub({
      ...context,
      environment: () => ({}),
      isAllowed: () => context.settings()['hub.allowRequests'],
      storedToken: () => Promise.resolve(token),
      cacheFolder: '/storage/hub',
    });
    models = createModelService(context, hub);
    unfollow = models.follow();
  }
  afterEach(() => unfollow());

  function putOnHub(name: string): void {
    const { bytes, dataBytes } = safetensorsHeader(denseTensors(CONFIG));
    const at = `GET ${HUB}/${name}/resolve/main`;
    context.http.routes.set(`${at}/config.json`, answered(CONFIG));
    context.http.routes.set(`${at}/model.safetensors`, {
      status: 206,
      headers: { 'content-range': `bytes 0-99/${bytes.length + dataBytes}` },
      body: Buffer.from(bytes).toString('latin1'),
    });
  }

  const wish = (model: string, engine: EngineId = 'vllm'): void =>
    context.store.dispatch({
      type: 'wished',
      wish: { ...context.store.state().wish, engine, model },
      from: 'page',
    });
  const notes = (): string => (context.store.state().model?.notes ?? []).join(' ');
  const tensors = (): number | undefined =>
    context.store.state().model?.facts?.weights?.tensorCount;

  it('asks nobody without leave, and says what that would bring where only the name is known', async () => {
    enter(false);
    wish('org/model-7B');
    await context.clock.pass(2000);
    assert.match(notes(), /7 billion parameters\. Sizes from the hub need vramPilot\.hub\.allow/);
    wish('llama-7b');
    await context.clock.pass(2000);
    assert.ok(!notes().includes(NEEDS), 'no name of the hub');
    wish('user/model-7b:q4', 'ollama');
    await context.clock.pass(2000);
    assert.ok(!notes().includes(NEEDS), 'a name of another library');
    for (const [path, content] of Object.entries(modelFolderFiles('/m', CONFIG)))
      context.files.put(path, content);
    wish('/m');
    await context.clock.pass(2000);
    assert.equal(notes(), '');
    assert.deepEqual(
      context.http.requests.filter(({ url }) => url.startsWith(HUB)),
      [],
    );
  });

  it('shows what the name tells, then what the hub says, once somebody rests', async () => {
    enter();
    putOnHub('org/model-7B');
    for (const typed of ['org/m', 'org/model', 'org/model-7', 'org/model-7B']) {
      wish(typed);
      await context.clock.pass(400);
    }
    assert.equal(context.http.requests.length, 0);
    assert.match(notes(), /7 billion parameters/);
    await context.clock.pass(300);
    assert.equal(context.http.requests.length, 2);
    assert.equal(tensors(), denseTensors(CONFIG).length);
    assert.match(notes(), /^From huggingface\.co, read just now\./);
    assert.equal(context.store.state().model?.longestContext, 4096);
    assert.ok((await models.read('vllm', 'org/model-7B')).ok);
    assert.equal(context.http.requests.length, 2, 'Deploy takes what is known');
  });

  it('cancels with the wish', async () => {
    enter();
    let signal: AbortSignal | undefined;
    context.http.routes.set(`GET ${HUB}/org/slow/resolve/main/config.json`, (request) => {
      signal = request.signal;
      return new Promise(() => undefined);
    });
    wish('org/slow');
    await context.clock.pass(700);
    assert.equal(signal?.aborted, false);
    wish('org/other');
    await settle();
    assert.equal(signal.aborted, true);
    await context.clock.pass(100);
    unfollow();
    await context.clock.pass(2000);
    assert.ok(!context.http.requests.some(({ url }) => url.includes('other')), 'nobody follows');
  });

  it('says that a token is needed, and reads again with another one', async () => {
    enter();
    const config = `GET ${HUB}/org/gated/resolve/main/config.json`;
    const gated = { status: 401, headers: { 'x-error-code': 'GatedRepo' }, body: '' };
    context.http.routes.set(config, gated);
    wish('org/gated');
    await context.clock.pass(1000);
    assert.equal(context.store.state().model?.needsToken, true);
    assert.match(notes(), /org\/gated is gated/);
    assert.equal(context.store.state().model?.problem, null, 'the name still gives a plan');
    putOnHub('org/gated');
    token = 'hf_x';
    models.readAgain();
    await context.clock.pass(1000);
    assert.equal(context.store.state().model?.needsToken, false);
    assert.equal(tensors(), denseTensors(CONFIG).length);
    assert.equal(context.http.requests.at(-1)?.headers?.authorization, 'Bearer hf_x');
  });

  it('asks as soon as it may', async () => {
    enter(false);
    putOnHub('org/model-7B');
    wish('org/model-7B');
    await context.clock.pass(1000);
    context.settingsNow = { ...context.settingsNow, 'hub.allowRequests': true };
    models.readAgain();
    await context.clock.pass(1000);
    assert.equal(tensors(), denseTensors(CONFIG).length);
  });

  it('prefers what is on this machine, also when it comes later', async () => {
    enter();
    (context as { hubCacheFolders: () => readonly string[] }).hubCacheFolders = () => ['/cache'];
    const before = await models.read('vllm', 'org/model-7B');
    assert.ok(before.ok);
    assert.equal(before.value.basis, 'name');
    assert.equal(before.value.hubFailure?.reason, 'refused');
    const snapshot = '/cache/models--org--model-7B/snapshots/1';
    for (const [path, content] of Object.entries(modelFolderFiles(snapshot, CONFIG)))
      context.files.put(path, content);
    const asked = context.http.requests.length;
    const after = await models.read('vllm', 'org/model-7B');
    assert.ok(after.ok);
    assert.equal(after.value.basis, 'headers');
    assert.equal(context.http.requests.length, asked);
  });

  it('looks again at what a name stands for: a download ends, a tag is pulled anew', async () => {
    enter(false);
    (context as { hubCacheFolders: () => readonly string[] }).hubCacheFolders = () => ['/cache'];
    const whole = modelFolderFiles('/cache/models--org--m/snapshots/1', CONFIG);
    for (const [path, content] of Object.entries(whole))
      if (path.endsWith('config.json')) context.files.put(path, content);
    const basis = async () => {
      const read = await models.read('vllm', 'org/m');
      return read.ok && read.value.basis;
    };
    assert.equal(await basis(), 'config');
    for (const [path, content] of Object.entries(whole)) context.files.put(path, content);
    assert.equal(await basis(), 'headers');

    const longest = async (tokens: number) => {
      const model_info = { 'general.architecture': 'llama', 'llama.context_length': tokens };
      context.http.routes.set(
        'POST http://127.0.0.1:11434/api/show',
        answered({ model_info, details: {} }),
      );
      const read = await models.read('ollama', 'm:latest');
      return read.ok && read.value.longestContext;
    };
    assert.equal(await longest(8192), 8192);
    assert.equal(await longest(16384), 16384);
  });

  it('takes a request for a bare name only where nothing else is given', () => {
    assert.equal(bareHubName('vllm', { name: 'org/m' }), 'org/m');
    assert.equal(bareHubName('vllm', { name: 'org/m', config: null, path: null }), 'org/m');
    assert.equal(bareHubName('vllm', { name: 'org/m', config: {} }), null);
    assert.equal(bareHubName('vllm', { name: 'org/m', weightsBytes: 1 }), null);
    assert.equal(bareHubName('vllm', { name: 'm' }), null);
    assert.equal(bareHubName('vllm', { path: '/m' }), null);
    assert.equal(bareHubName('ollama', { name: 'org/m' }), null);
    assert.equal(bareHubName('ollama', { name: 'hf.co/org/m:x.gguf' }), 'hf.co/org/m:x.gguf');
  });
});
