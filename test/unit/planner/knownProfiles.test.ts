import assert from 'node:assert/strict';
import {
  describeKnown,
  knownProfilesOf,
  profilesForCard,
  readKnownProfiles,
} from '../../../src/planner/knownProfiles';
import { plan } from '../../../src/planner/plan';
import { qwen14b } from '../../fixtures/planner/configs';

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

  it('speak of cards like the one they were seen on', () => {
    const of = (name: string, gib: number) =>
      profilesForCard(name, gib * 2 ** 30).map(({ result }) => result);
    assert.deepEqual(of('Qwen/Qwen3-4B', 15.6), ['works']);
    assert.deepEqual(of('Qwen/Qwen3-4B', 23.5), ['works']);
    assert.deepEqual(of('Qwen/Qwen3-4B', 11.7), []);
    assert.deepEqual(of('Qwen/Qwen2.5-14B', 15.6), ['tooLarge']);
    assert.deepEqual(of('Qwen/Qwen2.5-14B', 79), []);
    assert.deepEqual(of('openai/gpt-oss-20b', 15.6), []);
  });

  it('help a plan that knows nothing but the name, and no other', () => {
    const at = (config: Record<string, unknown> | null) =>
      plan({
        engine: 'vllm',
        engineVersion: '0.19.1',
        model: { name: 'Qwen/Qwen3-4B', config },
        gpus: [{ name: null, totalBytes: 16 * 2 ** 30, freeBytes: null, memory: 'dedicated' }],
        options: { gpuMemoryUtilization: 0.95, maxModelLen: 32768 },
      });
    const thin = at(null);
    assert.equal(thin.basis, 'name');
    assert.ok(
      thin.steps.some((step) => step.startsWith('Known result: Qwen 3 4B on a 16 GB card')),
    );
    const known = thin.advice.find(({ id }) => id === 'known-profile');
    assert.deepEqual(known?.change, {
      gpuMemoryUtilization: 0.8,
      maxModelLen: 4096,
      enforceEager: true,
    });
    const exact = at(qwen14b);
    assert.ok(exact.steps.every((step) => !step.startsWith('Known result')));
    assert.ok(exact.advice.every(({ id }) => id !== 'known-profile'));
  });
});
