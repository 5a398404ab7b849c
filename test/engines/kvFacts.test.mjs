// The committed KV-cache facts against what the installed vLLM says now: every drawn layout, and a part of the models.
import assert from 'node:assert/strict';
import { VLLM_VERSION } from './install.mjs';
import { askModels, askSpecs, readKvFacts } from './kvFacts.mjs';

/** Full, window, latent, sparse, compressed, chunked, every kind of state, an encoder: each at least once. */
const CHOSEN = [
  'llama-3.1-8b',
  'gemma-3-4b',
  'gemma-4-31b-text',
  'gpt-oss-20b',
  'llama-4-scout-text',
  'deepseek-v3',
  'deepseek-v3.2',
  'deepseek-v4-flash',
  'qwen3-next-80b-a3b',
  'kimi-linear-48b',
  'nemotron-h-8b',
  'falcon-h1-7b',
  'mamba-2.8b',
  'lfm2-1.2b',
  'whisper-large-v3',
  'bge-large',
];

describe(`committed KV-cache facts against vLLM ${VLLM_VERSION}`, function () {
  this.timeout(600_000);
  const { models, specs } = readKvFacts();

  it('are what the installed vLLM says about models', async () => {
    assert.equal(models.version, VLLM_VERSION);
    const { rows } = await askModels('h100', CHOSEN);
    for (const name of CHOSEN) {
      assert.ok(rows[name].length > 0, name);
      const committed = models.models[name].filter(([card]) => card === 'h100');
      assert.deepEqual(rows[name], committed, name);
    }
  });

  it('are what the installed vLLM says about drawn layouts', async () => {
    const now = await askSpecs(VLLM_VERSION);
    assert.deepEqual(now.cases, specs.cases);
    assert.deepEqual(now.told, specs.told[VLLM_VERSION]);
  });
});
