import assert from 'node:assert/strict';
import { readModel } from '../../../../src/app/models/modelReader';
import type { ModelReading } from '../../../../src/app/models/modelReading';
import type { Result } from '../../../../src/shared/failure';
import { cpuMs } from '../../../support/cpuTime';
import { memoryFiles, type MemoryFiles } from '../../../support/memoryFiles';
import {
  denseTensors,
  ggufBytes,
  modelFolderFiles,
  rawSafetensorsHeader,
  specBytes,
  type GgufFixture,
} from '../../../support/modelFiles';

const config = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  num_hidden_layers: 2,
  hidden_size: 64,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  intermediate_size: 128,
  vocab_size: 256,
  max_position_embeddings: 40960,
  tie_word_embeddings: false,
  torch_dtype: 'bfloat16',
};
const allBytes = denseTensors(config).reduce((sum, tensor) => sum + specBytes(tensor), 0);

const gguf: GgufFixture = {
  metadata: [
    ['general.architecture', 'qwen3'],
    ['qwen3.block_count', 1],
    ['qwen3.context_length', 32768],
    ['qwen3.embedding_length', 64],
    ['qwen3.attention.head_count', 4],
  ],
  tensors: [
    { name: 'token_embd.weight', type: 1, shape: [64, 100], bytes: 12800 },
    { name: 'blk.0.ffn_up.weight', type: 1, shape: [64, 100], bytes: 12800 },
  ],
};

const read = (
  files: MemoryFiles,
  path: string,
  cacheFolders: readonly string[] = [],
): Promise<Result<ModelReading>> => readModel(files, path, { cacheFolders });

async function readOk(
  files: MemoryFiles,
  path: string,
  cacheFolders: readonly string[] = [],
): Promise<ModelReading> {
  const reading = await read(files, path, cacheFolders);
  assert.ok(reading.ok, reading.ok ? '' : reading.failure.detail);
  return reading.value;
}

async function refused(
  files: MemoryFiles,
  path: string,
  cacheFolders: readonly string[] = [],
): Promise<string> {
  const reading = await read(files, path, cacheFolders);
  assert.equal(reading.ok, false);
  return `${reading.failure.reason}: ${reading.failure.detail}`;
}

