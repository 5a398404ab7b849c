/** What is read from a hub, and how rarely, over real HTTP to a stand-in on loopback that counts. */
import assert from 'node:assert/strict';
import { readModel } from '../../../../src/app/models/modelReader';
import type { ModelReading } from '../../../../src/app/models/modelReading';
import { plan } from '../../../../src/planner/plan';
import { parsePlanRequest } from '../../../../src/shared/planRequest';
import { FakeHttp } from '../../../support/fakePorts';
import { badly } from '../../../support/hubServer';
import {
  HUB_CONFIG,
  HUB_HEADER,
  HUB_MODEL,
  HUB_MODEL_BYTES,
  HUB_SECRET,
  HubScene,
  outcomeOf,
} from '../../../support/hubScene';
import { memoryFiles } from '../../../support/memoryFiles';
import {
  denseTensors,
  ggufHeader,
  modelFolderFiles,
  rawSafetensorsHeader,
  safetensorsHeader,
} from '../../../support/modelFiles';

describe('hub', () => {
  let scene: HubScene;
  beforeEach(async () => {
    scene = await HubScene.start();
  });
  afterEach(() => scene.server.stop());

  const basisOfPlan = ({ facts }: ModelReading): string => {
    const request = parsePlanRequest({
      engine: 'vllm',
      model: facts,
      gpus: [{ totalBytes: 24 * 2 ** 30 }],
      options: { maxModelLen: 8192 },
    });
    assert.ok(request.ok);
    return plan(request.value).basis;
  };

  describe('reads', () => {
    it('a single-file model in 2 requests and less than 1 MB, as from a local folder', async () => {
      scene.putSingle();
      const reading = await scene.readOk();
      const local = await readModel(memoryFiles(smallFolder()), '/m', { cacheFolders: [] });
      scene.server.put('org/small/config.json', JSON.stringify(SMALL));
      const small = safetensorsHeader(denseTensors(SMALL));
      scene.server.put('org/small/model.safetensors', small.bytes, small.dataBytes);
      const remote = await scene.readOk('org/small');
      assert.ok(local.ok);
      assert.deepEqual({ ...remote.facts, name: 'm', path: '/m' }, local.value.facts);
      assert.equal(remote.longestContext, local.value.longestContext);

      assert.equal(reading.basis, 'headers');
      assert.equal(basisOfPlan(reading), 'headers');
      assert.equal(reading.facts.weights?.totalBytes, HUB_MODEL_BYTES);
      assert.equal(reading.facts.parameterCount, HUB_MODEL_BYTES / 2);
      assert.equal(reading.longestContext, 40960);
      assert.match(
        reading.notes[0] ?? '',
        /^From 127\.0\.0\.1:\d+, read just now, commit aaaaaaa\.$/,
      );
      const [config, weights, ...more] = scene.server.requests.slice(0, 2);
      assert.deepEqual(more, []);
      assert.deepEqual([config?.range, config?.authorization], [null, null]);
      assert.match(weights?.range ?? '', /^bytes=0-\d+$/);
      assert.ok((config?.sentBytes ?? 0) + (weights?.sentBytes ?? 0) <= 1_000_000);
      assert.equal(scene.server.requests.length, 4, 'two for each model');
    });

    it('no more of the file than its header', async () => {
      scene.putSingle();
      await scene.readOk();
      const configBytes = JSON.stringify(HUB_CONFIG).length;
      assert.deepEqual(scene.counted(), [2, configBytes + HUB_HEADER.bytes.length]);
    });

    it('a sharded model with one request more, by the sum in its index', async () => {
      scene.putSharded();
      const reading = await scene.readOk();
      assert.deepEqual(
        scene.server.requests.map(({ path }) => path.split('/').at(-1)),
        ['config.json', 'model.safetensors', 'model.safetensors.index.json'],
      );
      assert.equal(reading.facts.weightsBytes, HUB_MODEL_BYTES);
      assert.equal(reading.facts.weights, null);
      assert.equal(reading.facts.parameterCount, HUB_MODEL_BYTES / 2);
      assert.equal(basisOfPlan(reading), 'headers');
      assert.match(reading.notes.join(' '), /sum of 5 files by their index/);
    });

    it('an index of 9 MB by its first lines', async () => {
      scene.putSharded();
      const rows = Array.from({ length: 90_000 }, (_, i) => `"tensor.${'x'.repeat(60)}.${i}": "s"`);
      const metadata = `"metadata": {"total_size": ${HUB_MODEL_BYTES}}`;
      const index = `{${metadata}, "weight_map": {${rows.join(', ')}}}`;
      assert.ok(index.length > 6_000_000);
      scene.server.put(`${HUB_MODEL}/model.safetensors.index.json`, index);
      const reading = await scene.readOk();
      assert.equal(reading.facts.weightsBytes, HUB_MODEL_BYTES);
      assert.ok((scene.counted()[1] ?? 0) <= 140_000);
      assert.match(reading.notes.join(' '), /sum of all files/);
    });

    it('the sum from the size of the file where a header is longer than the budget', async () => {
      scene.server.put(`${HUB_MODEL}/config.json`, JSON.stringify(HUB_CONFIG));
      const padded = rawSafetensorsHeader('{}'.padEnd(3_000_000));
      scene.server.put(`${HUB_MODEL}/model.safetensors`, padded, 1_000_000_000);
      const reading = await scene.readOk();
      assert.equal(reading.facts.weightsBytes, 1_000_000_000);
      assert.match(reading.notes.join(' '), /longer than what is read/);
      assert.equal(scene.counted()[0], 2);
    });

    it('a .gguf file in one request, by its beginning', async () => {
      const { bytes, dataBytes } = ggufHeader(GGUF);
      scene.server.put('org/g-GGUF/sub/g.Q8_0.gguf', bytes, dataBytes);
      const reading = await scene.readOk('org/g-GGUF:sub/g.Q8_0.gguf');
      assert.equal(reading.basis, 'gguf');
      assert.equal(reading.longestContext, 32768);
      assert.equal(reading.facts.gguf?.fileBytes, bytes.length + dataBytes);
      assert.equal(basisOfPlan(reading), 'gguf');
      assert.deepEqual(
        scene.server.requests.map(({ range }) => range),
        ['bytes=0-131071'],
      );
    });

    it('the config alone where there are no safetensors', async () => {
      scene.server.put(`${HUB_MODEL}/config.json`, JSON.stringify(HUB_CONFIG));
      const reading = await scene.readOk();
      assert.equal(reading.basis, 'config');
      assert.match(reading.notes.join(' '), /No safetensors/);
      assert.equal(scene.server.requests.length, 3);
    });
  });

  describe('asks considerately', () => {
    it('not again before the hub allows it, for any model', async () => {
      scene.putSingle();
      scene.putSingle('org/other');
      scene.server.misbehave('*', badly.status(429, { 'retry-after': '90' }));
      const hub = scene.open();
      assert.equal(await outcomeOf(scene.readAt(hub)), 'failed');
      scene.server.misbehave('*', null);
      scene.clock.nowMs += 60_000;
      const waiting = await scene.readAt(hub, 'org/other');
      assert.ok(!waiting.ok);
      assert.match(waiting.failure.detail, /next request goes out in 30s/);
      assert.equal(scene.server.requests.length, 1);
      scene.clock.nowMs += 31_000;
      assert.equal(await outcomeOf(scene.readAt(hub)), 'headers');
    });

    it('not again at once for what was refused, unless the token has changed', async () => {
      scene.putSingle();
      scene.server.token = HUB_SECRET;
      const hub = scene.open();
      for (let at = 0; at < 3; at++) assert.equal(await outcomeOf(scene.readAt(hub)), 'needsToken');
      assert.equal(scene.server.requests.length, 1);
      scene.storedToken = HUB_SECRET;
      hub.forgetFailures();
      assert.equal(await outcomeOf(scene.readAt(hub)), 'headers');
      assert.equal(scene.server.requests.length, 3);
    });

    it('once for all who want the same', async () => {
      scene.putSingle();
      const hub = scene.open();
      const all = await Promise.all([1, 2, 3].map(() => scene.readAt(hub)));
      assert.ok(all.every((one) => one.ok));
      assert.equal(scene.server.requests.length, 2);
    });

    it('no longer than somebody waits', async () => {
      scene.putSingle();
      scene.server.misbehave(`${HUB_MODEL}/model.safetensors`, badly.stuck(100));
      const hub = scene.open();
      const first = new AbortController();
      const second = new AbortController();
      const one = outcomeOf(scene.readAt(hub, HUB_MODEL, first.signal));
      const two = outcomeOf(scene.readAt(hub, HUB_MODEL, second.signal));
      await new Promise((resolve) => setTimeout(resolve, 60));
      first.abort();
      assert.equal(await one, 'cancelled');
      const waitedFor = scene.server.requests[1];
      assert.equal(waitedFor?.closedEarly, false, 'the other one still waits');
      second.abort();
      assert.equal(await two, 'cancelled');
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(
        scene.server.requests.some((one) => one.closedEarly),
        true,
      );
      scene.server.misbehave(`${HUB_MODEL}/model.safetensors`, null);
      assert.equal(
        await outcomeOf(scene.readAt(hub)),
        'headers',
        'a cancelled reading is no failure',
      );
      const late = new AbortController();
      late.abort();
      assert.equal(await outcomeOf(scene.readAt(hub, 'org/other', late.signal)), 'cancelled');
    });
  });

  describe('the token', () => {
    const HOME = '/home/user/.cache/huggingface/token';
    const sent = async (): Promise<string | null> => {
      scene.server.requests.length = 0;
      scene.files = memoryFiles({
        [HOME]: ' hf_of_home\n',
        '/else/token': 'hf_of_hf_home',
        '/t': 'hf_t',
      });
      scene.putSingle();
      await scene.readOk();
      return scene.server.requests[0]?.authorization?.replace('Bearer ', '') ?? null;
    };

    it('comes from the editor, the environment or the file of the login, in this order', async () => {
      assert.equal(await sent(), 'hf_of_home');
      scene.environment.HF_HOME = '/else';
      assert.equal(await sent(), 'hf_of_hf_home');
      scene.environment.HF_TOKEN_PATH = '/t';
      assert.equal(await sent(), 'hf_t');
      scene.environment.HUGGING_FACE_HUB_TOKEN = 'hf_older';
      assert.equal(await sent(), 'hf_older');
      scene.environment.HF_TOKEN = 'hf_env';
      assert.equal(await sent(), 'hf_env');
      scene.storedToken = 'hf_editor';
      assert.equal(await sent(), 'hf_editor');
      scene.storedToken = null;
      scene.environment.HF_HUB_DISABLE_IMPLICIT_TOKEN = '1';
      assert.equal(await sent(), null);
    });

    it('stays here where others on the way could read it', async () => {
      scene.storedToken = HUB_SECRET;
      const fake = new FakeHttp();
      for (const [endpoint, token] of [
        ['http://mirror.lan', undefined],
        ['https://mirror.lan', `Bearer ${HUB_SECRET}`],
      ] as const) {
        scene.environment.HF_ENDPOINT = endpoint;
        assert.equal(await outcomeOf(scene.readAt(scene.open(fake))), 'refused');
        assert.equal(fake.requests.at(-1)?.headers?.authorization, token);
      }
    });

    it('is not sent where it can not be one', async () => {
      scene.environment.HF_TOKEN = 'two words';
      assert.equal(await sent(), null);
      scene.environment.HF_TOKEN = 'x\r\nHost: evil';
      assert.equal(await sent(), null);
    });

    it('is nowhere in what is logged, kept or said', async () => {
      scene.putSingle();
      scene.environment.HF_TOKEN = HUB_SECRET;
      await scene.readOk();
      for (const answer of [401, 403, 404, 429, 500].map((status) => badly.status(status))) {
        scene.server.misbehave('*', answer);
        await scene.said(scene.read('org/gone'));
      }
      scene.server.misbehave('*', badly.cutOff());
      await scene.said(scene.read('org/gone'));
      scene.environment.HF_ENDPOINT = 'http://127.0.0.1:9';
      await scene.said(scene.read('org/gone'));
      assert.ok(
        scene.asked.some(({ headers }) => headers?.authorization === `Bearer ${HUB_SECRET}`),
      );
      assert.ok(scene.log.lines.length >= 8);
      assert.doesNotMatch(await scene.everythingSaid(), /geheim/);
    });
  });
});

const SMALL = { ...HUB_CONFIG, num_hidden_layers: 2, hidden_size: 64, vocab_size: 256 };

const smallFolder = (): Record<string, string | Uint8Array> => modelFolderFiles('/m', SMALL);

const GGUF = {
  metadata: [
    ['general.architecture', 'qwen3'],
    ['qwen3.block_count', 28],
    ['qwen3.context_length', 32768],
    ['qwen3.embedding_length', 1024],
    ['qwen3.feed_forward_length', 3072],
    ['qwen3.attention.head_count', 16],
    ['qwen3.attention.head_count_kv', 8],
    [
      'tokenizer.ggml.tokens',
      { array: 'string', values: Array.from({ length: 30_000 }, (_, i) => `word${i}`) },
    ],
  ],
  tensors: [{ name: 'token_embd.weight', type: 1, shape: [1024, 30_000], bytes: 61_440_000 }],
} as const;
