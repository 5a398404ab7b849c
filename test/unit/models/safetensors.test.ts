import assert from 'node:assert/strict';
import {
  parseSafetensorsIndex,
  readSafetensorsHeader,
  type TensorInfo,
} from '../../../src/models/safetensors';
import { findDuplicateKey } from '../../../src/models/jsonKeys';
import {
  denseTensors,
  rawSafetensorsHeader,
  safetensorsHeader,
  type TensorSpec,
} from '../../support/modelFiles';
import { sourceOf } from '../../support/sources';
import { seededRandom } from '../../support/seededRandom';

async function readOk(tensors: readonly TensorSpec[]): Promise<readonly TensorInfo[]> {
  const { bytes, dataBytes } = safetensorsHeader(tensors);
  const read = await readSafetensorsHeader(sourceOf(bytes, bytes.length + dataBytes));
  assert.ok(read.ok, read.ok ? '' : read.failure.detail);
  return read.value;
}

async function refusal(json: string, dataBytes: number, claimed?: bigint): Promise<string> {
  const bytes = rawSafetensorsHeader(json, claimed);
  const read = await readSafetensorsHeader(sourceOf(bytes, bytes.length + dataBytes));
  assert.equal(read.ok, false);
  assert.equal(read.failure.reason, 'invalid');
  return read.failure.detail;
}

const entry = (dtype: string, shape: number[], from: number, to: number): string =>
  `{"dtype":"${dtype}","shape":${JSON.stringify(shape)},"data_offsets":[${String(from)},${String(to)}]}`;

