import assert from 'node:assert/strict';
import {
  describeKnown,
  knownProfilesOf,
  readKnownProfiles,
} from '../../../src/planner/knownProfiles';

const modelsOf = (name: string): string[] => knownProfilesOf(name).map(({ model }) => model);

describe('knownProfilesOf', () => {
  it('finds a model under the names of the Hub and of Ollama', () => {
    assert.deepEqual(modelsOf('google/gemma-3-4b-it'), ['Gemma 3 4B']);
    assert.deepEqual(modelsOf('Qwen/Qwen3-4B'), ['Qwen 3 4B']);
    assert.deepEqual(modelsOf('meta-llama/Llama-3.2-1B-Instruct'), ['Llama 3.2 1B']);
    assert.deepEqual(modelsOf('Qwen/Qwen2.5-14B-Instruct'), ['Qwen 2.5 14B']);
    assert.deepEqual(modelsOf('mistralai/Mistral-7B'), []);
  });

  it('puts the user’s own before the shipped ones, in words', () => {
    const own = readKnownProfiles(
      JSON.stringify({
        profiles: [
          { model: 'Qwen3-4B', cardGib: 24, weightsGb: 7.6, result: 'works', note: 'my desktop' },
        ],
      }),
    );
    assert.ok(own.ok);
    const found = knownProfilesOf('Qwen/Qwen3-4B', own.value);
    assert.deepEqual(
      found.map(({ cardGib }) => cardGib),
      [24, 16],
    );
    assert.deepEqual(found.map(describeKnown), [
      'Qwen3-4B on a 24 GB card: works, weights 7.6 GB (my desktop)',
      'Qwen 3 4B on a 16 GB card: works, weights 7.6 GB, 14.7 GB in use; utilization 0.80, context 4096, eager',
    ]);
  });

  it('names what is wrong in a user’s file', () => {
    const wrong = readKnownProfiles('{"profiles":[{"model":"x"}]}');
    assert.ok(!wrong.ok);
    assert.match(wrong.failure.detail, /vram-profiles\.json: profiles\.0\.model/);
    assert.ok(!readKnownProfiles('{').ok);
  });
});
