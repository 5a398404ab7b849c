import assert from 'node:assert/strict';
import type { GgufHeader, GgufValue } from '../../../src/models/gguf';
import { factsOf, ggufFacts, trainedContext } from '../../../src/models/ggufFacts';
import { describeWithData, readDataJson } from '../../support/sharedData';

const llama: readonly (readonly [string, GgufValue])[] = [
  ['general.architecture', 'llama'],
  ['general.name', 'Some Model'],
  ['general.file_type', 15],
  ['llama.block_count', 2],
  ['llama.context_length', 8192],
  ['llama.embedding_length', 4096],
  ['llama.feed_forward_length', 14336],
  ['llama.attention.head_count', 32],
  ['llama.attention.head_count_kv', 8],
  ['llama.attention.layer_norm_rms_epsilon', 1e-5],
  ['llama.rope.freq_base', 500000],
  ['tokenizer.ggml.tokens', { length: 128256 }],
  ['tokenizer.ggml.model', 'gpt2'],
  ['clip.vision.block_count', 24],
];

const tensor = (name: string, bytes: number) => ({ name, type: 'F16', shape: [1, 1], bytes });

function header(metadata: readonly (readonly [string, GgufValue])[]): GgufHeader {
  return {
    version: 3,
    metadata: new Map(metadata),
    tensors: [
      tensor('token_embd.weight', 100),
      tensor('blk.0.attn_q.weight', 10),
      tensor('blk.0.ffn_up.weight', 20),
      tensor('blk.1.attn_q.weight', 12),
      tensor('output.weight', 70),
      tensor('output_norm.weight', 3),
      tensor('rope_freqs.weight', 1),
      tensor('v.blk.0.attn_q.weight', 5),
      tensor('mm.0.weight', 2),
    ],
    dataOffset: 32,
    fileBytes: 1000,
  };
}

