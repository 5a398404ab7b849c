import assert from 'node:assert/strict';
import { readHfConfig, type HfShape } from '../../../src/models/hfConfig';
import { llama8b } from '../../fixtures/planner/configs';
import { describeWithData, readDataJson } from '../../support/sharedData';

const llama = {
  ...llama8b,
  rope_scaling: { rope_type: 'llama3', factor: 8, original_max_position_embeddings: 8192 },
};

const gemma3 = {
  architectures: ['Gemma3ForConditionalGeneration'],
  model_type: 'gemma3',
  text_config: {
    model_type: 'gemma3_text',
    hidden_size: 2560,
    intermediate_size: 10240,
    num_hidden_layers: 34,
    sliding_window: 1024,
    rope_scaling: { rope_type: 'linear', factor: 8 },
  },
  torch_dtype: 'bfloat16',
  vision_config: { hidden_size: 1152, num_hidden_layers: 27 },
};

function read(config: Record<string, unknown>): HfShape {
  const shape = readHfConfig(config);
  assert.ok(shape);
  return shape;
}

const without = (config: Record<string, unknown>, key: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(config).filter(([name]) => name !== key));

/** `sliding×29 full×5`, whatever the order. */
function kinds(shape: HfShape): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const run of shape.layerKinds ?? []) counts[run.kind] = (counts[run.kind] ?? 0) + run.count;
  return counts;
}

const llama32 = (figure: number): number[] => Array.from({ length: 32 }, () => figure);

