import assert from 'node:assert/strict';
import { ggmlTensorBytes, ggmlType, ggmlTypeNamed } from '../../../src/models/ggmlTypes';
import { readGgufHeader, type GgufHeader } from '../../../src/models/gguf';
import { cpuMs } from '../../support/cpuTime';
import { ggufHeader, type GgufFixture } from '../../support/modelFiles';
import { sourceOf } from '../../support/sources';
import { seededRandom } from '../../support/seededRandom';

const small: GgufFixture = {
  metadata: [
    ['general.architecture', 'llama'],
    ['llama.block_count', 2],
    ['general.big', { type: 'u64', value: 2 ** 40 }],
    ['general.signed', { type: 'i32', value: -5 }],
    ['general.real', { type: 'f64', value: 0.5 }],
    ['general.flag', true],
    ['llama.attention.sliding_window_pattern', { array: 'bool', values: [true, false] }],
    ['general.tags', { array: 'string', values: ['a', 'b'] }],
  ],
  tensors: [
    { name: 'token_embd.weight', type: 12, shape: [256, 10], bytes: 10 * 144 },
    { name: 'blk.0.attn_q.weight', type: 1, shape: [64, 64], bytes: 8192 },
    { name: 'blk.0.attn_norm.weight', type: 0, shape: [33], bytes: 132 },
  ],
};

async function read(fixture: GgufFixture): Promise<GgufHeader> {
  const { bytes, dataBytes } = ggufHeader(fixture);
  const header = await readGgufHeader(sourceOf(bytes, bytes.length + dataBytes));
  assert.ok(header.ok, header.ok ? '' : header.failure.detail);
  return header.value;
}

async function refusal(bytes: Uint8Array, size = bytes.length): Promise<string> {
  const header = await readGgufHeader(sourceOf(bytes, size));
  assert.equal(header.ok, false);
  assert.equal(header.failure.reason, 'invalid');
  return header.failure.detail;
}

/** A copy with a little-endian u64 put at `offset`. */
function patched(bytes: Uint8Array, offset: number, value: bigint): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setBigUint64(offset, value, true);
  return copy;
}

const vocabulary = Array.from({ length: 256_000 }, (_, i) => `token${String(i)}`);

