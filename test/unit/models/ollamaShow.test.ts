import assert from 'node:assert/strict';
import { readOllamaShow, readOllamaTags } from '../../../src/models/ollamaShow';

const show = {
  details: { format: 'gguf', family: 'qwen3', quantization_level: 'Q4_K_M' },
  capabilities: ['completion', 'tools'],
  parameters: 'stop "<|im_end|>"\nnum_ctx                        16384\ntemperature 0.6',
  model_info: {
    'general.architecture': 'qwen3',
    'general.parameter_count': 4022468096,
    'qwen3.block_count': 2,
    'qwen3.context_length': 40960,
    'qwen3.embedding_length': 2560,
    'qwen3.attention.head_count': 32,
    'qwen3.attention.head_count_kv': 8,
    'qwen3.attention.key_length': 128,
    'qwen3.attention.value_length': 128,
    'tokenizer.ggml.tokens': null,
  },
  tensors: [
    { name: 'token_embd.weight', type: 'Q6_K', shape: [2560, 151936] },
    { name: 'blk.0.attn_q.weight', type: 'Q4_K', shape: [2560, 4096] },
    { name: 'blk.1.attn_q.weight', type: 'F32', shape: [2560] },
  ],
};

describe('ollamaShow', () => {
  it('reads facts, context, parameters and the bytes of the listed tensors', () => {
    const read = readOllamaShow(JSON.stringify(show), 2_500_000_000);
    assert.ok(read);
    assert.equal(read.gguf.architecture, 'qwen3');
    assert.equal(read.gguf.head_count_kv, 8);
    assert.equal(read.gguf.parameter_count, 4022468096);
    assert.equal(read.gguf.vocab_size, 151936);
    assert.equal(read.gguf.fileBytes, 2_500_000_000);
    assert.equal(read.gguf.token_embd_bytes, (2560 * 151936 * 210) / 256);
    assert.deepEqual(read.gguf.layer_bytes, [(2560 * 4096 * 144) / 256, 10240]);
    assert.equal(read.longestContext, 40960);
    assert.equal(read.numCtx, 16384);
    assert.equal(read.quantization, 'Q4_K_M');
    assert.deepEqual(read.capabilities, ['completion', 'tools']);
    assert.equal(read.isRemote, false);
  });

  it('adds a projector that has a file of its own, by its weights and their type', () => {
    const withProjector = (info: Record<string, unknown>): unknown =>
      readOllamaShow(JSON.stringify({ ...show, projector_info: info }))?.gguf.projector_bytes;
    const clip = { 'general.architecture': 'clip', 'general.parameter_count': 420_000_000 };
    assert.equal(withProjector({ ...clip, 'general.file_type': 1 }), 840_000_000);
    assert.equal(withProjector({ ...clip, 'general.file_type': 7 }), 446_250_000);
    assert.equal(withProjector(clip), 840_000_000);
    assert.equal(withProjector({}), undefined);
    assert.equal(withProjector({ 'general.parameter_count': 'many' }), undefined);
  });

  it('gives no sum where one tensor can not be sized', () => {
    const odd = { ...show, tensors: [{ name: 'a', type: 'Q9_Z', shape: [256] }] };
    assert.ok(!('tensor_bytes_total' in (readOllamaShow(JSON.stringify(odd))?.gguf ?? {})));
  });

  it('does without tensors and parameters, and knows what runs elsewhere', () => {
    const bare = readOllamaShow(
      JSON.stringify({ model_info: { 'general.architecture': 'x' }, remote_host: 'https://h' }),
    );
    assert.equal(bare?.longestContext, null);
    assert.equal(bare.numCtx, null);
    assert.equal(bare.isRemote, true);
  });

  it('answers null to anything else', () => {
    for (const bad of ['', 'null', '[]', '{}', '{"error":"model not found"}', '<html>'])
      assert.equal(readOllamaShow(bad), null, bad);
  });

  it('lists tags without cloud stubs and broken entries', () => {
    const tags = readOllamaTags(
      JSON.stringify({
        models: [
          {
            name: 'qwen3:4b',
            size: 2_620_000_000,
            digest: 'abc',
            details: { family: 'qwen3', parameter_size: '4.0B', quantization_level: 'Q4_K_M' },
          },
          { name: 'big:cloud', size: 384, remote_host: 'https://h', remote_model: 'big' },
          { size: 5 },
          'nonsense',
          { name: 'bare' },
        ],
      }),
    );
    assert.deepEqual(tags, [
      {
        name: 'qwen3:4b',
        sizeBytes: 2_620_000_000,
        digest: 'abc',
        family: 'qwen3',
        parameterSize: '4.0B',
        quantization: 'Q4_K_M',
      },
      {
        name: 'bare',
        sizeBytes: null,
        digest: null,
        family: null,
        parameterSize: null,
        quantization: null,
      },
    ]);
    assert.deepEqual(readOllamaTags('{"models":null}'), []);
    assert.equal(readOllamaTags('nope'), null);
  });
});
