import assert from 'node:assert/strict';
import type { CommandSettings } from '../../../../src/engines/engine';
import {
  readOllamaLoad,
  readOllamaPs,
  readOllamaVersion,
} from '../../../../src/engines/ollama/api';
import {
  loadRequest,
  ollamaCommand,
  ollamaHost,
  unloadRequest,
} from '../../../../src/engines/ollama/command';
import type { Plan } from '../../../../src/shared/planAnswer';
import { parsePlanRequest } from '../../../../src/shared/planRequest';
import { describeWithData, readDataJson } from '../../../support/sharedData';

const settings: CommandSettings = {
  file: '/usr/bin/ollama',
  host: '127.0.0.1',
  port: 11500,
  servedModelName: null,
  extraArguments: [],
  environment: { OLLAMA_NOPRUNE: '0' },
};

function commandFor(options: object) {
  const request = parsePlanRequest({ engine: 'ollama', model: { name: 'llama3.2' }, options });
  assert.ok(request.ok);
  return ollamaCommand(request.value, {} as Plan, settings);
}

describe('ollama command', () => {
  it('serves with what only the environment can set; the user has the last word', () => {
    assert.deepEqual(
      commandFor({ numCtx: 8192, numParallel: 2, kvCacheType: 'q8_0', flashAttention: true }),
      {
        file: '/usr/bin/ollama',
        args: ['serve'],
        env: {
          OLLAMA_HOST: '127.0.0.1:11500',
          OLLAMA_NOPRUNE: '0',
          OLLAMA_NO_CLOUD: '1',
          OLLAMA_KEEP_ALIVE: '-1',
          OLLAMA_CONTEXT_LENGTH: '8192',
          OLLAMA_NUM_PARALLEL: '2',
          OLLAMA_KV_CACHE_TYPE: 'q8_0',
          OLLAMA_FLASH_ATTENTION: '1',
        },
      },
    );
    assert.ok(!('OLLAMA_CONTEXT_LENGTH' in commandFor({}).env));
  });

  it('always names a port', () => {
    assert.equal(ollamaHost('127.0.0.1', null), '127.0.0.1:11434');
    assert.equal(ollamaHost('::1', 1), '[::1]:1');
  });

  it('loads with context and layers, for ever unless told, and unloads', () => {
    assert.deepEqual(loadRequest('m', { numCtx: 4096, numGpu: 20 }).body, {
      model: 'm',
      stream: false,
      keep_alive: -1,
      options: { num_ctx: 4096, num_gpu: 20 },
    });
    assert.deepEqual(loadRequest('m', { numGpu: -1 }, 1800).body, {
      model: 'm',
      stream: false,
      keep_alive: 1800,
    });
    assert.equal(unloadRequest('m').body?.keep_alive, 0);
  });

  it('refuses bodies that are something else', () => {
    assert.equal(readOllamaPs('{"error":"x"}'), null);
    assert.deepEqual(readOllamaPs('{"models":null}'), []);
    assert.equal(readOllamaVersion('Ollama is running'), null);
    assert.equal(readOllamaLoad('{"error":"model not found"}'), null);
  });
});

describeWithData('ollama api against recorded answers', () => {
  it('reads version, loaded models and load answers of both eras', () => {
    let read = 0;
    const body = (name: string) => {
      read += 1;
      return JSON.stringify((readDataJson('ollama-cpu-runs', name) as { json: unknown }).json);
    };
    for (const version of ['0.24.0', '0.32.15']) {
      assert.equal(readOllamaVersion(body(`v${version}-api-version.json`)), version);
      assert.deepEqual(readOllamaPs(body(`v${version}-api-ps-idle.json`)), []);
      const [model] = readOllamaPs(body(`v${version}-api-ps-loaded.json`)) ?? [];
      assert.deepEqual(
        [model?.name, model?.gpuBytes, model?.contextLength],
        ['tiny:latest', 0, 2048],
      );
      assert.equal(readOllamaLoad(body(`v${version}-api-generate-load.json`)), 'load');
      assert.equal(readOllamaLoad(body(`v${version}-api-generate-unload.json`)), 'unload');
    }
    console.log(`      ${String(read)} recorded answers`);
  });
});