describe('ggufFacts', () => {
  it('shortens the keys and completes what the file implies', () => {
    const facts = ggufFacts(header(llama));
    assert.equal(facts.architecture, 'llama');
    assert.equal(facts.block_count, 2);
    assert.equal(facts.head_count, 32);
    assert.equal(facts.head_count_kv, 8);
    assert.equal(facts.key_length, 128);
    assert.equal(facts.value_length, 128);
    assert.equal(facts.vocab_size, 128256);
    assert.equal(facts.feed_forward_length, 14336);
    assert.equal(facts.rope_freq_base, 500000);
    assert.equal(facts.file_type, 15);
    assert.equal(facts.fileBytes, 1000);
    assert.equal(trainedContext(facts), 8192);
    assert.ok(!Object.keys(facts).some((key) => /tokenizer|ggml|vision/.test(key)));
    assert.ok(!('sliding_window' in facts));
    assert.ok(!('swa_layers' in facts));
  });

  it('sums bytes per block, with embedding, head and projector apart', () => {
    const facts = ggufFacts(header(llama));
    assert.deepEqual(facts.layer_bytes, [30, 12]);
    assert.equal(facts.token_embd_bytes, 100);
    assert.equal(facts.output_bytes, 70);
    assert.equal(facts.projector_bytes, 7);
    assert.equal(facts.other_bytes, 4);
    assert.equal(facts.tensor_bytes_total, 223);
    assert.ok(!('input_bytes' in facts) && !('expert_bytes' in facts));
    const experts = ['ffn_up_exps', 'ffn_gate_up_exps', 'ffn_up_shexp', 'ffn_gate_inp'].map(
      (name) => tensor(`blk.1.${name}.weight`, 8),
    );
    assert.deepEqual(factsOf(llama, experts, null).expert_bytes, [0, 16]);
    const tables = [tensor('per_layer_token_embd.weight', 50), tensor('blk.0.attn_q.weight', 10)];
    assert.equal(factsOf(llama, tables, null).input_bytes, 50);
    assert.equal(factsOf(llama, tables, null).other_bytes, 0);
  });

  it('keeps prefixed groups apart and reads zeros as a hybrid', () => {
    const facts = factsOf(
      [
        ['general.architecture', 'nemotron_h'],
        ['nemotron_h.block_count', 4],
        ['nemotron_h.embedding_length', 64],
        ['nemotron_h.attention.head_count', 8],
        ['nemotron_h.attention.head_count_kv', [0, 0, 2, 0]],
        ['nemotron_h.ssm.state_size', 128],
        ['nemotron_h.ssm.conv_kernel', 4],
        ['nemotron_h.expert_used_count', 6],
      ],
      null,
      null,
    );
    assert.equal(facts.ssm_state_size, 128);
    assert.equal(facts.ssm_conv_kernel, 4);
    assert.equal(facts.expert_used_count, 6);
    assert.deepEqual(facts.head_count_kv, [0, 0, 2, 0]);
    assert.ok(!('fileBytes' in facts));
    assert.ok(!('layer_bytes' in facts));
  });

  it('counts window layers by the pattern in the file, else by the habit of the family', () => {
    const gemma = (architecture: string, pattern?: GgufValue) =>
      factsOf(
        [
          ['general.architecture', architecture],
          [`${architecture}.block_count`, 6],
          [`${architecture}.embedding_length`, 2560],
          [`${architecture}.attention.head_count`, 8],
          [`${architecture}.attention.head_count_kv`, [8, 8, 8, 8, 8, 2]],
          [`${architecture}.attention.sliding_window`, 1024],
          ...(pattern === undefined
            ? []
            : [[`${architecture}.attention.sliding_window_pattern`, pattern] as const]),
        ],
        null,
        null,
      );
    const told = gemma('gemma4', [true, true, true, true, true, false]);
    assert.equal(told.swa_layers, 5);
    assert.equal(told.full_layers, 1);
    assert.equal(told.head_count_kv, 2);
    assert.equal(told.head_count_kv_swa, 8);
    assert.equal(gemma('gemma3').swa_layers, 5);
    assert.equal(gemma('gemma2').swa_layers, 3);
    assert.ok(!('swa_layers' in gemma('unheard-of')), 'nobody knows which layers have the window');
    assert.equal(gemma('smallthinker').swa_layers, 4, 'the first of four is full, so is the fifth');
    assert.ok(!('swa_layers' in gemma('exaone4')), 'only the one with 64 layers has windows');
  });

  it('gets nothing wrong from damaged metadata', () => {
    for (const value of [-1, 0, 1e300, 'x', [], [null], {}, null, true])
      for (const key of [
        'block_count',
        'attention.head_count',
        'embedding_length',
        'context_length',
      ])
        factsOf(
          [
            ['general.architecture', 'llama'],
            ['llama.attention.sliding_window', 5],
            [`llama.${key}`, value],
          ],
          [tensor('blk.99999.x', 1), tensor('blk.7.x', 2)],
          5,
        );
    assert.deepEqual(factsOf([], null, null), {});
  });

  describeWithData('on recorded shapes', () => {
    it('writes the keys that the recorded loads use', () => {
      const { cases } = readDataJson('ollama-loads.json') as {
        cases: { gguf: Record<string, unknown> | null }[];
      };
      const known = new Set(cases.flatMap(({ gguf }) => Object.keys(gguf ?? {})));
      known.delete('architecture');
      const architecture = 'gemma4';
      let round = 0;
      for (const { gguf } of cases) {
        if (!gguf) continue;
        round += 1;
        // Every recorded key, written long, comes back short.
        const long = Object.entries(gguf).map(([key, value]) => {
          const inAttention = /^(head_count|key_length|value_length|sliding_window|kv_lora)/.test(
            key,
          );
          const group = inAttention ? 'attention.' : '';
          return [`${architecture}.${group}${key.replace(/^ssm_/, 'ssm.')}`, value] as const;
        });
        const facts = factsOf([...long, ['general.architecture', architecture]], null, null);
        for (const [key, value] of Object.entries(gguf)) {
          if (value === null || key === 'architecture' || key.endsWith('_layers')) continue;
          assert.deepEqual(facts[key], value, key);
        }
      }
      console.log(`        ${String(round)} shapes, ${String(known.size)} keys`);
      assert.ok(round >= 50);
    });
  });
});
