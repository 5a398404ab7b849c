import assert from 'node:assert/strict';
import {
  changeProfiles,
  loadProfiles,
  parseProfiles,
} from '../../../../src/app/launching/profiles';
import { memoryFiles } from '../../../support/memoryFiles';

const PATH = '/w/.vscode/vram-pilot.profiles.json';

describe('profiles', () => {
  it('of earlier versions load with the defaults of what came later', () => {
    const parsed = parseProfiles('{"version":1,"profiles":[{"name":"a","model":"org/m"}]}');
    assert.ok(parsed.ok);
    const [only] = parsed.value;
    assert.equal(only?.wish.engine, 'vllm');
    assert.equal(only.wish.port, null);
    assert.equal(only.wish.keepAlive ?? null, null, 'loaded for ever');
  });

  it('keep what only a later version knows, in the file and in each that was not changed', async () => {
    const files = memoryFiles();
    const others = { name: 'theirs', model: 'org/m', color: 'blue' };
    const document = {
      $schema: 'x',
      version: 1,
      profiles: [others, { name: 'mine', model: 'org/n' }],
    };
    await files.writeAtomic(PATH, JSON.stringify(document));
    const changed = await changeProfiles(files, PATH, (current) =>
      current.filter(({ name }) => name !== 'mine'),
    );
    assert.ok(changed.ok);
    const text = await files.readText(PATH, 10_000);
    assert.deepEqual(JSON.parse(text.ok ? text.value : ''), { ...document, profiles: [others] });
  });

  it('keep how long an idle model stays loaded, and refuse what is no number of seconds', async () => {
    const files = memoryFiles();
    const wish = {
      engine: 'ollama' as const,
      model: 'llama3',
      options: { numCtx: 4096 },
      extraArguments: [],
      port: null,
      keepAlive: 300,
    };
    assert.ok((await changeProfiles(files, PATH, () => [{ name: 'a', wish }])).ok);
    const loaded = await loadProfiles(files, PATH);
    assert.deepEqual(loaded.ok && loaded.value, [{ name: 'a', wish }]);
    const broken = { version: 1, profiles: [{ name: 'a', ...wish, keepAlive: '5m' }] };
    const refused = parseProfiles(JSON.stringify(broken));
    assert.match(refused.ok ? '' : refused.failure.detail, /keepAlive/);
  });
});
