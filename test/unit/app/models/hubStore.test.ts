/** What is kept of a hub, for how long, and what is done with it when the hub is gone. */
import assert from 'node:assert/strict';
import { fail } from '../../../../src/shared/failure';
import { HUB_CACHE, HUB_MODEL, HubScene, outcomeOf } from '../../../support/hubScene';
import { badly, startHubServer } from '../../../support/hubServer';

const HOUR_MS = 3_600_000;

describe('hub store', () => {
  let scene: HubScene;
  beforeEach(async () => {
    scene = await HubScene.start();
  });
  afterEach(() => scene.server.stop());

  describe('keeps', () => {
    it('a reading for a day, over windows, and says how old it is', async () => {
      scene.putSingle();
      await scene.readOk();
      scene.clock.nowMs += 23 * HOUR_MS;
      const later = await scene.readOk();
      assert.equal(scene.server.requests.length, 2);
      assert.equal(later.basis, 'headers');
      assert.match(later.notes[0] ?? '', /read 23h 0m ago, commit aaaaaaa/);
    });

    it('it for another day after one request where the repository has not moved on', async () => {
      scene.putSingle();
      await scene.readOk();
      scene.clock.nowMs += 25 * HOUR_MS;
      assert.match((await scene.readOk()).notes[0] ?? '', /read just now/);
      assert.equal(scene.server.requests.length, 3);
      scene.clock.nowMs += 23 * HOUR_MS;
      await scene.readOk();
      assert.equal(scene.server.requests.length, 3);
      scene.server.commit = 'b'.repeat(40);
      scene.clock.nowMs += 2 * HOUR_MS;
      assert.match((await scene.readOk()).notes[0] ?? '', /commit bbbbbbb/);
      assert.equal(scene.server.requests.length, 5);
      scene.server.commit = null;
      scene.clock.nowMs += 25 * HOUR_MS;
      assert.doesNotMatch((await scene.readOk()).notes[0] ?? '', /commit/);
      assert.equal(scene.server.requests.length, 7, 'without a commit, all is read again');
    });

    it('what it knows where the hub is gone, refuses or may not be asked', async () => {
      scene.putSingle();
      await scene.readOk();
      scene.clock.nowMs += 100 * HOUR_MS;
      const old = async (why: RegExp): Promise<void> => {
        const reading = await scene.readOk();
        assert.equal(reading.basis, 'headers');
        assert.match(reading.notes[0] ?? '', /read 4d ago/);
        assert.match(reading.notes.at(-1) ?? '', why);
      };
      for (const status of [401, 404, 429, 500]) {
        scene.server.misbehave('*', badly.status(status));
        await old(/^Not asked again: /);
      }
      scene.server.misbehave('*', badly.silent());
      await old(/did not answer within/);
      scene.server.misbehave('*', null);
      scene.server.misbehave(`${HUB_MODEL}/model.safetensors`, badly.status(500));
      scene.server.commit = 'c'.repeat(40);
      await old(/answered 500/);
      scene.environment.HF_HUB_OFFLINE = '1';
      const requests = scene.server.requests.length;
      await old(/HF_HUB_OFFLINE/);
      assert.equal(scene.server.requests.length, requests);
      assert.equal(await outcomeOf(scene.read('org/other')), 'failed');
      assert.equal(scene.server.requests.length, requests);
    });

    it('nothing it can not read back: a damaged entry is replaced', async () => {
      scene.putSingle();
      await scene.readOk();
      const [name = ''] = await scene.files.list(HUB_CACHE);
      const path = `${HUB_CACHE}/${name}`;
      const whole = scene.files.text(path) ?? '';
      const damaged = [
        ...['', '{', 'null', '[]', '{"version":1}', whole.slice(0, -1)],
        whole.replace('"version":1', '"version":2'),
        whole.replace('org/tiny', 'org/else'),
        whole.replace(/"readAtMs":\d+/, '"readAtMs":"x"'),
        whole.replace('"basis":"headers"', '"basis":"learned"'),
      ];
      for (const [at, text] of damaged.entries()) {
        assert.notEqual(text, whole);
        scene.files.put(path, text);
        await scene.readOk();
        assert.equal(scene.server.requests.length, 4 + at * 2, text.slice(0, 40));
        assert.deepEqual(JSON.parse(scene.files.text(path) ?? ''), JSON.parse(whole));
      }
      scene.files.put(
        path,
        whole.replace(/"readAtMs":\d+/, `"readAtMs":${scene.clock.nowMs + HOUR_MS}`),
      );
      const before = scene.server.requests.length;
      await scene.readOk();
      assert.ok(scene.server.requests.length > before, 'a clock that was set back');
    });

    it('what it read in memory where the disk takes nothing', async () => {
      scene.putSingle();
      scene.files.writeAtomic = () => Promise.resolve(fail('failed', 'read-only'));
      const hub = scene.open();
      assert.equal(await outcomeOf(scene.readAt(hub)), 'headers');
      assert.equal(await outcomeOf(scene.readAt(hub)), 'headers');
      assert.equal(scene.server.requests.length, 2);
    });

    it('one hub, revision and file apart from another', async () => {
      scene.putSingle();
      await scene.readOk();
      const mirror = await startHubServer();
      scene.environment.HF_ENDPOINT = mirror.endpoint;
      assert.equal(await outcomeOf(scene.read()), 'notFound');
      await mirror.stop();
      scene.putSingle('org/TINY');
      scene.environment.HF_ENDPOINT = scene.server.endpoint;
      await scene.readOk('org/TINY');
      assert.equal(scene.server.requests.length, 4);
    });

    it('no more than 200 models, the newest', async () => {
      for (let at = 0; at < 230; at++)
        scene.files.put(`${HUB_CACHE}/old-${String(at).padStart(3, '0')}.json`, '{}', 1_000 + at);
      scene.files.put(`${HUB_CACHE}/notes.txt`, 'not ours', 0);
      scene.putSingle();
      await scene.readOk();
      const names = await scene.files.list(HUB_CACHE);
      assert.equal(names.filter((name) => name.endsWith('.json')).length, 200);
      assert.ok(names.includes('notes.txt'));
      assert.ok(!names.includes('old-000.json') && names.includes('old-229.json'));
      assert.ok(names.some((name) => name.includes('org-tiny')));
    });

    it('no more than 16 MiB', async () => {
      for (let at = 0; at < 40; at++)
        scene.files.put(
          `${HUB_CACHE}/old-${String(at)}.json`,
          new Uint8Array(1024 ** 2),
          1_000 + at,
        );
      scene.putSingle();
      await scene.readOk();
      const sizes = await Promise.all(
        (await scene.files.list(HUB_CACHE)).map((name) => scene.files.stat(`${HUB_CACHE}/${name}`)),
      );
      const bytes = sizes.reduce((sum, facts) => sum + (facts?.sizeBytes ?? 0), 0);
      assert.ok(bytes <= 16 * 1024 ** 2 && bytes > 14 * 1024 ** 2, String(bytes));
    });
  });
});
