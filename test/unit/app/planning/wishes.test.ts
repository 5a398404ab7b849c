import assert from 'node:assert/strict';
import type { ModelService } from '../../../../src/app/models/modelService';
import { completeWish, defaultWish, emptyWish } from '../../../../src/app/planning/wishes';
import { settingDefaults } from '../../../../src/app/settings';
import { fail, ok } from '../../../../src/shared/failure';

describe('wishes', () => {
  const settings = { ...settingDefaults(), 'vllm.defaultUtilization': 0.6 };
  const models = (longestContext: number | null): ModelService => ({
    read: () =>
      Promise.resolve(
        longestContext === -1
          ? fail('unreadable', 'x')
          : ok({ facts: {}, basis: 'config', longestContext, notes: [] }),
      ),
    follow: () => () => undefined,
    readAgain: () => undefined,
  });

  it('hold an explicit utilization and a context that the model has', async () => {
    const contextOf = async (longest: number | null) =>
      (await defaultWish(models(longest), settings, 'vllm', 'm')).options;
    assert.deepEqual(await contextOf(131072), { gpuMemoryUtilization: 0.6, maxModelLen: 8192 });
    assert.deepEqual(await contextOf(2048), { gpuMemoryUtilization: 0.6, maxModelLen: 2048 });
    assert.equal((await contextOf(-1)).maxModelLen, 8192);
    const tag = await defaultWish(models(4096), settings, 'ollama', 'llama3');
    assert.deepEqual(tag.options, { numCtx: 4096 });
  });

  it('are completed only where nothing was said', () => {
    const complete = (options: object, engine: 'vllm' | 'ollama' = 'vllm') =>
      completeWish(settings, { ...emptyWish(settings), engine, options }).options;
    assert.deepEqual(complete({ maxModelLen: 5 }), { maxModelLen: 5, gpuMemoryUtilization: 0.6 });
    assert.equal(complete({ gpuMemoryUtilization: 0 }).gpuMemoryUtilization, 0);
    assert.equal(complete({ gpuMemoryUtilization: null }).gpuMemoryUtilization, 0.6);
    assert.deepEqual(complete({ kvCacheMemoryBytes: 9 }), { kvCacheMemoryBytes: 9 });
    assert.deepEqual(complete({}, 'ollama'), {});
  });
});
