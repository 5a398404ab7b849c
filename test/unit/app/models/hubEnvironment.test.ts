import assert from 'node:assert/strict';
import {
  environmentToken,
  hubCacheFolders,
  userCacheFolder,
} from '../../../../src/app/models/hubEnvironment';
import { fakeContext } from '../../../support/fakePorts';

describe('the environment of the hub', () => {
  const { files } = fakeContext();
  const home = files.homeFolder();
  const usual = `${home}/.cache/huggingface/hub`;
  const cases: readonly [string, Record<string, string>, readonly string[]][] = [
    ['nothing set', {}, [usual]],
    ['HF_HOME', { HF_HOME: '/data/hf' }, ['/data/hf/hub', usual]],
    [
      'HF_HUB_CACHE',
      { HF_HUB_CACHE: '/data/hub', HF_HOME: '/hf' },
      ['/data/hub', '/hf/hub', usual],
    ],
    ['XDG_CACHE_HOME', { XDG_CACHE_HOME: '/cache' }, ['/cache/huggingface/hub', usual]],
    ['HF_HOME before XDG_CACHE_HOME', { HF_HOME: '/hf', XDG_CACHE_HOME: '/c' }, ['/hf/hub', usual]],
    ['variables that are empty', { HF_HOME: '', HF_HUB_CACHE: '' }, [usual]],
    ['a home folder by its sign', { HF_HOME: '~/hf' }, [`${home}/hf/hub`, usual]],
    ['the usual place by name', { HF_HUB_CACHE: usual }, [usual]],
  ];
  for (const [name, environment, expected] of cases)
    it(`finds downloaded models with ${name}`, () =>
      assert.deepEqual(hubCacheFolders(files, environment), expected));

  it('takes the token from the folder that holds the models, too', async () => {
    await files.writeAtomic('/cache/huggingface/token', 'hf_made_up\n');
    assert.equal(await environmentToken(files, { XDG_CACHE_HOME: '/cache' }), 'hf_made_up');
    assert.equal(await environmentToken(files, { HF_TOKEN_PATH: '/none' }), null);
  });

  it('keeps what a terminal read below the cache of the user', () => {
    assert.equal(userCacheFolder(files, {}), `${home}/.cache/vram-pilot/hub`);
    assert.equal(userCacheFolder(files, { XDG_CACHE_HOME: '/cache' }), '/cache/vram-pilot/hub');
  });
});