describe('hfConfig', () => {
  it('reads a plain decoder', () => {
    const shape = read(llama);
    assert.equal(shape.layers, 32);
    assert.equal(shape.headDim, 128);
    assert.equal(shape.kvHeads, 8);
    assert.equal(shape.tiedEmbeddings, false);
    assert.equal(shape.dtype, 'bfloat16');
    assert.equal(shape.maxLength, 131072, 'llama3 rope scaling does not lengthen');
    assert.deepEqual(shape.layerKinds, [
      { kind: 'full', count: 32, kvHeads: 8, headDim: 128, valueDim: 128, window: null },
    ]);
    assert.equal(shape.mla, null);
    assert.equal(shape.experts, null);
    assert.deepEqual(shape.problems, []);
  });

  it('takes the KV heads from the heads where the config names none', () => {
    assert.equal(read(without(llama, 'num_key_value_heads')).kvHeads, 32);
    assert.equal(read({ ...llama, num_key_value_heads: null }).kvHeads, 32);
  });

  it('reads the nested text part, with the defaults that its family leaves out', () => {
    const shape = read(gemma3);
    assert.equal(shape.heads, 8);
    assert.equal(shape.kvHeads, 4);
    assert.equal(shape.headDim, 256);
    assert.equal(shape.vocab, 262208);
    assert.equal(shape.tiedEmbeddings, true);
    assert.equal(shape.dtype, 'bfloat16');
    assert.equal(shape.hasVision, true);
    assert.equal(shape.maxLength, 131072, 'gemma3 is never scaled');
    assert.deepEqual(kinds(shape), { sliding: 29, full: 5 });
    assert.ok(shape.defaulted.includes('num_attention_heads'));
    assert.ok(!shape.defaulted.includes('hidden_size'));
  });

  it('does not make a model out of a bare model_type', () => {
    assert.equal(read({ model_type: 'llama' }).layers, null);
  });

  it('keeps unknown keys and takes null for absent', () => {
    const shape = read({ ...llama, brand_new_key: 7, sliding_window: null });
    assert.equal(shape.raw.brand_new_key, 7);
    assert.equal(shape.text.brand_new_key, 7);
    assert.equal(shape.slidingWindow, null);
  });

  it('caches the latent of MLA models, and only where the engine does', () => {
    const mla = {
      model_type: 'deepseek_v3',
      num_hidden_layers: 61,
      num_attention_heads: 128,
      num_key_value_heads: 128,
      hidden_size: 7168,
      kv_lora_rank: 512,
      qk_rope_head_dim: 64,
      qk_nope_head_dim: 128,
      v_head_dim: 128,
      num_nextn_predict_layers: 1,
      n_routed_experts: 256,
      n_shared_experts: 1,
      num_experts_per_tok: 8,
      moe_intermediate_size: 2048,
      first_k_dense_replace: 3,
    };
    const shape = read(mla);
    assert.deepEqual(shape.mla, {
      kvLoraRank: 512,
      ropeDim: 64,
      nopeDim: 128,
      valueDim: 128,
      queryLoraRank: null,
    });
    assert.deepEqual(shape.layerKinds, [
      { kind: 'mla', count: 61, kvHeads: null, headDim: 576, valueDim: null, window: null },
    ]);
    assert.equal(shape.experts?.layers, 58);
    assert.equal(shape.experts.sharedIntermediate, 2048);
    assert.equal(shape.draftLayers, 1);
    assert.equal(read({ ...mla, model_type: 'minicpm3' }).mla, null);
  });

  it('ignores the window of Qwen models that do not use it', () => {
    const qwen = { ...llama, model_type: 'qwen2', sliding_window: 32768, max_window_layers: 28 };
    assert.equal(read(qwen).slidingWindow, null);
    assert.equal(read({ ...qwen, use_sliding_window: false }).slidingWindow, null);
    const used = read({ ...qwen, use_sliding_window: true });
    assert.deepEqual(kinds(used), { full: 28, sliding: 4 });
    assert.equal(used.layerKinds?.[1]?.window, 32768);
  });

  it('follows layer_types, patterns and habits of the families', () => {
    const windowed = { ...llama, sliding_window: 4096 };
    assert.deepEqual(kinds(read({ ...windowed, model_type: 'mistral' })), { sliding: 32 });
    assert.deepEqual(kinds(read({ ...windowed, model_type: 'gemma2' })), { sliding: 16, full: 16 });
    assert.deepEqual(kinds(read({ ...windowed, model_type: 'x', sliding_window_pattern: 4 })), {
      sliding: 24,
      full: 8,
    });
    assert.deepEqual(
      kinds(read({ ...windowed, model_type: 'exaone4', sliding_window_pattern: 'LLLG' })),
      { sliding: 24, full: 8 },
    );
    const types = Array.from({ length: 32 }, (_, i) =>
      i % 2 === 0 ? 'sliding_attention' : 'full_attention',
    );
    const told = read({ ...windowed, model_type: 'gpt_oss', layer_types: types });
    assert.deepEqual(kinds(told), { sliding: 16, full: 16 });
    assert.equal(told.layerOrderKnown, true);
    assert.equal(told.layerKinds?.length, 32, 'in model order, one run each');
    const llama4 = read({ ...llama, model_type: 'llama4_text', attention_chunk_size: 8192 });
    assert.deepEqual(kinds(llama4), { chunked: 24, full: 8 });
  });

  it('honours the derived keys of flattened configs', () => {
    const counted = read({
      ...without(llama, 'num_hidden_layers'),
      model_type: 'gpt_oss',
      sliding_window: 128,
      layer_types_counts: { full_attention: 12, sliding_attention: 12 },
      has_vision_tower: true,
    });
    assert.equal(counted.layers, 24);
    assert.equal(counted.layerOrderKnown, false);
    assert.deepEqual(kinds(counted), { full: 12, sliding: 12 });
    assert.equal(counted.hasVision, true);
    const nemotron = read({
      architectures: ['NemotronHForCausalLM'],
      num_key_value_heads: 8,
      head_dim: 128,
      layer_counts: { attention: 4, mamba2: 21 },
    });
    assert.deepEqual(kinds(nemotron), { full: 4, state: 21 });
    assert.equal(nemotron.layers, null, 'layers that keep nothing are not counted');
    assert.equal(nemotron.state, null, 'no dims, no state');
  });

  it('reads hybrids with their state', () => {
    const qwen35 = read({
      ...llama,
      model_type: 'qwen3_5_text',
      num_hidden_layers: 48,
      full_attention_interval: 4,
      linear_num_key_heads: 16,
      linear_num_value_heads: 32,
      linear_key_head_dim: 128,
      linear_value_head_dim: 128,
      linear_conv_kernel_dim: 4,
      mamba_ssm_dtype: 'float32',
      mtp_num_hidden_layers: 1,
    });
    assert.deepEqual(kinds(qwen35), { state: 36, full: 12 });
    assert.equal(qwen35.layerKinds?.[0]?.kind, 'state');
    assert.deepEqual(qwen35.state, {
      kind: 'gdn',
      keyHeads: 16,
      valueHeads: 32,
      keyDim: 128,
      valueDim: 128,
      convKernel: 4,
    });
    assert.equal(qwen35.stateDtype, 'float32');
    const nemotron = read({
      model_type: 'nemotron_h',
      num_hidden_layers: 6,
      hidden_size: 4096,
      num_attention_heads: 32,
      num_key_value_heads: 2,
      hybrid_override_pattern: 'MEM*E-',
      n_routed_experts: 512,
      mamba_num_heads: 128,
      mamba_head_dim: 64,
      ssm_state_size: 128,
      n_groups: 8,
      conv_kernel: 4,
    });
    assert.deepEqual(kinds(nemotron), { state: 2, none: 3, full: 1 });
    assert.deepEqual(nemotron.state, {
      kind: 'mamba2',
      innerSize: 8192,
      heads: 128,
      headDim: 64,
      stateSize: 128,
      groups: 8,
      convKernel: 4,
    });
    assert.equal(nemotron.experts?.layers, 2);
    const jamba = read({
      ...llama,
      model_type: 'jamba',
      attn_layer_period: 8,
      attn_layer_offset: 4,
      mamba_d_state: 16,
      mamba_d_conv: 4,
      mamba_expand: 2,
    });
    assert.deepEqual(kinds(jamba), { state: 28, full: 4 });
    assert.deepEqual(jamba.state, {
      kind: 'mamba1',
      innerSize: 8192,
      stateSize: 16,
      convKernel: 4,
    });
    const kimi = read({
      model_type: 'kimi_linear',
      num_hidden_layers: 4,
      num_attention_heads: 32,
      kv_lora_rank: 512,
      qk_rope_head_dim: 64,
      linear_attn_config: {
        full_attn_layers: [4],
        kda_layers: [1, 2, 3],
        num_heads: 32,
        head_dim: 128,
        short_conv_kernel_size: 4,
      },
    });
    assert.deepEqual(
      kimi.layerKinds?.map(({ kind, count }) => [kind, count]),
      [
        ['state', 3],
        ['mla', 1],
      ],
    );
    assert.equal(kimi.state?.kind, 'kda');
    assert.deepEqual(kinds(read({ ...llama, model_type: 'falcon_h1', mamba_n_heads: 24 })), {
      state: 32,
      full: 32,
    });
  });

  it('gives Gemma 4 its two kinds of heads and the layers that share', () => {
    const gemma4 = {
      model_type: 'gemma4_text',
      num_hidden_layers: 12,
      hidden_size: 2560,
      num_attention_heads: 8,
      num_key_value_heads: 2,
      head_dim: 256,
      global_head_dim: 512,
      num_global_key_value_heads: 1,
      attention_k_eq_v: true,
      sliding_window: 512,
      num_kv_shared_layers: 4,
      hidden_size_per_layer_input: 256,
      vocab_size_per_layer_input: 262144,
    };
    const shape = read(gemma4);
    assert.deepEqual(kinds(shape), { sliding: 7, full: 1, shared: 4 });
    const full = shape.layerKinds?.find((run) => run.kind === 'full');
    assert.equal(full?.headDim, 512);
    assert.equal(full.kvHeads, 1);
    assert.equal(shape.layerKinds?.[0]?.headDim, 256);
    assert.deepEqual(shape.perLayerEmbedding, { hidden: 256, vocab: 262144 });
    const counted = read({
      ...gemma4,
      layer_types_counts: { full_attention: 2, sliding_attention: 10 },
    });
    assert.deepEqual(kinds(counted), { full: 1, sliding: 7, shared: 4 });
  });

  it('reads encoder-decoders, cross attention and blocks without attention', () => {
    const whisper = read({
      model_type: 'whisper',
      is_encoder_decoder: true,
      decoder_layers: 4,
      encoder_layers: 32,
      d_model: 1280,
      decoder_attention_heads: 20,
      max_target_positions: 448,
    });
    assert.deepEqual(kinds(whisper), { full: 4, cross: 4 });
    assert.equal(whisper.maxLength, 448);
    const mllama = read({ ...llama, model_type: 'mllama', cross_attention_layers: [3, 8] });
    assert.deepEqual(kinds(mllama), { full: 30, cross: 2 });
    const nas = read({
      ...llama,
      num_hidden_layers: 3,
      block_configs: [
        { attention: { n_heads_in_group: 8 } },
        { attention: { no_op: true, n_heads_in_group: null } },
        { attention: { n_heads_in_group: 16 } },
      ],
    });
    assert.deepEqual(
      nas.layerKinds?.map(({ kind, kvHeads }) => [kind, kvHeads]),
      [
        ['full', 4],
        ['none', null],
        ['full', 2],
      ],
    );
  });

  it('reads the older spellings', () => {
    const falcon = read({
      model_type: 'falcon',
      n_layer: 32,
      n_head: 71,
      hidden_size: 4544,
      multi_query: true,
      vocab_size: 65024,
    });
    assert.equal(falcon.kvHeads, 1);
    assert.equal(falcon.headDim, 64);
    assert.equal(falcon.intermediate, 4 * 4544);
    assert.equal(falcon.maxLength, null);
    const dbrx = read({
      model_type: 'dbrx',
      n_layers: 40,
      d_model: 6144,
      n_heads: 48,
      max_seq_len: 32768,
      attn_config: { kv_n_heads: 8 },
      ffn_config: { moe_num_experts: 16 },
    });
    assert.equal(dbrx.kvHeads, 8);
    assert.equal(dbrx.experts?.count, 16);
    // Hunyuan: one figure for each layer.
    const hunyuan = read({
      ...llama,
      num_experts: 64,
      moe_intermediate_size: llama32(3072),
      num_shared_expert: llama32(1),
      moe_topk: llama32(8),
    });
    const { intermediate, perToken, sharedIntermediate } = hunyuan.experts ?? {};
    assert.deepEqual([intermediate, perToken, sharedIntermediate], [3072, 8, 3072]);
    const unequal = read({ ...llama, moe_intermediate_size: [1, 2], num_experts: 64 });
    assert.ok(unequal.problems.some((problem) => problem.startsWith('moe_intermediate_size')));
    // ERNIE: dense up to a layer.
    const ernie = read({
      ...llama,
      moe_num_experts: 64,
      moe_intermediate_size: 1536,
      moe_num_shared_experts: 2,
      moe_layer_start_index: 1,
    });
    assert.deepEqual([ernie.experts?.layers, ernie.experts?.sharedIntermediate], [31, 3072]);
    assert.equal(read({ ...llama, dtype: 'torch.float16', torch_dtype: null }).dtype, 'float16');
  });

  it('derives the longest context as vLLM does', () => {
    const length = (extra: Record<string, unknown>): number | null =>
      read({ ...llama, max_position_embeddings: 32768, rope_scaling: null, ...extra }).maxLength;
    assert.equal(length({}), 32768);
    assert.equal(length({ max_seq_len: 8192 }), 8192);
    const yarn = { type: 'yarn', factor: 4, original_max_position_embeddings: 32768 };
    assert.equal(length({ rope_scaling: yarn }), 131072);
    assert.equal(length({ rope_parameters: { rope_type: 'linear', factor: 2 } }), 65536);
    const longrope = { type: 'longrope', long_factor: [], original_max_position_embeddings: 4096 };
    assert.equal(length({ max_position_embeddings: 131072, rope_scaling: longrope }), 4096);
    assert.equal(length({ rope_scaling: { type: 'mrope', mrope_section: [16, 24, 24] } }), 32768);
    assert.equal(length({ max_position_embeddings: -1 }), null);
  });

  it('turns figures that can not be into null, and says so', () => {
    const broken = read({
      ...llama,
      num_hidden_layers: -3,
      hidden_size: 1e300,
      num_attention_heads: '32',
      vocab_size: 1.5,
      max_position_embeddings: true,
      torch_dtype: 16,
      architectures: 'LlamaForCausalLM',
    });
    assert.equal(broken.layers, null);
    assert.equal(broken.hidden, null);
    assert.equal(broken.heads, null);
    assert.equal(broken.vocab, null);
    assert.equal(broken.maxLength, null);
    assert.equal(broken.layerKinds, null);
    for (const key of ['num_hidden_layers is -3', 'vocab_size is 1.5', 'hidden_size is 1e+300'])
      assert.ok(broken.problems.includes(key), key);
    const contradiction = read({ ...llama, num_key_value_heads: 7 });
    assert.equal(contradiction.kvHeads, null);
    assert.match(contradiction.problems.join(), /7 KV heads/);
    const short = read({ ...llama, layer_types: ['full_attention'], sliding_window: 4096 });
    assert.match(short.problems.join(), /names 1 layers/);
    const wrongCounts = read({ ...llama, layer_types_counts: { full_attention: 1e9 } });
    assert.deepEqual(kinds(wrongCounts), { full: 32 });
  });

  it('answers null where there is no config', () => {
    for (const bad of [null, undefined, 7, 'text', [], [llama], {}])
      assert.equal(readHfConfig(bad), null);
  });

  it('never throws, whatever stands in the fields', () => {
    const values = [null, -1, 0, 1e308, 'x', true, [], [1, 'a'], {}, { a: null }, [[]], NaN];
    const keys = [
      ...Object.keys(llama),
      ...Object.keys(gemma3),
      'layer_types',
      'layer_types_counts',
      'layer_counts',
      'hybrid_override_pattern',
      'block_configs',
      'linear_attn_config',
      'compress_ratios',
      'quantization_config',
      'rope_parameters',
      'sliding_window_pattern',
      'num_kv_shared_layers',
      'thinker_config',
      'attn_config',
      'hybrid_layer_pattern',
      'cross_attention_layers',
    ];
    for (const key of keys)
      for (const value of values) {
        readHfConfig({ ...llama, [key]: value });
        readHfConfig({ ...gemma3, text_config: { ...gemma3.text_config, [key]: value } });
      }
  });

  describeWithData('on recorded configs', () => {
    it('reads every one without a problem', () => {
      const { cases } = readDataJson('vllm-startups.json') as {
        cases: { id: string; model_config: Record<string, unknown> | null }[];
      };
      let count = 0;
      for (const { id, model_config: config } of cases) {
        if (!config) continue;
        count += 1;
        const shape = read(config);
        assert.deepEqual(shape.problems, [], id);
        assert.ok(shape.layerKinds, id);
        const heads = shape.layerKinds.every((run) => run.kind !== 'full' || run.headDim !== null);
        assert.ok(heads, id);
        if (shape.layers !== null)
          assert.equal(
            shape.layerKinds.reduce((sum, run) => sum + run.count, 0),
            shape.layers,
            id,
          );
      }
      console.log(`        ${String(count)} configs read`);
      assert.ok(count >= 83);
    });
  });
});