describe('gguf', () => {
  it('reads every kind of value, and the size of each tensor', async () => {
    const header = await read(small);
    assert.equal(header.version, 3);
    assert.equal(header.metadata.get('general.architecture'), 'llama');
    assert.equal(header.metadata.get('general.big'), 2 ** 40);
    assert.equal(header.metadata.get('general.signed'), -5);
    assert.equal(header.metadata.get('general.real'), 0.5);
    assert.equal(header.metadata.get('general.flag'), true);
    assert.deepEqual(header.metadata.get('llama.attention.sliding_window_pattern'), [true, false]);
    assert.deepEqual(header.metadata.get('general.tags'), ['a', 'b']);
    assert.deepEqual(
      header.tensors.map(({ name, type, bytes }) => [name, type, bytes]),
      [
        ['token_embd.weight', 'Q4_K', 1440],
        ['blk.0.attn_q.weight', 'F16', 8192],
        ['blk.0.attn_norm.weight', 'F32', 132],
      ],
    );
    assert.equal(header.dataOffset % 32, 0);
    assert.equal((await read({ ...small, version: 2 })).version, 2);
  });

  it('obeys general.alignment', async () => {
    const aligned = await read({
      ...small,
      alignment: 4096,
      metadata: [...small.metadata, ['general.alignment', 4096]],
    });
    assert.equal(aligned.dataOffset, 4096);
  });

  it('passes a 256,000-word vocabulary and 5,000 tensors in under 60 ms, reading the header only', async () => {
    const { bytes, dataBytes } = ggufHeader({
      metadata: [
        ...small.metadata,
        ['tokenizer.ggml.tokens', { array: 'string', values: vocabulary }],
        ['tokenizer.ggml.scores', { array: 'f32', values: vocabulary.map((_, i) => i) }],
        ['tokenizer.ggml.merges', { array: 'string', values: vocabulary }],
        ['tokenizer.ggml.eos_token_id', 7],
      ],
      tensors: Array.from({ length: 5000 }, (_, i) => ({
        name: `blk.${String(i)}.ffn_down.weight`,
        type: 12,
        shape: [256, 256],
        bytes: 256 * 144,
      })),
    });
    const times: number[] = [];
    // on a busy machine one round in many is undisturbed
    for (let round = 0; round < 25 && (round < 3 || Math.min(...times) >= 60); round++) {
      const source = sourceOf(bytes, bytes.length + dataBytes);
      const [start, startCpu] = [performance.now(), cpuMs()];
      const header = await readGgufHeader(source);
      // whichever was disturbed less: the clock by other processes, CPU by threads that collect garbage
      times.push(Math.min(performance.now() - start, cpuMs() - startCpu));
      assert.ok(header.ok, header.ok ? '' : header.failure.detail);
      assert.deepEqual(header.value.metadata.get('tokenizer.ggml.tokens'), { length: 256_000 });
      assert.equal(header.value.metadata.get('tokenizer.ggml.eos_token_id'), 7);
      assert.equal(header.value.tensors.length, 5000);
      assert.ok(source.reads.length < 12, `${String(source.reads.length)} reads`);
      assert.ok(source.reads.every(({ length }) => length <= 8 * 1024 * 1024));
    }
    const best = Math.min(...times);
    console.log(`        best of ${String(times.length)}: ${best.toFixed(1)} ms`);
    assert.ok(best < 60, `took ${best.toFixed(1)} ms`);
  });

  it('does not read the numbers of a tokenizer at all', async () => {
    const { bytes, dataBytes } = ggufHeader({
      metadata: [['tokenizer.ggml.scores', { array: 'f32', values: vocabulary.map(() => 0) }]],
      tensors: [],
    });
    const source = sourceOf(bytes, bytes.length + dataBytes);
    assert.ok((await readGgufHeader(source)).ok);
    assert.ok(source.reads.reduce((sum, { length }) => sum + length, 0) <= 64 * 1024);
  });

  it('says what is no GGUF, or one that it can not read', async () => {
    const { bytes } = ggufHeader(small);
    assert.match(await refusal(new Uint8Array(0)), /not a GGUF/);
    assert.match(await refusal(new TextEncoder().encode('GGUF')), /not a GGUF/);
    assert.match(await refusal(new Uint8Array(1000)), /not a GGUF/);
    assert.match(await refusal(ggufHeader({ ...small, version: 1 }).bytes), /version 1/);
    assert.match(await refusal(ggufHeader({ ...small, version: 4 }).bytes), /version 4/);
    assert.match(await refusal(ggufHeader({ ...small, version: 0x03000000 }).bytes), /big-endian/);
    assert.match(await refusal(bytes.subarray(0, 60)), /ends in the middle|more than/);
  });

  it('refuses counts and lengths that the file can not hold, at once', async () => {
    const { bytes, dataBytes } = ggufHeader(small);
    const size = bytes.length + dataBytes;
    for (const offset of [8, 16])
      for (const value of [2n ** 60n, 2n ** 63n, 2n ** 40n, 100_000n])
        assert.ok((await refusal(patched(bytes, offset, value), size)).length > 0);
    assert.match(await refusal(patched(bytes, 24, 2n ** 60n), size), /count|key of/);
    assert.match(await refusal(patched(bytes, 24, 2n ** 17n), size), /key of 131072 bytes/);
    const long = ggufHeader({
      metadata: [['a', { array: 'u32' as 'i32', values: [] }]],
      tensors: [],
    }).bytes;
    const lengthAt = 24 + 8 + 1 + 4 + 4;
    assert.match(await refusal(patched(long, lengthAt, 2n ** 50n), 10 ** 9), /claims \d+ entries/);
  });

  it('stops at 256 MiB of header, however large the file is', async () => {
    const { bytes } = ggufHeader({
      metadata: [
        ['a', { array: 'i32', values: [] }],
        ['b', 1],
      ],
      tensors: [],
    });
    const lengthAt = 24 + 8 + 1 + 4 + 4;
    assert.match(
      await refusal(patched(bytes, lengthAt, 2n ** 30n), 2 ** 40),
      /larger than 268435456/,
    );
  });

  it('refuses tensors outside the file, overlapping, misaligned, or that can not be', async () => {
    const tensor = { name: 'a', type: 0, shape: [8], bytes: 32 };
    const detail = async (...tensors: GgufFixture['tensors']): Promise<string> => {
      const { bytes, dataBytes } = ggufHeader({ metadata: [], tensors });
      return refusal(bytes, bytes.length + dataBytes);
    };
    assert.match(await detail({ ...tensor, offset: 2 ** 20 }), /"a" lies outside/);
    assert.match(await detail({ ...tensor, bytes: 0 }), /"a" lies outside/);
    assert.match(await detail({ ...tensor, offset: 7 }), /not aligned/);
    assert.match(await detail(tensor, { ...tensor, name: 'b', offset: 0 }), /overlap/);
    assert.match(await detail(tensor, tensor), /tensor "a" twice/);
    assert.match(await detail({ ...tensor, shape: [1, 1, 1, 1, 8] }), /5 dimensions/);
    assert.match(await detail({ ...tensor, type: 12, shape: [100] }), /Q4_K \[100\]/);
    assert.match(await detail({ ...tensor, shape: [2 ** 50, 2 ** 50] }), /can't be/);
    const alignments: readonly (string | number)[] = [0, 2 ** 30, 'x'];
    for (const alignment of alignments) {
      const { bytes } = ggufHeader({ metadata: [['general.alignment', alignment]], tensors: [] });
      assert.match(await refusal(bytes), /alignment/);
    }
  });

  it('refuses keys that come twice, and values of an unknown type', async () => {
    const twice = ggufHeader({
      metadata: [
        ['a', 1],
        ['a', 2],
      ],
      tensors: [],
    }).bytes;
    assert.match(await refusal(twice), /key "a" twice/);
    const unknown = ggufHeader({ metadata: [['a', 1]], tensors: [] }).bytes;
    unknown[24 + 8 + 1] = 77;
    assert.match(await refusal(unknown), /unknown type 77/);
    const nested = ggufHeader({
      metadata: [['a', { array: 'i32', values: [1, 2, 3] }]],
      tensors: [],
    }).bytes;
    nested[24 + 8 + 1 + 4] = 9;
    assert.match(await refusal(nested), /array of the unknown type 9/);
  });

  it('gives a tensor of a type that is newer than the table the room up to the next', async () => {
    const header = await read({
      metadata: [],
      tensors: [
        { name: 'a', type: 99, shape: [8], bytes: 64 },
        { name: 'b', type: 0, shape: [8], bytes: 32 },
      ],
    });
    assert.equal(header.tensors[0]?.type, 'type 99');
    assert.equal(header.tensors[0].bytes, 64);
  });

  it('passes over a text that is too long to be a fact', async () => {
    const header = await read({
      metadata: [
        ['general.license', 'x'.repeat(200_000)],
        ['general.next', 1],
      ],
      tensors: [],
    });
    assert.equal(header.metadata.get('general.license'), '');
    assert.equal(header.metadata.get('general.next'), 1);
  });

  it('survives random damage (2,000 mutations)', async () => {
    const random = seededRandom(7);
    const { bytes, dataBytes } = ggufHeader(small);
    for (let round = 0; round < 2000; round++) {
      const copy = bytes.slice();
      for (let hits = 1 + Math.floor(random() * 4); hits > 0; hits--)
        copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
      const size = random() < 0.2 ? Math.floor(random() * copy.length) : copy.length + dataBytes;
      const header = await readGgufHeader(sourceOf(copy, size));
      if (header.ok) assert.ok(header.value.tensors.every((tensor) => tensor.bytes <= size));
      else assert.ok(header.failure.detail.length > 0 && header.failure.detail.length < 400);
    }
  });

  it('knows the types by number and by name', () => {
    assert.deepEqual(ggmlType(14), { name: 'Q6_K', blockSize: 256, blockBytes: 210 });
    assert.equal(ggmlType(5), undefined);
    assert.equal(ggmlType(4)?.name, 'MXFP4', 'the number that the first gpt-oss files used');
    const mxfp4 = ggmlTypeNamed('mxfp4');
    assert.ok(mxfp4);
    assert.equal(ggmlTensorBytes(mxfp4, [2880, 2880, 32]), (2880 * 2880 * 32 * 17) / 32);
    assert.equal(ggmlTensorBytes(mxfp4, [30, 32]), null, 'a row must fill its blocks');
  });
});