describe('safetensors', () => {
  it('reads names, dtypes, shapes and bytes, and nothing behind the header', async () => {
    const specs = [
      { name: 'a', dtype: 'BF16', shape: [4, 8] },
      { name: 'b', dtype: 'F32', shape: [3] },
      { name: 'scalar', dtype: 'I64', shape: [] },
      { name: 'empty', dtype: 'F16', shape: [0, 5] },
    ];
    const { bytes, dataBytes } = safetensorsHeader(specs);
    const source = sourceOf(bytes, bytes.length + dataBytes);
    const read = await readSafetensorsHeader(source);
    assert.ok(read.ok);
    assert.deepEqual(
      read.value.map((tensor) => tensor.bytes),
      [64, 12, 8, 0],
    );
    assert.ok(source.reads.every(({ offset, length }) => offset + length <= bytes.length));
  });

  it('reads 5,000 tensors in milliseconds', async () => {
    const specs = Array.from({ length: 5000 }, (_, i) => ({
      name: `model.layers.${String(i)}.mlp.down_proj.weight`,
      dtype: 'BF16',
      shape: [4096, 4096],
    }));
    await readOk(specs);
    // Processor time: a busy machine is not a slow reader.
    const before = process.cpuUsage();
    assert.equal((await readOk(specs)).length, 5000);
    const ms = process.cpuUsage(before).user / 1000;
    assert.ok(ms < 150, `took ${ms.toFixed(1)} ms`);
  });

  it('refuses a length that the file or the format can not have', async () => {
    assert.match(await refusal('{}', 100, 2n ** 60n), /claims 1152921504606847000 bytes/);
    assert.match(await refusal('{}', 100, 1000n), /claims 1000 bytes/);
    assert.match(await refusal('{}', 200_000_000, 150_000_000n), /allows 100000000/);
    for (const length of [0, 3, 7]) {
      const read = await readSafetensorsHeader(sourceOf(new Uint8Array(length)));
      assert.equal(read.ok, false);
    }
  });

  it('refuses a header that is no JSON object, or cut off', async () => {
    assert.match(await refusal('[1]', 0), /not a JSON object/);
    assert.match(await refusal('{"a":', 0), /not a JSON object/);
    assert.match(await refusal('null', 0), /not a JSON object/);
    const { bytes } = safetensorsHeader(denseTensors({}));
    const cut = await readSafetensorsHeader(sourceOf(bytes.subarray(0, 100)));
    assert.equal(cut.ok, false);
    const notText = rawSafetensorsHeader('{"aaaa":1}');
    notText[10] = 0xff;
    const broken = await readSafetensorsHeader(sourceOf(notText));
    assert.ok(!broken.ok && broken.failure.detail.includes('UTF-8'));
  });

  it('refuses tensors outside the file, overlapping, or of another size than their shape', async () => {
    assert.match(await refusal(`{"a":${entry('F32', [4], 0, 16)}}`, 15), /"a" lies outside/);
    assert.match(await refusal(`{"a":${entry('F32', [4], 16, 0)}}`, 64), /outside/);
    assert.match(await refusal(`{"a":${entry('F32', [4], -16, 0)}}`, 64), /describes "a" wrongly/);
    assert.match(await refusal(`{"a":${entry('F32', [5], 0, 16)}}`, 64), /F32 \[5\]/);
    assert.match(await refusal(`{"a":${entry('F32', [1e300, 0.5], 0, 16)}}`, 64), /wrongly/);
    const overlapping = `{"a":${entry('F32', [4], 0, 16)},"b":${entry('F32', [4], 12, 28)}}`;
    assert.match(await refusal(overlapping, 64), /"a" and "b" overlap/);
    const wide = entry('F32', [2 ** 40, 2 ** 40], 0, 16);
    assert.match(await refusal(`{"a":${wide}}`, 64), /has 16 bytes/);
  });

  it('refuses entries without their parts, and names that come twice', async () => {
    assert.match(await refusal('{"a":{"dtype":"F32"}}', 64), /describes "a" wrongly/);
    assert.match(await refusal('{"a":null}', 64), /describes "a" wrongly/);
    const twice = `{"a":${entry('F32', [4], 0, 16)},"a":${entry('F32', [4], 16, 32)}}`;
    assert.match(await refusal(twice, 64), /has "a" twice/);
  });

  it('takes a dtype that is newer than the table at its word', async () => {
    const bytes = rawSafetensorsHeader(`{"a":${entry('F2_X', [64], 0, 16)}}`);
    const read = await readSafetensorsHeader(sourceOf(bytes, bytes.length + 16));
    assert.ok(read.ok);
    assert.equal(read.value[0]?.bytes, 16);
  });

  it('survives random damage (2,000 mutations)', async () => {
    const random = seededRandom(20261121);
    const { bytes, dataBytes } = safetensorsHeader(denseTensors({ num_hidden_layers: 1 }));
    for (let round = 0; round < 2000; round++) {
      const copy = bytes.slice();
      for (let hits = 1 + Math.floor(random() * 4); hits > 0; hits--)
        copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
      const size = random() < 0.2 ? Math.floor(random() * copy.length) : copy.length + dataBytes;
      const read = await readSafetensorsHeader(sourceOf(copy, size));
      if (read.ok) assert.ok(read.value.every((tensor) => tensor.bytes <= dataBytes));
      else assert.ok(read.failure.detail.length > 0 && read.failure.detail.length < 400);
    }
  });

  it('reads an index, and refuses one that leads elsewhere', () => {
    const index = parseSafetensorsIndex(
      '{"metadata":{"total_size":30},"weight_map":{"a":"x-1.safetensors","b":"x-2.safetensors","c":"x-1.safetensors"}}',
    );
    assert.deepEqual(index.ok && index.value, {
      files: ['x-1.safetensors', 'x-2.safetensors'],
      tensorCount: 3,
      totalBytes: 30,
    });
    for (const bad of [
      '',
      '[]',
      '{}',
      '{"weight_map":{"a":7}}',
      '{"weight_map":{"a":"../secret"}}',
      '{"weight_map":{"a":"..\\\\x"}}',
    ])
      assert.equal(parseSafetensorsIndex(bad).ok, false, bad);
  });

  it('finds a key that an object has twice, in any depth, and no other', () => {
    assert.equal(findDuplicateKey('{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}'), null);
    assert.equal(findDuplicateKey('{"a":"a\\":1,\\"a","b":"{"}'), null);
    assert.equal(findDuplicateKey('{"x":{"a":1,"b":2,"a" : 3}}'), 'a');
    assert.equal(findDuplicateKey('{"a":1,"b":[{"c":1}],"a":2}'), 'a');
  });
});
