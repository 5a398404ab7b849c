import assert from 'node:assert/strict';
import { fateOf } from '../../../../src/app/servers/launchFate';
import { changeProfiles, loadProfiles } from '../../../../src/app/launching/profiles';
import type { Profile } from '../../../../src/app/state';
import { fakeContext, LAUNCHES, plantVllm, serverOf } from '../../../support/fakePorts';
import { memoryFiles } from '../../../support/memoryFiles';

const OLD_RECORD = {
  version: 1,
  id: 'old',
  title: 'vLLM: m :8000',
  wish: { engine: 'vllm', model: 'm', options: {}, extraArguments: [], port: null },
  command: { file: 'vllm', args: ['serve', 'm'], env: {} },
  host: '127.0.0.1',
  port: 8000,
  startedAtMs: 5,
  record: {
    launchId: 'old',
    engine: 'vllm',
    main: { pid: 7, startTime: '1', bootId: 'b' },
    pgid: 7,
    sid: null,
    port: 8000,
  },
};

describe('registry', () => {
  it('gives back what a launch needs to be found again', async () => {
    const { registry, table } = fakeContext();
    const server = serverOf({
      record: plantVllm(table),
      engineVersion: '0.19.1',
      readyAtMs: 12,
      plannedBytesPerGpu: [5],
      phase: 'ready',
      usedBytes: 3,
    });
    await registry.save(server);
    const [loaded] = await registry.load();
    // what only observation can tell is not remembered
    const unknown = { phase: 'starting', stage: 'starting', usedBytes: null };
    assert.deepEqual(loaded, { ...server, ...unknown });
  });

  it('sorts by start and forgets what is removed', async () => {
    const { registry } = fakeContext();
    await registry.save(serverOf({ id: 'b', startedAtMs: 2 }));
    await registry.save(serverOf({ id: 'a', startedAtMs: 3 }));
    await registry.save(serverOf({ id: 'c', startedAtMs: 1 }));
    await registry.remove('b');
    assert.deepEqual(
      (await registry.load()).map(({ id }) => id),
      ['c', 'a'],
    );
  });

  it('reads records that older versions wrote', async () => {
    const { registry, files } = fakeContext();
    files.put(`${LAUNCHES}/old.json`, JSON.stringify(OLD_RECORD));
    const [loaded] = await registry.load();
    assert.deepEqual(loaded?.record?.seen, []);
    assert.equal(loaded.engineVersion, null);
    assert.equal(loaded.simulated, false);
  });

  const NEWER = JSON.stringify({ ...OLD_RECORD, version: 2 });

  it('leaves a record of another version alone, says so once, and reads the rest', async () => {
    const { registry, files, log } = fakeContext();
    files.put(`${LAUNCHES}/newer.json`, NEWER);
    await registry.save(serverOf({ id: 'good' }));
    for (let look = 0; look < 3; look++)
      assert.deepEqual(
        (await registry.load()).map(({ id }) => id),
        ['good'],
      );
    assert.equal(files.text(`${LAUNCHES}/newer.json`), NEWER);
    assert.equal(log.lines.filter((line) => line.includes('newer.json')).length, 1);
  });

  for (const [what, text] of [
    ['a cut file', JSON.stringify(OLD_RECORD).slice(0, 50)],
    ['a record with a wrong pid', JSON.stringify(OLD_RECORD).replace('"pid":7', '"pid":"7"')],
    ['an empty file', ''],
  ] as const) {
    it(`sets ${what} aside, says so, and reads the rest`, async () => {
      const { registry, files, log } = fakeContext();
      files.put(`${LAUNCHES}/bad.json`, text);
      await registry.save(serverOf({ id: 'good' }));
      assert.deepEqual(
        (await registry.load()).map(({ id }) => id),
        ['good'],
      );
      assert.equal(files.text(`${LAUNCHES}/bad.json.unreadable`), text);
      assert.match(log.lines.join('\n'), /warn registry: .*bad\.json/);
    });
  }

  it('cut at any byte is set aside or still right, never half of it', async () => {
    const { registry, files, table } = fakeContext();
    const server = serverOf({ record: plantVllm(table), stage: 'loading', gpus: [0] });
    await registry.save(server);
    const text = files.text(`${LAUNCHES}/launch-1.json`) ?? '';
    assert.ok(text.length > 500);
    for (let length = 0; length < text.length; length++) {
      files.put(`${LAUNCHES}/launch-1.json`, text.slice(0, length));
      assert.deepEqual(await registry.load(), [], `${length} bytes`);
      await files.remove(`${LAUNCHES}/launch-1.json.unreadable`);
    }
    files.put(`${LAUNCHES}/launch-1.json`, text);
    assert.equal((await registry.load()).length, 1);
  });

  it('keeps who was seen by another window, and a stop that it asked for', async () => {
    const { registry, table } = fakeContext();
    const record = plantVllm(table);
    const other = { ...record.main, pid: 104 };
    const seenThere = { ...record, seen: [...record.seen, other] };
    await registry.save(serverOf({ record: seenThere, stopRequested: true, readyAtMs: 7 }));
    await registry.save(serverOf({ record }));
    const [loaded] = await registry.load();
    assert.deepEqual(loaded?.record?.seen.map(({ pid }) => pid).sort(), [100, 104]);
    assert.equal(loaded.stopRequested, true);
    assert.equal(loaded.readyAtMs, 7);
  });

  it('does not bring back a launch that has ended', async () => {
    const { registry } = fakeContext();
    const server = serverOf({ endReason: 'failed', endedAtMs: 5 });
    await registry.save(server);
    await registry.remove('launch-1', fateOf(server, 9));
    await registry.save(server);
    assert.deepEqual(await registry.load(), []);
    assert.deepEqual(await registry.fateOf('launch-1'), {
      end: 'failed',
      exitCode: null,
      endedAtMs: 5,
      diagnosis: null,
    });
  });

  it('the first to say how a launch ended is right; a cut word says nothing', async () => {
    const { registry, files } = fakeContext();
    const fate = { end: 'crashed', exitCode: 9, endedAtMs: 5, diagnosis: null } as const;
    await registry.end('launch-1', fate);
    await registry.end('launch-1', { ...fate, end: 'stopped' });
    assert.equal((await registry.fateOf('launch-1'))?.end, 'crashed');
    const path = '/storage/ended/launch-1.json';
    const text = files.text(path) ?? '';
    for (let length = 0; length < text.length; length++) {
      files.put(path, text.slice(0, length));
      assert.equal(await registry.fateOf('launch-1'), null, `${length} bytes`);
    }
  });

  it('keeps the last hundred ends only', async () => {
    const { registry, files } = fakeContext();
    const fate = { end: 'stopped', exitCode: 0, endedAtMs: 5, diagnosis: null } as const;
    for (let at = 0; at < 130; at++) await registry.end(`l${at}`, fate);
    assert.equal((await files.list('/storage/ended')).length, 100);
  });

  it('says so on a full disk, and what was written stays', async () => {
    const { registry, files, log } = fakeContext();
    await registry.save(serverOf());
    files.isFull = true;
    await registry.save(serverOf({ readyAtMs: 9 }));
    await registry.end('launch-1', { end: 'failed', exitCode: 1, endedAtMs: 5, diagnosis: null });
    assert.match(log.lines.join('\n'), /could not write .*ENOSPC/);
    assert.equal((await registry.load()).length, 1);
    await registry.remove('launch-1');
    assert.deepEqual(await registry.load(), []);
  });

  it('is empty where nothing was ever saved', async () => {
    assert.deepEqual(await fakeContext().registry.load(), []);
  });
});

