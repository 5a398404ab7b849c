import assert from 'node:assert/strict';
import { changeProfiles, loadProfiles } from '../../../src/app/profiles';
import type { Profile } from '../../../src/app/state';
import { fakeContext, LAUNCHES, plantVllm, serverOf } from '../../support/fakePorts';
import { memoryFiles } from '../../support/memoryFiles';

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

  for (const [what, text] of [
    ['a cut file', JSON.stringify(OLD_RECORD).slice(0, 50)],
    ['a record of another version', JSON.stringify({ ...OLD_RECORD, version: 2 })],
    ['a record with a wrong pid', JSON.stringify(OLD_RECORD).replace('"pid":7', '"pid":"7"')],
    ['an empty file', ''],
  ] as const) {
    it(`leaves ${what} alone, says so, and reads the rest`, async () => {
      const { registry, files, log } = fakeContext();
      files.put(`${LAUNCHES}/bad.json`, text);
      await registry.save(serverOf({ id: 'good' }));
      assert.deepEqual(
        (await registry.load()).map(({ id }) => id),
        ['good'],
      );
      assert.equal(files.text(`${LAUNCHES}/bad.json`), text);
      assert.match(log.lines.join('\n'), /warn registry: .*bad\.json/);
    });
  }

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
