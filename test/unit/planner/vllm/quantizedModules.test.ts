import assert from 'node:assert/strict';
import { readHfConfig } from '../../../../src/models/hfConfig';
import { readQuantization } from '../../../../src/models/hfQuantization';
import { draftModelOf } from '../../../../src/planner/vllm/draftModel';
import { weightFormatOf } from '../../../../src/planner/vllm/quantization';
import {
  bytesByKind,
  usualKinds,
  type BytesByKind,
} from '../../../../src/planner/vllm/quantizedModules';
import { settingsOf } from '../../../../src/planner/vllm/settings';
import type { PlanOptions } from '../../../../src/shared/planRequest';
import { llama8b, qwen14b } from '../../../fixtures/planner/configs';

function kindsOf(quantization: Record<string, unknown>): BytesByKind {
  const own = readQuantization(quantization);
  assert.ok(own);
  return bytesByKind(own, readHfConfig(qwen14b), 0.5, 2);
}

const near = (value: number, wanted: number): void => {
  assert.ok(Math.abs(value - wanted) < 1e-9, `${String(value)} is not ${String(wanted)}`);
};

/** 4-bit integers in groups of 128 with a 16-bit scale each. */
const INT4 = 0.5 + 2 / 128;
const int4 = { num_bits: 4, group_size: 128, type: 'int' };
const fp8 = { num_bits: 8, type: 'float', strategy: 'channel' };

