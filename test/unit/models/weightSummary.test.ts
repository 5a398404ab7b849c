import assert from 'node:assert/strict';
import { parameterCount, roleOf, summarizeWeights } from '../../../src/models/weightSummary';
import { denseTensors, specBytes } from '../../support/modelFiles';

const withBytes = (specs: ReturnType<typeof denseTensors>) =>
  specs.map((spec) => ({ ...spec, bytes: specBytes(spec) }));

describe('weightSummary', () => {
  it('leaves out buffers that no engine loads', () => {
    const tensor = (name: string, shape: number[]) => ({ name, dtype: 'F32', shape, bytes: 4096 });
    const summary = summarizeWeights([
      tensor('h.0.attn.bias', [1, 1, 32, 32]),
      tensor('gpt_neox.layers.0.attention.masked_bias', []),
      tensor('model.layers.0.self_attn.rotary_emb.inv_freq', [64]),
      tensor('h.0.attn.c_attn.bias', [1024]),
    ]);
    assert.deepEqual([summary.groups.length, summary.groups[0]?.bytes], [1, 4096]);
    assert.equal(summary.totalBytes, 4 * 4096);
  });

  it('knows what a tensor is by its name', () => {
    const roles: readonly (readonly [string, string])[] = [
      ['model.embed_tokens.weight', 'embedding'],
      ['transformer.wte.weight', 'embedding'],
      ['lm_head.weight', 'head'],
      ['model.layers.0.self_attn.q_proj.weight', 'attention'],
      ['model.layers.0.self_attn.q_norm.weight', 'norm'],
      ['model.layers.0.input_layernorm.weight', 'norm'],
      ['model.norm.weight', 'norm'],
      ['transformer.h.0.ln_1.weight', 'norm'],
      ['model.layers.0.mlp.down_proj.weight', 'mlp'],
      ['model.layers.0.mlp.gate_proj.qweight', 'mlp'],
      ['model.layers.0.mlp.gate.weight', 'other'],
      ['model.layers.0.block_sparse_moe.gate.weight', 'other'],
      ['model.layers.0.mlp.experts.7.up_proj.weight', 'expert'],
      ['model.layers.0.mlp.experts.gate_up_proj_blocks', 'expert'],
      ['model.layers.0.block_sparse_moe.experts.0.w1.weight', 'expert'],
      ['model.layers.0.mlp.shared_experts.up_proj.weight', 'mlp'],
      ['model.layers.0.mlp.shared_expert_gate.weight', 'other'],
      ['model.layers.0.mlp.router.weight', 'other'],
      ['model.layers.0.linear_attn.in_proj_qkvz.weight', 'attention'],
      ['backbone.layers.0.mixer.in_proj.weight', 'attention'],
      ['backbone.layers.1.mixer.up_proj.weight', 'mlp'],
      ['model.visual.blocks.0.attn.qkv.weight', 'vision'],
      ['vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.weight', 'vision'],
      ['multi_modal_projector.linear_1.weight', 'vision'],
      ['audio_tower.layers.0.fc1.weight', 'vision'],
      ['mtp.layers.0.self_attn.q_proj.weight', 'draft'],
      ['something.new', 'other'],
    ];
    for (const [name, role] of roles) assert.equal(roleOf(name), role, name);
  });

  it('takes a block behind the last layer for a draft layer', () => {
    assert.equal(roleOf('model.layers.61.mlp.experts.0.up_proj.weight', 61), 'draft');
    assert.equal(roleOf('model.layers.60.mlp.experts.0.up_proj.weight', 61), 'expert');
    assert.equal(roleOf('model.layers.61.mlp.experts.0.up_proj.weight'), 'expert');
  });

  it('adds up to the whole, by role and dtype', () => {
    const config = { num_hidden_layers: 2, hidden_size: 64, vocab_size: 1000 };
    const tensors = withBytes(denseTensors(config));
    const summary = summarizeWeights(tensors);
    const all = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
    assert.equal(summary.totalBytes, all);
    assert.equal(
      summary.groups.reduce((sum, group) => sum + group.bytes, 0),
      all,
    );
    assert.equal(summary.tensorCount, tensors.length);
    const embedding = summary.groups.find((group) => group.role === 'embedding');
    assert.equal(embedding?.bytes, 1000 * 64 * 2);
    assert.equal(embedding.matrixBytes, embedding.bytes);
    const norm = summary.groups.find((group) => group.role === 'norm');
    assert.equal(norm?.matrixBytes, 0);
    assert.equal(parameterCount(summary), all / 2);
  });

  it('does not count parameters of packed weights', () => {
    const packed = withBytes([{ name: 'a.qweight', dtype: 'I32', shape: [8, 8] }]);
    assert.equal(parameterCount(summarizeWeights(packed)), null);
    assert.equal(parameterCount(summarizeWeights([])), null);
  });
});
