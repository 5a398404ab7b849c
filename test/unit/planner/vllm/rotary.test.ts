import assert from 'node:assert/strict';
import { readHfConfig } from '../../../../src/models/hfConfig';
import { rotaryBytes } from '../../../../src/planner/vllm/rotary';
import { settingsOf } from '../../../../src/planner/vllm/settings';
import { gemma3_27b, llama8b } from '../../../fixtures/planner/configs';

const MIB = 2 ** 20;

/** MiB of the tables; the figures are the buffers of the models as vLLM 0.32 builds them. */
function tableOf(config: Record<string, unknown>, engineVersion = '0.32.0'): number {
  const shape = readHfConfig(config);
  const request = { engine: 'vllm' as const, engineVersion, model: {}, gpus: [], options: {} };
  return rotaryBytes(shape, settingsOf(request, shape)) / MIB;
}

describe('vLLM’s tables of sines and cosines', () => {
  it('are as long as the config’s length, or as linear scaling and YaRN make it', () => {
    assert.equal(tableOf(llama8b), 32);
    const short = { ...llama8b, max_position_embeddings: 16_384 };
    const scaled = (rope_scaling: unknown) => tableOf({ ...short, rope_scaling });
    assert.equal(scaled(null), 4);
    assert.equal(scaled({ type: 'linear', factor: 4 }), 16);
    assert.equal(scaled({ rope_type: 'llama3', factor: 8 }), 4);
    assert.equal(scaled({ rope_type: 'dynamic', factor: 8 }), 4);
    const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16_384 };
    assert.equal(scaled(yarn), 16);
    assert.equal(scaled({ ...yarn, original_max_position_embeddings: 4096 }), 4);
  });

  it('are two for Gemma 3, the one of the full layers eight times as long', () => {
    // d-005's 4B logs 8.58 GiB: 8.01 of parameters, 0.5 and 0.06 of tables
    const dims = { num_hidden_layers: 34, hidden_size: 2560, head_dim: 256 };
    assert.equal(tableOf({ ...gemma3_27b, ...dims }), 512 + 64);
    assert.equal(tableOf(gemma3_27b), 256 + 32);
    // the 1B has no more positions than it was trained on
    assert.equal(tableOf({ ...gemma3_27b, max_position_embeddings: 32_768 }), 8 + 8);
    const full_attention = { rope_type: 'linear', factor: 8, rope_theta: 1e6 };
    const sliding_attention = { rope_type: 'default', rope_theta: 1e4 };
    const told = { ...gemma3_27b, rope_parameters: { full_attention, sliding_attention } };
    assert.equal(tableOf(told), 256 + 32);
  });

  it('are four times as long for images, for Qwen3-VL until 0.31', () => {
    const qwen = { ...llama8b, max_position_embeddings: 262_144 };
    const vl = { ...qwen, model_type: 'qwen3_vl_text' };
    assert.equal(tableOf(vl, '0.31.0'), 256);
    assert.equal(tableOf(vl, '0.32.0'), 64);
    assert.equal(tableOf({ ...qwen, model_type: 'qwen2_5_vl_text' }, '0.33.0'), 256);
  });

  it('are nothing where the length is not known, whatever stands there', () => {
    const odd: unknown[] = [null, 'long', -1, 1e12];
    for (const max_position_embeddings of odd)
      assert.equal(tableOf({ ...llama8b, max_position_embeddings }), 0);
    for (const rope_scaling of [[], 'linear', { factor: -3 }, { type: 'linear', factor: 1e9 }])
      assert.equal(tableOf({ ...llama8b, rope_scaling }), 32);
  });
});