describe('vLLM weights stored by module', () => {
  it('leaves out what the checkpoint names, by class, pattern, word or full name', () => {
    const method = { quant_method: 'compressed-tensors' };
    const linear = { config_groups: { group_0: { targets: ['Linear'], weights: int4 } } };
    const plain = kindsOf({ ...method, ...linear, ignore: ['lm_head'] });
    assert.equal(plain.attention, INT4);
    assert.equal(plain.mlp, INT4);
    const pattern = kindsOf({ ...method, ...linear, ignore: ['re:.*self_attn.*'] });
    assert.deepEqual([pattern.attention, pattern.mlp], [2, INT4]);
    const word = kindsOf({ ...method, ...linear, ignore: ['mlp'] });
    assert.deepEqual([word.attention, word.mlp], [INT4, 2]);
    const glob = kindsOf({ ...method, ...linear, ignore: ['model.layers.*.self_attn*'] });
    assert.deepEqual([glob.attention, glob.mlp], [2, INT4]);
    // Half of the layers by name.
    const half = Array.from({ length: 24 }, (_, layer) => `model.layers.${String(layer)}.mlp`);
    assert.equal(kindsOf({ ...method, ...linear, ignore: half }).mlp, (2 + INT4) / 2);
  });

  it('reads schemes of their own from every dialect', () => {
    const mixed = kindsOf({
      quant_method: 'compressed-tensors',
      format: 'mixed-precision',
      config_groups: {
        group_0: { targets: ['re:.*self_attn.*'], weights: fp8 },
        group_1: { targets: ['Linear'], weights: { num_bits: 4, group_size: 16, type: 'float' } },
      },
    });
    near(mixed.attention, 1.0003);
    near(mixed.mlp, 0.5625);
    const dynamic = kindsOf({
      quant_method: 'gptq',
      bits: 4,
      group_size: 128,
      dynamic: { '-:.*self_attn.*': {}, '+:.*down_proj.*': { bits: 8, group_size: 32 } },
    });
    assert.equal(dynamic.attention, 2);
    near(dynamic.mlp, (0.5 + 0.5 + (1 + 3 / 32)) / 3);
    const round = kindsOf({
      quant_method: 'auto-round',
      bits: 4,
      extra_config: { 'model.layers.0.mlp.up_proj': { bits: 16 } },
    });
    assert.ok(round.mlp > 0.5 && round.mlp < 0.52);
    const modelopt = kindsOf({
      quant_algo: 'MIXED_PRECISION',
      quantized_layers: { '*.self_attn.*': { quant_algo: 'FP8' } },
    });
    near(modelopt.attention, 1.0003);
    near(modelopt.mlp, 0.5);
  });

  it('keeps the head in 16 bit unless the checkpoint quantized it', () => {
    const gptq = { quant_method: 'gptq', bits: 4, group_size: 128 };
    assert.equal(kindsOf(gptq).head, 2);
    assert.equal(kindsOf({ ...gptq, lm_head: true }).head, 0.5);
  });

  it('tells a tower that numbers its layers from the model that does', () => {
    const vision = 'vision_tower.vision_model.encoder.layers.0.self_attn.q_proj';
    const linear = { config_groups: { group_0: { targets: ['Linear'], weights: int4 } } };
    const kinds = kindsOf({ quant_method: 'compressed-tensors', ...linear, ignore: [vision] });
    assert.deepEqual([kinds.attention, kinds.tower], [INT4, 2]);
  });

  it('leaves MTP layers alone where the list says so, and where there is none', () => {
    const awq = { quant_method: 'awq', bits: 4, group_size: 128 };
    assert.equal(kindsOf(awq).draft, 2);
    assert.equal(kindsOf({ ...awq, modules_to_not_convert: ['lm_head'] }).draft, 0.5);
    assert.equal(kindsOf({ ...awq, modules_to_not_convert: ['mtp'] }).draft, 2);
    // DeepSeek's lies behind the model's own layers.
    const behind = kindsOf({ ...awq, modules_to_not_convert: ['model.layers.48*'] });
    assert.deepEqual([behind.draft, behind.mlp], [2, 0.5]);
  });

  it('knows that DeepSeek-V4 keeps its experts in FP4 where it says FP8', () => {
    const fp8 = { quant_method: 'fp8', weight_block_size: [128, 128] };
    const expertOf = (own: Record<string, unknown>): number | undefined => {
      const config = { ...qwen14b, num_experts: 256, moe_intermediate_size: 2048, ...own };
      const shape = readHfConfig({ ...config, quantization_config: fp8 });
      return weightFormatOf(shape, null, null)?.byKind?.expert;
    };
    assert.equal(expertOf({ model_type: 'deepseek_v4' }), 0.5 + 1 / 32);
    near(expertOf({ model_type: 'deepseek_v4', expert_dtype: 'fp8' }) ?? 0, 1.0003);
    near(expertOf({ model_type: 'deepseek_v3' }) ?? 0, 1.0003);
  });

  it('takes what recipes mostly leave alone where only the method is known', () => {
    const dense = readHfConfig(qwen14b);
    const hybrid = readHfConfig({
      model_type: 'qwen3_5_moe',
      text_config: {
        model_type: 'qwen3_5_moe_text',
        num_hidden_layers: 40,
        hidden_size: 2048,
        num_attention_heads: 16,
        num_key_value_heads: 2,
        head_dim: 256,
        vocab_size: 248320,
        num_experts: 256,
        num_experts_per_tok: 8,
        moe_intermediate_size: 512,
        full_attention_interval: 4,
        linear_num_key_heads: 16,
        linear_num_value_heads: 32,
        linear_key_head_dim: 128,
        linear_value_head_dim: 128,
        linear_conv_kernel_dim: 4,
      },
    });
    const fp4 = { id: 'nvfp4', bytesPerWeight: 0.5625 };
    assert.ok(hybrid?.state && hybrid.experts);
    const { attention, expert, draft } = usualKinds(hybrid, fp4, 2);
    assert.deepEqual([attention, expert, draft], [2, 0.5625, 2]);
    assert.equal(usualKinds(dense, fp4, 2).attention, 0.5625);
    // Groups of 128 do not divide a width of 704.
    const narrow = { ...hybrid, state: null, experts: { ...hybrid.experts, intermediate: 704 } };
    const int4 = usualKinds(narrow, { id: 'awq', bytesPerWeight: 0.52 }, 2);
    near(int4.expert, 0.5 + 2.5 / 64);
    near(int4.attention, (2 + 0.52) / 2);
    const whole = usualKinds(hybrid, { id: 'fp8', bytesPerWeight: 1 }, 2);
    assert.deepEqual([whole.attention, whole.draft], [1, 1]);
  });

  it('survives patterns that are none', () => {
    const broken = { quant_method: 'awq', bits: 4, modules_to_not_convert: ['re:(((', '', '*'] };
    assert.ok(Number.isFinite(kindsOf(broken).mlp));
  });

  it('knows the bytes of every method', () => {
    const bytesOf = (quantization: Record<string, unknown>) =>
      weightFormatOf(readHfConfig({ ...llama8b, quantization_config: quantization }), null, null)
        ?.bytesPerWeight;
    assert.equal(bytesOf({ quant_method: 'awq', bits: 4, group_size: 128 }), 0.5 + 2.5 / 128);
    assert.equal(bytesOf({ quant_method: 'fp8', weight_block_size: [128, 128] }), 1.0003);
    assert.equal(bytesOf({ quant_method: 'fbgemm_fp8' }), 1.0003);
    assert.equal(bytesOf({ quant_algo: 'NVFP4' }), 0.5625);
    assert.equal(bytesOf({ quant_method: 'hqq', bits: 4, group_size: 64 }), 0.5 + 4 / 64);
    assert.equal(bytesOf({ quant_method: 'torchao', quant_type: 'int4_weight_only' }), 0.53);
    assert.equal(bytesOf({ quant_method: 'torchao', quant_type: { default: {} } }), 1.001);
    const nested = { load_in_4bit: true, bnb_4bit_use_double_quant: false };
    assert.equal(bytesOf(nested), 0.5625);
  });
});

describe('vLLM draft models', () => {
  const draftOf = (speculativeConfig: PlanOptions['speculativeConfig']) => {
    const shape = readHfConfig(llama8b);
    const request = {
      engine: 'vllm' as const,
      model: { config: llama8b },
      gpus: [],
      options: { speculativeConfig },
    };
    return draftModelOf(shape, settingsOf(request, shape));
  };

  it('are bounded by their name, or by the layer they put on top', () => {
    assert.equal(draftOf(null)?.bytes, 0);
    assert.equal(draftOf({ method: 'ngram' })?.bytes, 0);
    assert.equal(draftOf({ model: 'someone/Draft-1B' })?.bytes, 2e9);
    assert.equal(draftOf({ model: 'drafter' }), null);
    const eagle = draftOf({ method: 'eagle3', model: 'drafter' });
    assert.ok(eagle && eagle.low > 0.1e9 && eagle.bytes < 1.2e9 && eagle.high > eagle.bytes);
  });
});
