import assert from 'node:assert/strict';
import { nameRule } from '../../../src/planner/nameRule';
import { parametersInName } from '../../../src/planner/nameSize';

const card = { totalBytes: 23.5 * 2 ** 30, freeBytes: null };

const rule = (name: string | null, maxModelLen: number | null, over = {}) =>
  nameRule({ name, weightsBytes: null, maxModelLen, tensorParallelSize: 1, gpus: [card], ...over })
    ?.utilization;

describe('size in a name', () => {
  const sizes: [string, number | null][] = [
    ['meta-llama/Llama-2-7b-chat-hf', 7e9],
    ['TinyLlama-1.1B-Chat', 1.1e9],
    ['mistralai/Mixtral-8x7B-Instruct', 56e9],
    ['Qwen/Qwen3-30B-A3B', 30e9],
    ['some-model-4bit', null],
    ['some-model-8bit-13B', 13e9],
    ['openai/whisper-large-v3', null],
    ['gpt-oss-120b', 120e9],
  ];
  for (const [name, parameters] of sizes)
    it(`${name}: ${parameters === null ? 'none' : String(parameters / 1e9)}`, () => {
      assert.equal(parametersInName(name)?.parameters ?? null, parameters);
    });
});

describe('utilization by name', () => {
  it('gives the four worked examples on a 24 GB card', () => {
    assert.equal(rule('model-3B', 4096), 0.58);
    assert.equal(rule('model-1B', 2048), 0.5);
    assert.equal(rule('model-7B', 4096), 0.88);
    assert.equal(rule('model-7B', 8192), 0.95);
  });

  it('takes 4,096 tokens where no length is given', () => {
    assert.equal(rule('model-3B', null), rule('model-3B', 4096));
  });

  it('takes 7 GB where the name tells no size', () => {
    // (7 + 1 × 4.096 × 0.4) × 1.2 = 10.37 GB of 23.5: 0.44 + 0.20
    assert.equal(rule('somebody/some-model', 4096), 0.64);
  });

  it('takes 0.56 bytes for a 4-bit word and keeps 2 for the KV estimate', () => {
    // (14 × 0.56 + 28 / 7 × 4.096 × 0.4) × 1.2 = 17.27 GB of 23.5: 73 %
    assert.equal(rule('Qwen2.5-14B-Instruct-AWQ', 4096), 0.88);
    // (7 × 1 + 2 × 4.096 × 0.4) × 1.2 = 12.33 GB: 52 % + 0.20
    assert.equal(rule('model-7B-FP8', 4096), 0.72);
  });

  it('divides the size by the tensor-parallel size first', () => {
    const two = rule('model-14B', 4096, { tensorParallelSize: 2, gpus: [card, card] });
    assert.equal(two, rule('model-7B', 4096));
  });

  it('lets the smallest of unequal cards decide', () => {
    const small = { totalBytes: 12 * 2 ** 30, freeBytes: null };
    assert.equal(rule('model-3B', 4096, { gpus: [card, small] }), 0.88);
  });

  it('never exceeds what is free, rounded down', () => {
    const gpus = [{ totalBytes: 23.5 * 2 ** 30, freeBytes: 18.7 * 2 ** 30 }];
    assert.equal(rule('model-7B', 4096, { gpus }), 0.79);
  });

  it('still gives 0.95 to a model that does not fit, and nothing without a GPU', () => {
    assert.equal(rule('model-70B', 4096), 0.95);
    assert.equal(rule('model-7B', 4096, { gpus: [] }), undefined);
  });

  it('lets a measured size win over the name', () => {
    assert.equal(rule('model-70B', 4096, { weightsBytes: 6e9 }), 0.58);
  });

  it('shows each step', () => {
    const result = nameRule({
      name: 'model-7B',
      weightsBytes: null,
      maxModelLen: 4096,
      tensorParallelSize: 1,
      gpus: [card],
    });
    const text = result?.steps.join('\n') ?? '';
    for (const part of [
      'Rule: name',
      '23.50 GiB',
      '14.00 GB',
      '3.28 GB',
      '20.73 GB',
      '88.2 %',
      '0.88',
    ])
      assert.ok(text.includes(part), part);
  });
});
