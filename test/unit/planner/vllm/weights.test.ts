import assert from 'node:assert/strict';
import { readHfConfig } from '../../../../src/models/hfConfig';
import { cardOf } from '../../../../src/planner/cards';
import { planVllm } from '../../../../src/planner/vllm/planVllm';
import { weightFormatOf } from '../../../../src/planner/vllm/quantization';
import type { PlanOptions, WeightGroup } from '../../../../src/shared/planRequest';
import { GIB, MIB } from '../../../../src/shared/units';
import { deepseekV3, llama8b, qwen14b } from '../../../fixtures/planner/configs';

const card = {
  name: 'NVIDIA H100 80GB HBM3',
  totalBytes: 79.18 * GIB,
  memory: 'dedicated' as const,
};

function weightsFor(
  config: Record<string, unknown> | null,
  options: PlanOptions = {},
  model: {
    name?: string;
    weightsBytes?: number;
    weightsAsStored?: boolean;
    groups?: WeightGroup[];
  } = {},
  gpus = 1,
): number[] {
  const groups = model.groups ?? null;
  const plan = planVllm({
    engine: 'vllm',
    engineVersion: '0.19.1',
    model: {
      name: model.name ?? null,
      config,
      weightsBytes: model.weightsBytes ?? null,
      weightsAsStored: model.weightsAsStored ?? null,
      weights: groups && {
        groups,
        tensorCount: groups.length,
        totalBytes: groups.reduce((sum, group) => sum + group.bytes, 0),
      },
    },
    gpus: Array.from({ length: gpus }, () => card),
    options: { maxModelLen: 2048, ...options },
  });
  return plan.perGpu.map((gpu) => gpu.weightsBytes ?? NaN);
}

const one = (weights: number[]): number => weights[0] ?? NaN;
const near = (value: number, wanted: number, share: number): void => {
  assert.ok(
    Math.abs(value / wanted - 1) <= share,
    `${String(value)} is not about ${String(wanted)}`,
  );
};

const group = (
  role: WeightGroup['role'],
  dtype: string,
  elements: number,
  width = 2,
): WeightGroup => ({
  role,
  dtype,
  elements,
  bytes: elements * width,
  matrixBytes: elements * width,
  matrixElements: elements,
});

/** Llama 3.1's table of sines and cosines, which every rank holds: 131,072 positions of 128 dims. */
const ROTARY = 131_072 * 128 * 2;

