import assert from 'node:assert/strict';
import { planVllm } from '../../../../src/planner/vllm/planVllm';
import type { Plan } from '../../../../src/shared/planAnswer';

const compressed = {
  model_type: 'deepseek_v4',
  num_hidden_layers: 4,
  hidden_size: 4096,
  num_attention_heads: 64,
  num_key_value_heads: 1,
  head_dim: 512,
  sliding_window: 128,
  index_head_dim: 128,
  compress_ratios: [0, 4, 128, 4],
};
const latent = {
  model_type: 'deepseek_v3',
  num_hidden_layers: 61,
  hidden_size: 7168,
  num_attention_heads: 128,
  num_key_value_heads: 128,
  kv_lora_rank: 512,
  qk_rope_head_dim: 64,
};
const hybrid = {
  model_type: 'qwen3_next',
  num_hidden_layers: 48,
  hidden_size: 2048,
  num_attention_heads: 16,
  num_key_value_heads: 2,
  head_dim: 256,
  full_attention_interval: 4,
  linear_num_key_heads: 16,
  linear_num_value_heads: 32,
  linear_key_head_dim: 128,
  linear_value_head_dim: 128,
};

const WRONG: readonly unknown[] = [
  null,
  0,
  -1,
  1.5,
  1e300,
  NaN,
  '8',
  [],
  {},
  true,
  [-1],
  [7, null],
];

function plan(config: Record<string, unknown>): Plan {
  return planVllm({
    engine: 'vllm',
    model: { config, weightsBytes: 1e9 },
    gpus: [{ name: 'NVIDIA H100 80GB HBM3', totalBytes: 85_520_809_984, memory: 'dedicated' }],
    options: { maxModelLen: 4096, kvCacheMemoryBytes: 20 * 2 ** 30 },
  });
}

describe('KV cache of configs that are wrong', () => {
  it('claims whole, bounded blocks or none, whichever field is wrong', () => {
    let asked = 0;
    for (const config of [compressed, latent, hybrid])
      for (const key of Object.keys(config))
        for (const wrong of WRONG) {
          const { kvCache } = plan({ ...config, [key]: wrong });
          const about = `${config.model_type}.${key} = ${JSON.stringify(wrong)}`;
          asked++;
          for (const [name, value] of Object.entries(kvCache)) {
            if (value === null) continue;
            assert.ok(
              Number.isFinite(value) && Number(value) >= 0,
              `${about}: ${name} ${String(value)}`,
            );
          }
          assert.ok((kvCache.totalBytes ?? 0) <= 20 * 2 ** 30, about);
          if (kvCache.blocks !== null) assert.ok(Number.isInteger(kvCache.blocks), about);
        }
    console.log(`      asked ${String(asked)}`);
  });

  it('claims no blocks for a compression it does not know', () => {
    assert.notEqual(plan(compressed).kvCache.blocks, null);
    assert.equal(plan({ ...compressed, compress_ratios: [0, 4, 64, 4] }).kvCache.blocks, null);
    assert.equal(plan({ ...compressed, compress_ratios: [0, 4] }).kvCache.blocks, null);
  });

  it('takes a typical state where none is told, which beside attention changes the tokens little', () => {
    const told = plan(hybrid);
    const silent = { ...hybrid, linear_num_value_heads: null };
    const guessed = plan(silent);
    const ratio = (guessed.kvCache.tokens ?? 0) / (told.kvCache.tokens ?? 1);
    assert.ok(Math.abs(ratio - 1) < 0.1, `${String(ratio)} of the tokens`);
    const says = (of: Plan) => of.steps.some((step) => step.includes('how large the recurrent'));
    assert.deepEqual([says(told), says(guessed)], [false, true]);
    // states alone leave nothing to measure them by
    const alone = { ...silent, layer_types: Array(48).fill('linear_attention') };
    assert.equal(plan(alone).kvCache.blocks, null);
  });

  it('keeps nothing for an encoder', () => {
    const encoder = {
      model_type: 'bert',
      num_hidden_layers: 24,
      hidden_size: 1024,
      num_attention_heads: 16,
    };
    const { kvCache, verdict } = plan(encoder);
    assert.equal(kvCache.blocks, null);
    assert.equal(verdict, 'fits');
  });
});