describe('profiles', () => {
  const PATH = '/w/.vscode/vram-pilot.profiles.json';
  const profile: Profile = {
    name: 'chat',
    wish: {
      engine: 'vllm',
      model: 'org/m',
      options: { gpuMemoryUtilization: 0.8, maxModelLen: 4096 },
      extraArguments: ['--seed', '1'],
      port: 8010,
    },
  };
  const valueOf = <T>(result: { ok: true; value: T } | { ok: false }): T => {
    assert.ok(result.ok);
    return result.value;
  };

  it('come back as they were saved; no file is no profile', async () => {
    const files = memoryFiles();
    assert.deepEqual(valueOf(await loadProfiles(files, PATH)), []);
    assert.ok((await changeProfiles(files, PATH, () => [profile])).ok);
    assert.deepEqual(valueOf(await loadProfiles(files, PATH)), [profile]);
  });

  it('need a name and a model only', async () => {
    const files = memoryFiles({
      [PATH]: '{"version":1,"profiles":[{"name":"a","model":"m"}]}',
    });
    assert.deepEqual(valueOf(await loadProfiles(files, PATH)), [
      {
        name: 'a',
        wish: { engine: 'vllm', model: 'm', options: {}, extraArguments: [], port: null },
      },
    ]);
  });

  it('change what the file holds now, not what was read before', async () => {
    const files = memoryFiles({
      [PATH]: '{"version":1,"profiles":[{"name":"pulled","model":"m"}]}',
    });
    const saved = await changeProfiles(files, PATH, (current) => [...current, profile]);
    assert.deepEqual(
      valueOf(saved).map(({ name }) => name),
      ['pulled', 'chat'],
    );
  });

  for (const [what, text, field] of [
    ['no JSON', '{"version":1,', /not JSON/],
    ['a newer version', '{"version":2,"profiles":[]}', /version/],
    ['a profile without a model', '{"version":1,"profiles":[{"name":"a"}]}', /profiles\.0\.model/],
    [
      'a misspelt option',
      '{"version":1,"profiles":[{"name":"a","model":"m","options":{"maxLen":1}}]}',
      /profiles\.0\.options/,
    ],
    [
      'an impossible port',
      '{"version":1,"profiles":[{"name":"a","model":"m","port":99999}]}',
      /profiles\.0\.port/,
    ],
  ] as const) {
    it(`are an error with ${what}, and the file is never overwritten`, async () => {
      const files = memoryFiles({ [PATH]: text });
      const loaded = await loadProfiles(files, PATH);
      assert.ok(!loaded.ok);
      assert.match(loaded.failure.detail, field);
      assert.ok(loaded.failure.detail.includes(PATH));
      assert.equal((await changeProfiles(files, PATH, () => [profile])).ok, false);
      assert.equal(files.text(PATH), text);
    });
  }
});