describe('vLLM weights', () => {
  it('are counted from the config: published parameter counts', () => {
    near(one(weightsFor(llama8b)), 8_030_261_248 * 2 + ROTARY, 1e-6);
    near(one(weightsFor(qwen14b)), 14.77e9 * 2, 0.002);
    near(one(weightsFor(deepseekV3)), 671e9, 0.01); // FP8, embeddings 16 bit
  });

  it('count the attention of encoders, which keep no KV', () => {
    // BAAI/bge-large-en-v1.5 and bge-m3: published counts less their poolers
    const bge = {
      architectures: ['BertModel'],
      model_type: 'bert',
      num_hidden_layers: 24,
      hidden_size: 1024,
      num_attention_heads: 16,
      intermediate_size: 4096,
      vocab_size: 30522,
      max_position_embeddings: 512,
      torch_dtype: 'float16',
    };
    near(one(weightsFor(bge)), 334.1e6 * 2, 0.002);
    const m3 = { ...bge, architectures: ['XLMRobertaModel'], model_type: 'xlm-roberta' };
    near(
      one(weightsFor({ ...m3, vocab_size: 250_002, max_position_embeddings: 8194 })),
      566.7e6 * 2,
      0.002,
    );
    // Read both ways, a decoder has what it had.
    const bothWays = weightsFor({ ...qwen14b, is_causal: false });
    assert.deepEqual(bothWays, weightsFor(qwen14b));
  });

  it('have no gate where the activation gates itself: AFM 4.5B, Apertus 8B', () => {
    const afm = {
      ...llama8b,
      architectures: ['ArceeForCausalLM'],
      model_type: 'arcee',
      num_hidden_layers: 36,
      hidden_size: 2560,
      num_attention_heads: 20,
      num_key_value_heads: 4,
      head_dim: 128,
      intermediate_size: 18_432,
      vocab_size: 128_004,
      hidden_act: 'relu2',
    };
    near(one(weightsFor(afm)), 4.62e9 * 2, 0.01);
    const apertus = {
      ...llama8b,
      architectures: ['ApertusForCausalLM'],
      model_type: 'apertus',
      intermediate_size: 21_504,
      vocab_size: 131_072,
      hidden_act: 'xielu',
    };
    near(one(weightsFor(apertus)), 8.053e9 * 2, 0.005);
  });

  it('know Pixtral’s encoder in LLaVA’s clothes', () => {
    const pixtral = {
      architectures: ['LlavaForConditionalGeneration'],
      model_type: 'llava',
      text_config: {
        model_type: 'mistral',
        num_hidden_layers: 40,
        hidden_size: 5120,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        head_dim: 128,
        intermediate_size: 14_336,
        vocab_size: 131_072,
        max_position_embeddings: 1_024_000,
      },
      vision_config: {
        model_type: 'pixtral',
        num_hidden_layers: 24,
        hidden_size: 1024,
        intermediate_size: 4096,
        num_attention_heads: 16,
        image_size: 1024,
        patch_size: 16,
      },
    };
    // As vLLM 0.32 builds it: 24,190 MiB, and 250 of tables.
    near(one(weightsFor(pixtral)), 24_440 * MIB, 0.001);
  });

  it('keep embedding and head in 16 bit under a 4-bit load', () => {
    const ends = 2 * 152064 * 5120 * 2;
    const linear = 14.77e9 - 2 * 152064 * 5120;
    near(one(weightsFor(qwen14b, { quantization: 'bitsandbytes' })), ends + linear * 0.5156, 0.005);
    near(one(weightsFor(qwen14b, { quantization: 'fp8' })), ends + linear, 0.005);
  });

  it('are the tensor headers where there are any', () => {
    const groups = [
      group('embedding', 'BF16', 5e8),
      group('attention', 'BF16', 2e9),
      group('mlp', 'BF16', 5e9),
      group('head', 'BF16', 5e8),
      group('draft', 'BF16', 3e8),
    ];
    assert.equal(one(weightsFor(llama8b, {}, { groups })), 16e9 + ROTARY);
    // FP32 checkpoints are cast down, a tied head is not loaded twice.
    const wide = groups.map((entry) => ({
      ...entry,
      dtype: 'F32',
      bytes: entry.bytes * 2,
      matrixBytes: entry.matrixBytes * 2,
    }));
    assert.equal(one(weightsFor(llama8b, {}, { groups: wide })), 16e9 + ROTARY);
    const tied = { ...llama8b, tie_word_embeddings: true };
    assert.equal(one(weightsFor(tied, {}, { groups })), 15e9 + ROTARY);
    const bnb = one(weightsFor(llama8b, { quantization: 'bitsandbytes' }, { groups }));
    assert.equal(bnb, 2e9 + Math.round(7e9 * (0.5 + 1 / 64 + 4 / (64 * 256))) + ROTARY);
  });

  it('are taken as given, and divided by the ranks', () => {
    const given = { weightsBytes: 16e9 };
    assert.equal(one(weightsFor(llama8b, {}, given)), 16e9);
    assert.deepEqual(weightsFor(llama8b, { tensorParallelSize: 2 }, given, 2), [8e9, 8e9]);
  });

  it('are converted where the size given is that of the files, and only there', () => {
    const fourBit = { quantization: 'bitsandbytes' };
    const unsaid = { weightsBytes: 16e9 };
    const stored = { ...unsaid, weightsAsStored: true };
    const held = { ...unsaid, weightsAsStored: false };
    assert.equal(one(weightsFor(llama8b, fourBit, held)), 16e9);
    assert.equal(one(weightsFor(llama8b, fourBit, { weightsBytes: 6e9 })), 6e9);
    // No 8B in 4 bit is held in 16 GB: advice may be applied to the request as it stands.
    assert.equal(
      one(weightsFor(llama8b, fourBit, unsaid)),
      one(weightsFor(llama8b, fourBit, stored)),
    );
    assert.equal(one(weightsFor(llama8b, {}, stored)), 16e9);
    const converted = one(weightsFor(llama8b, fourBit, stored));
    near(converted, one(weightsFor(llama8b, fourBit)), 0.02);
    assert.ok(converted < 7e9);
  });

  it('count GLM’s image encoder, whose projector has an MLP of its own', () => {
    const text_config = {
      model_type: 'glm4v_text',
      hidden_size: 4096,
      num_hidden_layers: 40,
      num_attention_heads: 32,
      num_key_value_heads: 2,
      intermediate_size: 13696,
      vocab_size: 151552,
      attention_bias: true,
      tie_word_embeddings: false,
    };
    const vision_config = {
      depth: 24,
      hidden_size: 1536,
      intermediate_size: 13696,
      out_hidden_size: 4096,
      spatial_merge_size: 2,
      temporal_patch_size: 2,
      image_size: 336,
    };
    near(one(weightsFor({ model_type: 'glm4v', text_config, vision_config })), 20.58e9, 0.003);
  });

  it('split an image encoder’s peak over the GPUs as its weights', () => {
    const peak = (model_type: string, tp: number): number => {
      const config = { ...llama8b, model_type, vision_config: {} };
      const options = { tensorParallelSize: tp, maxModelLen: 4096, maxNumSeqs: 1 };
      const gpus = Array.from({ length: tp }, () => card);
      const request = { engine: 'vllm' as const, engineVersion: '0.19.1', gpus, options };
      return planVllm({ ...request, model: { config } }).perGpu[0]?.activationBytes ?? 0;
    };
    near(peak('qwen3_vl', 1), 4 * GIB, 0.05);
    near(peak('qwen3_vl', 4), GIB, 0.05);
    // Tiles of one size need far less.
    assert.ok(peak('internvl_chat', 1) < peak('qwen3_vl', 1) / 2);
  });

  it('replicate K and V beyond the KV heads', () => {
    const sum = (tp: number) =>
      weightsFor(llama8b, { tensorParallelSize: tp }, {}, tp).reduce((a, b) => a + b, 0);
    near(sum(8), sum(1) + 7 * ROTARY, 0.001);
    const extra = 32 * 2 * 4096 * 8 * 128 * 2;
    near(sum(16) - sum(8), extra + 8 * ROTARY, 0.02);
  });

  it('leave the GPU with CPU offload and grow with adapters', () => {
    const plain = one(weightsFor(llama8b));
    near(one(weightsFor(llama8b, { cpuOffloadGb: 4 })), plain - 4 * GIB, 0.001);
    assert.ok(one(weightsFor(llama8b, { enableLora: true, maxLoraRank: 64 })) > plain + 0.2 * GIB);
  });

  it('follow the exceptions and the finer format of a checkpoint', () => {
    const at = (quantization: Record<string, unknown>) =>
      one(weightsFor({ ...qwen14b, quantization_config: quantization }));
    const ends = 2 * 152064 * 5120 * 2;
    const attention = 48 * (2 * 5120 * 5120 + 2 * 5120 * 1024);
    const linear = 14.77e9 - 2 * 152064 * 5120;
    const fp4 = { quant_method: 'modelopt', quant_algo: 'NVFP4', ignore: ['lm_head'] };
    near(at(fp4), ends + linear * 0.5625, 0.005);
    const kept = { ...fp4, ignore: ['lm_head', 're:.*self_attn.*'] };
    near(at(kept), ends + (linear - attention) * 0.5625 + attention * 2, 0.005);
  });

  it('read a format from config, option or name', () => {
    assert.equal(weightFormatOf(null, null, 'someone/Model-7B-AWQ')?.id, 'awq');
    assert.equal(weightFormatOf(null, null, 'unsloth/model-bnb-4bit')?.id, 'bitsandbytes');
    assert.equal(weightFormatOf(null, 'bitsandbytes', 'Model-7B')?.stored, false);
    assert.equal(weightFormatOf(null, 'awq', 'Model-7B')?.stored, true);
    assert.equal(weightFormatOf(null, null, 'Model-7B'), null);
    assert.equal(weightFormatOf(null, null, 'openai/gpt-oss-20b')?.id, 'mxfp4');
    assert.equal(weightFormatOf(null, null, 'someone/gpt-oss-20b-BF16'), null);
    assert.equal(weightFormatOf(readHfConfig(llama8b), null, 'gpt-oss-20b'), null);
  });
});

describe('cards', () => {
  const read = (name: string | null, totalBytes: number) =>
    cardOf({ name, totalBytes, memory: 'dedicated' }, null);

  it('know capability and class by name', () => {
    assert.equal(read('NVIDIA GeForce RTX 4090', 1).capability, 8.9);
    assert.equal(read('NVIDIA GeForce RTX 3060', 1).capability, 8.6);
    assert.equal(read('NVIDIA A100-SXM4-80GB', 1).capability, 8);
    assert.equal(read('NVIDIA RTX PRO 6000 Blackwell', 1).capability, 12);
    assert.equal(read('Tesla T4', 1).capability, 7.5);
    assert.equal(read('NVIDIA RTX 6000 Ada Generation', 1).capability, 8.9);
    assert.equal(read(null, 1).capability, null);
    assert.equal(read('NVIDIA GB10', 1).unified, true);
  });

  it('take a board total for what CUDA sees, and CUDA totals as they are', () => {
    assert.equal(Math.round(read(null, 81559 * MIB).cudaBytes), Math.round(79.18 * GIB));
    assert.equal(read(null, 79.18 * GIB).cudaBytes, 79.18 * GIB);
  });
});