describe('modelReader', () => {
  it('reads a folder with one file of weights, by its headers', async () => {
    const files = memoryFiles(modelFolderFiles('/models/tiny', config));
    const reading = await readOk(files, '/models/tiny');
    assert.equal(reading.basis, 'headers');
    assert.equal(reading.longestContext, 40960);
    assert.deepEqual(reading.notes, []);
    const { facts } = reading;
    assert.equal(facts.name, 'tiny');
    assert.equal(facts.path, '/models/tiny');
    assert.deepEqual(facts.config, config);
    assert.equal(facts.weights?.totalBytes, allBytes);
    assert.equal(facts.parameterCount, allBytes / 2);
    assert.equal(facts.weightsBytes, null);
  });

  it('reads shards by ranges, never the weights', async () => {
    const files = memoryFiles(modelFolderFiles('/m', config, undefined, 3));
    const reading = await readOk(files, '/m');
    assert.equal(reading.facts.weights?.totalBytes, allBytes);
    assert.equal(reading.facts.weights.tensorCount, denseTensors(config).length);
    const shards = files.reads.filter(({ path }) => path.endsWith('.safetensors'));
    assert.ok(shards.every(({ offset, length }) => offset + length <= 64 * 1024));
    assert.equal(shards.length, 3, 'one read a shard');
  });

  it('reads 200 tensors in milliseconds', async () => {
    const wide = { ...config, num_hidden_layers: 22 };
    const files = memoryFiles(modelFolderFiles('/m', wide));
    await readOk(files, '/m');
    const start = cpuMs();
    const reading = await readOk(files, '/m');
    const ms = cpuMs() - start;
    assert.ok((reading.facts.weights?.tensorCount ?? 0) >= 200);
    assert.ok(ms < 50, `took ${ms.toFixed(1)} ms`);
  });

  it('takes the sizes of PyTorch files, and the config alone', async () => {
    const text = JSON.stringify(config);
    const files = memoryFiles({
      '/bin/config.json': text,
      '/bin/pytorch_model-00001-of-00002.bin': new Uint8Array(1000),
      '/bin/pytorch_model-00002-of-00002.bin': new Uint8Array(500),
      '/bin/training_args.bin': new Uint8Array(77),
      '/alone/config.json': text,
    });
    const pickled = await readOk(files, '/bin');
    assert.equal(pickled.facts.weightsBytes, 1500);
    assert.equal(pickled.basis, 'config');
    assert.match(pickled.notes.join(), /2 PyTorch files/);
    const alone = await readOk(files, '/alone');
    assert.equal(alone.basis, 'config');
    assert.equal(alone.facts.weightsBytes, null);
    assert.equal(alone.facts.weights, null);
    assert.equal(alone.longestContext, 40960);
  });

  it('prefers the transformers layout to a second copy, and caps the length by the tokenizer', async () => {
    const files = memoryFiles({
      ...modelFolderFiles('/m', config),
      '/m/consolidated.safetensors': modelFolderFiles('/x', config)['/x/model.safetensors'] ?? '',
      '/m/tokenizer_config.json': '{"model_max_length": 8192}',
    });
    const reading = await readOk(files, '/m');
    assert.equal(reading.facts.weights?.totalBytes, allBytes);
    assert.equal(reading.longestContext, 8192);
    files.put('/m/tokenizer_config.json', '{"model_max_length": 1e30}');
    assert.equal((await readOk(files, '/m')).longestContext, 40960);
  });

  it('takes quantization from the file that modelopt wrote', async () => {
    const files = memoryFiles({
      ...modelFolderFiles('/m', config),
      '/m/hf_quant_config.json': '{"quantization":{"quant_algo":"NVFP4"}}',
    });
    const quantization = (await readOk(files, '/m')).facts.config?.quantization_config;
    assert.deepEqual(quantization, { quantization: { quant_algo: 'NVFP4' } });
  });

  it('reads a .gguf file, a folder that holds one, its parts, and a blob without extension', async () => {
    const files = memoryFiles({
      '/g/model-Q4_K_M.gguf': ggufBytes(gguf),
      '/g/mmproj-model.gguf': ggufBytes(gguf),
      '/g/README.md': 'text',
      '/parts/big-00001-of-00002.gguf': ggufBytes({
        ...gguf,
        tensors: gguf.tensors.slice(0, 1),
      }),
      '/parts/big-00002-of-00002.gguf': ggufBytes({ metadata: [], tensors: gguf.tensors.slice(1) }),
      '/blobs/sha256-abc': ggufBytes(gguf),
    });
    const one = await readOk(files, '/g/model-Q4_K_M.gguf');
    assert.equal(one.basis, 'gguf');
    const { gguf: ownFacts } = one.facts;
    assert.equal(ownFacts?.projector_bytes, 25600, 'of the projector beside it');
    assert.match(one.notes.join(), /mmproj-model\.gguf lies beside it/);
    assert.equal(one.longestContext, 32768);
    assert.equal(one.facts.name, 'model-Q4_K_M.gguf');
    assert.deepEqual(one.facts.gguf?.layer_bytes, [12800]);
    assert.equal((await readOk(files, '/g')).facts.path, '/g/model-Q4_K_M.gguf');
    for (const path of ['/parts', '/parts/big-00001-of-00002.gguf']) {
      const split = await readOk(files, path);
      assert.equal(split.facts.gguf?.tensor_bytes_total, 25600);
      assert.deepEqual(split.facts.gguf.layer_bytes, [12800]);
    }
    assert.equal((await readOk(files, '/blobs/sha256-abc')).basis, 'gguf');
    await files.remove('/parts/big-00002-of-00002.gguf');
    assert.match(await refused(files, '/parts'), /notFound: .*big-00002-of-00002.gguf is missing/);
    files.put('/g/other.gguf', ggufBytes(gguf));
    assert.match(await refused(files, '/g'), /invalid: .*holds 2 .gguf files .*choose one/);
  });

  describe('Hugging Face cache', () => {
    function cache(): MemoryFiles {
      const files = memoryFiles({ '/cache/hub/models--Org--Tiny/refs/main': 'abc123\n' });
      const folder = '/cache/hub/models--Org--Tiny';
      for (const [path, content] of Object.entries(modelFolderFiles('', config))) {
        files.put(`${folder}/blobs/${path.slice(1)}.blob`, content);
        files.link(`${folder}/snapshots/abc123${path}`, `../../blobs/${path.slice(1)}.blob`);
      }
      files.put(`${folder}/snapshots/old/config.json`, '{}');
      return files;
    }

    it('follows refs/main and the links to blobs', async () => {
      const files = cache();
      for (const path of [
        '/cache/hub/models--Org--Tiny',
        '/cache/hub/models--Org--Tiny/snapshots/abc123',
      ]) {
        const reading = await readOk(files, path);
        assert.equal(reading.facts.name, 'Org/Tiny', path);
        assert.equal(reading.facts.weights?.totalBytes, allBytes);
      }
    });

    it('finds a bare name in the cache, given as the hub folder or the one above', async () => {
      for (const folder of ['/cache', '/cache/hub']) {
        const reading = await readOk(cache(), 'Org/Tiny', ['/nowhere', folder]);
        assert.equal(reading.basis, 'headers');
        assert.equal(reading.facts.name, 'Org/Tiny');
      }
    });

    it('says no more than the name while a download has only begun', async () => {
      const files = memoryFiles({ '/c/models--O--N-7B/refs/main': 'r' });
      files.putFolder('/c/models--O--N-7B/snapshots/r');
      assert.equal((await readOk(files, 'O/N-7B', ['/c'])).basis, 'name');
    });

    it('takes sizes from the index where shards are still missing', async () => {
      const contents = modelFolderFiles('/c/models--O--N/snapshots/r', config, undefined, 3);
      const files = memoryFiles({ '/c/models--O--N/refs/main': 'r', ...contents });
      await files.remove('/c/models--O--N/snapshots/r/model-00002-of-00003.safetensors');
      const reading = await readOk(files, 'O/N', ['/c']);
      assert.equal(reading.basis, 'config');
      assert.equal(reading.facts.weightsBytes, allBytes);
      assert.match(reading.notes.join(), /1 of 3 weight files are not here/);
    });

    it('is not led out of the cache by a name or a ref', async () => {
      const files = memoryFiles({
        '/c/models--O--N/refs/main': '../../../secret',
        '/secret/config.json': '{}',
      });
      assert.equal((await readOk(files, 'O/N-7B', ['/c'])).basis, 'name');
      assert.equal((await readOk(files, 'O/N', ['/c'])).basis, 'default');
      assert.equal((await readOk(files, 'O/..x', ['/c'])).basis, 'default');
    });
  });

  it('answers a bare name with what the name says', async () => {
    const files = memoryFiles();
    const named = await readOk(files, 'meta-llama/Llama-3.1-8B-AWQ');
    assert.deepEqual(named.facts, { name: 'meta-llama/Llama-3.1-8B-AWQ' });
    assert.equal(named.basis, 'name');
    assert.match(named.notes.join(), /8 billion parameters, stored as awq/);
    const nothing = await readOk(files, 'gpt2');
    assert.equal(nothing.basis, 'default');
    assert.match(nothing.notes.join(), /7 GB/);
    assert.equal((await readOk(files, 'hf.co/user/repo-7B:Q4_K_M')).basis, 'name');
  });

  it('tells a path that is missing from a name', async () => {
    const files = memoryFiles();
    for (const path of ['/no/such', './x', '../x', '~/x', 'C:\\models\\x', 'a/b/c', 'x.gguf'])
      assert.match(await refused(files, path), /^notFound: /, path);
    assert.match(await refused(files, '  '), /^invalid: /);
  });

  it('refuses what is no model, with the reason', async () => {
    const files = memoryFiles({
      '/docs/readme.md': 'x',
      '/lora/adapter_config.json': '{}',
      '/lora/adapter_model.safetensors': 'x',
      '/empty-config/config.json': '{}',
      '/notes.txt': 'some text',
    });
    files.putFolder('/empty');
    assert.match(await refused(files, '/docs'), /notFound: \/docs holds no model/);
    assert.match(await refused(files, '/empty'), /holds no model/);
    assert.match(await refused(files, '/lora'), /only a LoRA adapter/);
    assert.match(await refused(files, '/empty-config'), /describes no model/);
    assert.match(await refused(files, '/notes.txt'), /neither a model folder nor/);
  });

  it('names the file that is broken', async () => {
    const broken = async (path: string, content: string | Uint8Array): Promise<string> => {
      const files = memoryFiles(modelFolderFiles('/m', config, undefined, 2));
      files.put(path, content);
      return refused(files, '/m');
    };
    assert.match(await broken('/m/config.json', '{"a":'), /config.json is not a JSON object/);
    assert.match(await broken('/m/config.json', '[1]'), /config.json is not a JSON object/);
    const shard = '/m/model-00002-of-00002.safetensors';
    for (const bad of [
      new Uint8Array(0),
      new Uint8Array(8),
      rawSafetensorsHeader('{}', 2n ** 60n),
      rawSafetensorsHeader('{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'),
    ])
      assert.match(
        await broken(shard, bad),
        /invalid: .*model-00002-of-00002.safetensors can't be/,
      );
    assert.match(
      await broken('/m/model.safetensors.index.json', '{"weight_map":{"a":"../../etc/passwd"}}'),
      /index.json can't be used: .*not a file beside it/,
    );
    const files = memoryFiles({ '/x.gguf': new TextEncoder().encode('GGUFxxxxxxxxxxxxxxxxxxxxx') });
    assert.match(await refused(files, '/x.gguf'), /\/x.gguf can't be used/);
  });

  it('names a file that may not be read', async () => {
    const files = memoryFiles(modelFolderFiles('/m', config));
    files.forbid('/m/model.safetensors');
    assert.match(await refused(files, '/m'), /model.safetensors can't be used/);
    files.forbid('/m/config.json');
    assert.match(await refused(files, '/m'), /unreadable: .*config.json/);
  });

  it('ignores single fields that can not be, and says so', async () => {
    const files = memoryFiles({
      '/m/config.json': JSON.stringify({ ...config, num_hidden_layers: -1 }),
    });
    const reading = await readOk(files, '/m');
    assert.deepEqual(reading.notes, ['config.json: num_hidden_layers is -1; ignored.']);
  });
});
