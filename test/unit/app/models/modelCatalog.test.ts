import assert from 'node:assert/strict';
import { listModels, type CatalogSources } from '../../../../src/app/models/modelCatalog';
import { memoryFiles } from '../../../support/memoryFiles';
import { modelFolderFiles } from '../../../support/modelFiles';

const config = { model_type: 'llama', num_hidden_layers: 1, hidden_size: 64 };
const none: CatalogSources = { cacheFolders: [], roots: [], ollamaTags: [] };
const tag = {
  name: 'qwen3:4b',
  sizeBytes: 2 * 1024 ** 3,
  digest: null,
  family: 'qwen3',
  parameterSize: '4.0B',
  quantization: 'Q4_K_M',
};

describe('modelCatalog', () => {
  it('lists tags, cached models, folders and files, with their size', async () => {
    const files = memoryFiles({
      '/hf/hub/models--Org--Tiny/refs/main': 'r1',
      ...modelFolderFiles('/hf/hub/models--Org--Tiny/snapshots/r1', config),
      '/hf/hub/models--Org--Gguf/refs/main': 'r1',
      '/hf/hub/models--Org--Gguf/snapshots/r1/x-Q4_K_M.gguf': new Uint8Array(2 * 1024 ** 2),
      '/hf/hub/datasets--Org--Data/refs/main': 'r1',
      '/hf/hub/version.txt': '1',
      ...modelFolderFiles('/data/models/Qwen2.5-7B', config),
      '/data/models/gguf/a.gguf': new Uint8Array(1024 ** 2),
      '/data/models/gguf/mmproj-a.gguf': new Uint8Array(10),
      '/data/models/gguf/big-00001-of-00002.gguf': new Uint8Array(10),
      '/data/models/gguf/big-00002-of-00002.gguf': new Uint8Array(10),
    });
    const choices = await listModels(files, {
      cacheFolders: ['/hf'],
      roots: ['/data'],
      ollamaTags: [tag],
    });
    assert.deepEqual(
      choices.map(({ id, label, source }) => [id, label, source]),
      [
        ['qwen3:4b', 'qwen3:4b', 'ollama'],
        ['Org/Tiny', 'Org/Tiny', 'huggingFaceCache'],
        [
          '/hf/hub/models--Org--Gguf/snapshots/r1/x-Q4_K_M.gguf',
          'Org/Gguf · x-Q4_K_M.gguf',
          'gguf',
        ],
        ['/data/models/Qwen2.5-7B', 'Qwen2.5-7B', 'folder'],
        ['/data/models/gguf/a.gguf', 'a.gguf', 'gguf'],
        ['/data/models/gguf/big-00001-of-00002.gguf', 'big-00001-of-00002.gguf', 'gguf'],
      ],
    );
    assert.equal(choices[0]?.detail, 'Ollama · 4.0B · Q4_K_M · 2.0 GiB');
    assert.match(choices[4]?.detail ?? '', /^1 MiB · /);
  });

  it('lists a model that is reached twice once', async () => {
    const files = memoryFiles(modelFolderFiles('/data/m', config));
    files.link('/data/again', '/data/m');
    files.link('/data/loop', '/data');
    const choices = await listModels(files, { ...none, roots: ['/data', '/data', '/data/loop'] });
    assert.equal(choices.length, 1);
  });

  it('looks three levels deep and not into hidden or built folders', async () => {
    const files = memoryFiles({
      ...modelFolderFiles('/r/1/2/3', config),
      ...modelFolderFiles('/r/1/2/x/4', config),
      ...modelFolderFiles('/r/.hidden', config),
      ...modelFolderFiles('/r/node_modules/m', config),
    });
    const choices = await listModels(files, { ...none, roots: ['/r'] });
    assert.deepEqual(
      choices.map(({ id }) => id),
      ['/r/1/2/3'],
    );
  });

  it('stops at 500', async () => {
    const files = memoryFiles();
    for (let index = 0; index < 700; index++)
      files.put(`/r/m${String(index)}/config.json`, '{"hidden_size":1}');
    assert.equal((await listModels(files, { ...none, roots: ['/r'] })).length, 500);
  });

  it('leaves out what can not be read', async () => {
    const files = memoryFiles(modelFolderFiles('/r/m', config));
    files.link('/r/broken', '/nowhere');
    files.link('/r/a', '/r/b');
    files.link('/r/b', '/r/a');
    files.forbid('/r/m');
    const choices = await listModels(files, {
      ...none,
      roots: ['/r', '/missing'],
      cacheFolders: ['/missing'],
    });
    assert.deepEqual(choices, []);
  });
});
