import assert from 'node:assert/strict';
import {
  readHubGguf,
  readHubSafetensors,
  readIndexStart,
  safetensorsStart,
} from '../../../src/models/hubWeights';
import {
  denseTensors,
  ggufBytes,
  ggufHeader,
  rawSafetensorsHeader,
  safetensorsHeader,
  shardedModel,
  specBytes,
} from '../../support/modelFiles';

const tensors = denseTensors({ num_hidden_layers: 4 });
const allBytes = tensors.reduce((sum, tensor) => sum + specBytes(tensor), 0);
const header = safetensorsHeader(tensors);

describe('hubWeights', () => {
  it('wants the header and nothing behind it', () => {
    assert.equal(safetensorsStart(header.bytes, 1e6), header.bytes.length);
    assert.equal(safetensorsStart(header.bytes, 100), 8, 'too long for the budget');
    for (const lie of [-1n, 2n ** 63n, 10n ** 15n])
      assert.equal(safetensorsStart(rawSafetensorsHeader('{}', BigInt.asUintN(64, lie)), 1e6), 8);
    assert.equal(safetensorsStart(new Uint8Array(3), 1e6), 8);
  });

  it('reads all tensors from the header alone, whether or not the size of the file is known', async () => {
    for (const fileBytes of [header.bytes.length + header.dataBytes, null]) {
      const read = await readHubSafetensors(header.bytes, fileBytes);
      assert.ok(read.ok && read.value.kind === 'tensors');
      assert.equal(read.value.tensors.length, tensors.length);
    }
  });

  it('takes the sum from the size of the file where the header is too long', async () => {
    const start = header.bytes.subarray(0, 8);
    const read = await readHubSafetensors(start, header.bytes.length + header.dataBytes);
    assert.ok(read.ok && read.value.kind === 'sum');
    assert.equal(read.value.bytes, allBytes);
    assert.match(read.value.why, /longer than what is read/);
  });

  it('refuses headers that lie, whatever they claim', async () => {
    const detail = async (bytes: Uint8Array, fileBytes: number | null): Promise<string> => {
      const read = await readHubSafetensors(bytes, fileBytes);
      return read.ok ? 'read' : `${read.failure.reason}: ${read.failure.detail}`;
    };
    const lying = (claim: bigint) =>
      rawSafetensorsHeader('{}', BigInt.asUintN(64, claim)).slice(0, 8);
    assert.match(
      await detail(lying(-1n), 1e9),
      /^invalid: its header claims 18446744073709552000 /,
    );
    assert.match(await detail(lying(10n ** 12n), 1e9), /^invalid: its header claims/);
    assert.match(await detail(lying(2_000_000n), 1_000_000), /^invalid: its header claims/);
    assert.match(await detail(header.bytes.subarray(0, 8), null), /^invalid: .*to the end/);
    assert.match(await detail(new Uint8Array(5), 5), /^invalid: it is too short/);
    assert.match(
      await detail(header.bytes, header.bytes.length + 10),
      /^invalid: .*outside the file/,
    );
  });

  it('reads an index by its beginning', () => {
    const { index } = shardedModel(tensors, 3);
    const whole = readIndexStart(index ?? '');
    assert.deepEqual(whole, {
      ok: true,
      value: { totalBytes: allBytes, parameterCount: null, files: 3 },
    });
    const cut = readIndexStart((index ?? '').slice(0, 220));
    assert.equal(cut.ok && cut.value.totalBytes, allBytes);
    const newer = readIndexStart(
      '{"metadata": {"total_parameters": 100, "total_size": 200.0}, "weight_map": {"a": ',
    );
    assert.deepEqual(newer, {
      ok: true,
      value: { totalBytes: 200, parameterCount: 100, files: null },
    });
  });

  it('refuses what is no index, in no time', () => {
    const texts = [
      ...['', '[]', '<html>', '{}', '{"metadata": {}}', '{"metadata": {"total_size": -5}}'],
      ...['{"metadata": {"total_size": "x"}}', '{"metadata": {"total_size": 1e99}}'],
      ...[`{"metadata": {"total_size": ${'9'.repeat(60)}}}`, `{${'"metadata": '.repeat(10_000)}`],
      `{"metadata":${' '.repeat(120_000)}`,
    ];
    const start = performance.now();
    for (const text of texts) assert.equal(readIndexStart(text).ok, false, text.slice(0, 40));
    assert.ok(performance.now() - start < 500);
  });

  it('reads the shape of a .gguf file cut in its tokenizer', async () => {
    const fixture = {
      metadata: [
        ['general.architecture', 'qwen3'],
        ['qwen3.block_count', 36],
        ['qwen3.context_length', 40960],
        ['qwen3.embedding_length', 2560],
        ['qwen3.attention.head_count', 32],
        ['qwen3.attention.head_count_kv', 8],
        ['tokenizer.ggml.model', 'gpt2'],
        [
          'tokenizer.ggml.tokens',
          { array: 'string', values: Array.from({ length: 20_000 }, (_, i) => `token${i}`) },
        ],
        ['general.file_type', 15],
      ] as const,
      tensors: [{ name: 'token_embd.weight', type: 1, shape: [64, 100], bytes: 12800 }],
    };
    const bytes = ggufHeader(fixture).bytes;
    assert.ok(bytes.length > 200_000);
    const read = await readHubGguf(bytes.subarray(0, 128 * 1024), 5e9, 'm.Q4_K_M.gguf');
    assert.ok(read.ok);
    const { architecture, block_count, head_count_kv, vocab_size, fileBytes } = read.value;
    assert.deepEqual(
      [architecture, block_count, head_count_kv, vocab_size, fileBytes],
      ['qwen3', 36, 8, 20_000, 5e9],
    );
    const part = await readHubGguf(bytes.subarray(0, 128 * 1024), 5e9, 'm-00001-of-00002.gguf');
    assert.equal(part.ok && part.value.fileBytes, undefined);
    const unsized = await readHubGguf(bytes.subarray(0, 128 * 1024), null, 'm.gguf');
    assert.equal(unsized.ok && unsized.value.fileBytes, undefined);
  });

  it('reads a small .gguf file whole, and refuses what is none', async () => {
    const fixture = { metadata: [['general.architecture', 'llama']] as const, tensors: [] };
    const bytes = ggufBytes(fixture);
    const read = await readHubGguf(bytes, bytes.length, 'm.gguf');
    assert.equal(read.ok && read.value.architecture, 'llama');
    for (const bad of [new Uint8Array(), new Uint8Array(4096), bytes.subarray(0, 30)])
      assert.equal((await readHubGguf(bad, 1e6, 'm.gguf')).ok, false);
  });

  it('survives damage at any byte and cuts at any length', async () => {
    const gguf = ggufHeader({
      metadata: [
        ['general.architecture', 'llama'],
        ['llama.block_count', 2],
        ['tokenizer.ggml.tokens', { array: 'string', values: ['a', 'b', 'c'] }],
      ],
      tensors: [],
    }).bytes;
    const small = rawSafetensorsHeader('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}');
    for (const whole of [gguf, small]) {
      for (let at = 0; at <= whole.length; at++) {
        for (const value of [0, 0xff]) {
          const damaged = whole.slice();
          if (at < damaged.length) damaged[at] = value;
          for (const bytes of [damaged, whole.subarray(0, at)]) {
            for (const fileBytes of [null, 1e12]) {
              await readHubGguf(bytes, fileBytes, 'm.gguf');
              const read = await readHubSafetensors(bytes, fileBytes);
              if (read.ok && read.value.kind === 'sum') assert.ok(read.value.bytes >= 0);
            }
          }
        }
      }
    }
    const { index } = shardedModel(tensors, 2);
    for (let at = 0; at < 400; at++) readIndexStart((index ?? '').slice(0, at));
  });
});
