// The committed facts against a llama.cpp that is loaded now: a part of the models each, every architecture in turn.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../scripts/paths.mjs';
import { llamaSupport, loadModels } from './llamaFacts.mjs';

/** Sliding windows, experts, latent attention, mixers, drafting blocks: each at least once, about 60 loads. */
const CHOSEN = [
  'llama',
  'gemma3',
  'gpt-oss',
  'deepseek2',
  'llama-type-12',
  'llama-type-39',
  'falcon-h1',
  'qwen35-mtp',
];

describe('committed llama.cpp facts', function () {
  this.timeout(120_000);

  it('are what a real llama.cpp prints today', async () => {
    const support = await llamaSupport();
    const committed = support.readFacts(
      fs.readFileSync(path.join(root, support.FACTS_FILE), 'utf8'),
    );
    const anew = await loadModels(support, CHOSEN);
    assert.equal(anew.models.length, CHOSEN.length);
    const loads = anew.models.reduce((sum, model) => sum + model.loads.length, 0);
    console.log(`      ${anew.source}: ${anew.models.length} models, ${loads} loads`);
    assert.ok(loads >= 60);
    assert.equal(anew.source, committed.source);
    for (const model of anew.models)
      assert.deepEqual(
        committed.models.find(({ id }) => id === model.id),
        model,
      );
  });
});
