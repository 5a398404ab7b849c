/** A hub that misbehaves, in every way that was thought of. */
import assert from 'node:assert/strict';
import type { Http } from '../../../../src/app/ports';
import { openHttp } from '../../../../src/system/http';
import {
  HUB_CACHE,
  HUB_CONFIG,
  HUB_HEADER,
  HUB_MODEL,
  HUB_MODEL_BYTES,
  HUB_SECRET,
  HubScene,
  outcomeOf,
} from '../../../support/hubScene';
import { badly, startHubServer, type HubServer } from '../../../support/hubServer';
import { rawSafetensorsHeader } from '../../../support/modelFiles';

describe('hub faults', () => {
  let scene: HubScene;
  beforeEach(async () => {
    scene = await HubScene.start();
  });
  afterEach(() => scene.server.stop());

  describe('is not led astray', () => {
    const atConfig: [string, ReturnType<typeof badly.status>, string][] = [
      ['401', badly.status(401), 'needsToken'],
      ['403', badly.status(403, { 'x-error-code': 'GatedRepo' }), 'needsToken'],
      ['404', badly.status(404), 'notFound'],
      ['429', badly.status(429, { 'retry-after': '30' }), 'failed'],
      ['500', badly.status(500), 'failed'],
      ['a redirect loop', badly.redirect('/org/tiny/resolve/main/config.json'), 'failed'],
      ['a redirect to a file', badly.redirect('file:///etc/passwd'), 'failed'],
      ['a redirect to nowhere', badly.redirect('http://'), 'failed'],
      ['silence', badly.silent(), 'timedOut'],
      ['a hang in the body', badly.stuck(), 'timedOut'],
      ['an answer cut off', badly.cutOff(), 'failed'],
      ['a sign-in page', badly.page(), 'badOutput'],
      ['compressed bytes as a part', badly.packed(206), 'badOutput'],
      ['another part of the file', badly.wrongOffset(), 'badOutput'],
      ['an endless stream', badly.endless(), 'badOutput'],
    ];
    for (const [what, answer, expected] of atConfig) {
      it(`by ${what} for the config`, async () => {
        scene.putSingle();
        scene.server.misbehave(`${HUB_MODEL}/config.json`, answer);
        assert.equal(await outcomeOf(scene.read()), expected);
        assert.ok((scene.counted()[1] ?? 0) <= 256 * 1024);
        assert.ok(scene.server.requests.every(({ path }) => !path.endsWith('.safetensors')));
      });
    }

    it('by a config that is none', async () => {
      for (const text of ['[]', '{}', 'null', '"x"', '{"a":', '\u0000', '<html>']) {
        scene.server.put(`${HUB_MODEL}/config.json`, text);
        assert.equal(await outcomeOf(scene.read()), 'badOutput', text);
      }
    });

    it('by a compressed config, which is unpacked', async () => {
      scene.putSingle();
      scene.server.misbehave(`${HUB_MODEL}/config.json`, badly.packed());
      assert.equal((await scene.readOk()).basis, 'headers');
    });

    const fullAnswers: [string, ReturnType<typeof badly.status>][] = [
      ['ignored ranges', badly.withoutRanges()],
      ['no content-length', badly.withoutLength()],
      ['an endless stream', badly.endless()],
    ];
    for (const [what, answer] of fullAnswers) {
      it(`by ${what} for the weights: the header is taken, the rest is left`, async () => {
        scene.putSingle();
        scene.server.misbehave(`${HUB_MODEL}/model.safetensors`, answer);
        const reading = await scene.readOk();
        assert.equal(reading.facts.weights?.totalBytes, HUB_MODEL_BYTES);
        const weights = scene.server.requests[1];
        assert.ok((scene.counted()[1] ?? 0) <= HUB_HEADER.bytes.length + 2000);
        assert.ok((weights?.sentBytes ?? 0) < 50_000_000, 'what the sockets hold, not the file');
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.equal(weights?.closedEarly, true);
      });
    }

    const atWeights: [string, ReturnType<typeof badly.status>][] = [
      ['401', badly.status(401)],
      ['429', badly.status(429)],
      ['500', badly.status(500)],
      ['416', badly.status(416)],
      ['a redirect loop', badly.redirect('/org/tiny/resolve/main/model.safetensors')],
      ['silence', badly.silent()],
      ['a hang in the length', badly.stuck(4)],
      ['a hang in the header', badly.stuck(100)],
      ['an answer cut off', badly.cutOff()],
      ['a sign-in page', badly.page()],
      ['compressed bytes', badly.packed(206)],
      ['another part of the file', badly.wrongOffset()],
    ];
    for (const [what, answer] of atWeights) {
      it(`by ${what} for the weights: sizes from the config, nothing kept`, async () => {
        scene.putSingle();
        scene.server.misbehave(`${HUB_MODEL}/model.safetensors`, answer);
        const reading = await scene.readOk();
        assert.equal(reading.basis, 'config');
        assert.equal(reading.facts.weights, null);
        assert.equal(reading.facts.weightsBytes, null);
        assert.match(reading.notes.join(' '), /Sizes from the config\./);
        assert.deepEqual(await scene.files.list(HUB_CACHE), []);
        assert.ok(scene.server.requests.length <= 3 + 5, 'redirects are not counted, but end');
      });
    }

    it('by headers that lie about their length', async () => {
      scene.putSingle();
      for (const claim of [-1n, 2n ** 62n, 99_000_000n, 10n ** 9n]) {
        const bytes = rawSafetensorsHeader('{}', BigInt.asUintN(64, claim));
        scene.server.put(`${HUB_MODEL}/model.safetensors`, bytes, 10_000_000);
        const reading = await scene.readOk();
        assert.equal(reading.basis, 'config', String(claim));
        assert.equal(reading.facts.weightsBytes, null);
        assert.match(reading.notes.join(' '), /can't be used: its header claims/);
        assert.ok((scene.counted()[1] ?? 0) < 2000, 'eight bytes are enough to see that');
      }
    });

    it('by an index without a sum', async () => {
      scene.putSharded();
      scene.server.put(`${HUB_MODEL}/model.safetensors.index.json`, '{"weight_map": {"a": "b"}}');
      const reading = await scene.readOk();
      assert.equal(reading.basis, 'config');
      assert.match(reading.notes.join(' '), /index names no total_size/);
    });

    it('by an endpoint that is none, without a request', async () => {
      for (const bad of ['file:///etc', 'nonsense', 'https://u:p@h']) {
        scene.environment.HF_ENDPOINT = bad;
        assert.equal(await outcomeOf(scene.read()), 'invalid');
      }
      scene.environment.HF_ENDPOINT = 'http://127.0.0.1:9';
      assert.equal(await outcomeOf(scene.read()), 'refused');
      assert.equal(scene.server.requests.length, 0);
    });

    it('within one time limit for all requests together', async () => {
      scene.putSingle();
      const slow: Http = {
        request: async (request) => {
          scene.asked.push(request);
          await scene.clock.pass(9000);
          return openHttp().request(request);
        },
      };
      const hub = scene.open(slow);
      scene.server.misbehave(`${HUB_MODEL}/model.safetensors`, badly.status(404));
      assert.equal(await outcomeOf(scene.readAt(hub)), 'config');
      assert.deepEqual(
        scene.asked.map(({ timeoutMs }) => timeoutMs),
        [10_000, 10_000, 2000],
      );
    });
  });

  describe('follows a redirect', () => {
    let storage: HubServer;
    beforeEach(async () => {
      storage = await startHubServer('localhost');
    });
    afterEach(() => storage.stop());

    it('to the storage behind it, and takes no token there', async () => {
      scene.putSingle();
      scene.storedToken = HUB_SECRET;
      storage.put('cdn/x/w', HUB_HEADER.bytes, HUB_HEADER.dataBytes);
      const target = `${storage.endpoint}/cdn/x/resolve/main/w`;
      scene.server.misbehave(
        `${HUB_MODEL}/model.safetensors`,
        badly.redirect(`${target}?sig=geheim`),
      );
      scene.server.misbehave(`${HUB_MODEL}/config.json`, (_request, response) => {
        response.writeHead(307, { location: '/org/tiny/resolve/main/moved.json' }).end();
      });
      scene.server.put(`${HUB_MODEL}/moved.json`, JSON.stringify(HUB_CONFIG));
      storage.misbehave('*', (_request, response) => {
        const total = HUB_HEADER.bytes.length + HUB_HEADER.dataBytes;
        response
          .writeHead(206, { 'content-range': `bytes 0-99/${total}` })
          .end(Buffer.from(HUB_HEADER.bytes));
      });
      const reading = await scene.readOk();
      scene.texts.push(JSON.stringify(reading));
      assert.equal(reading.basis, 'headers');
      assert.deepEqual(
        scene.server.requests.map(({ authorization }) => authorization),
        Array(3).fill(`Bearer ${HUB_SECRET}`),
      );
      assert.deepEqual(
        storage.requests.map(({ authorization }) => authorization),
        [null],
      );
      assert.match(storage.requests[0]?.range ?? '', /^bytes=0-/);
      assert.equal(scene.counted()[0], 2, 'redirects are not counted');
      assert.doesNotMatch(await scene.everythingSaid(), /geheim/);
    });
  });
});
