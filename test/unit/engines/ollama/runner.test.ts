import assert from 'node:assert/strict';
import { readModelBlob } from '../../../../src/engines/ollama/api';
import { createPullReader } from '../../../../src/engines/ollama/pull';
import { readRunner, runnerDifferences } from '../../../../src/engines/ollama/runner';
import { describeWithData, readDataJson } from '../../../support/sharedData';

const BLOB = 'd567bd2f35aef22112c6535817fcf139d29a12385762a12d034227a5e2f375ca';
const runner = (...more: string[]) => [
  '/opt/ollama/lib/ollama/llama-server',
  '--model',
  `/m/blobs/sha256-${BLOB}`,
  '-c',
  '8192',
  ...more,
];

describe("a runner's arguments", () => {
  it('tell its file and its settings', () => {
    assert.deepEqual(
      readRunner(runner('-np', '4', '--cache-type-k', 'q8_0', '--flash-attn', 'on')),
      {
        blob: BLOB,
        options: { numParallel: 4, kvCacheType: 'q8_0', flashAttention: true },
      },
    );
    assert.deepEqual(readRunner(runner('-np', '1', '--flash-attn', 'auto')).options, {
      numParallel: 1,
      kvCacheType: 'f16',
      flashAttention: null,
    });
  });

  it('of 0.24 tell the file alone, of its own engine nothing', () => {
    const args = ['/usr/bin/ollama', 'runner', '--model', `/m/blobs/sha256-${BLOB}`];
    assert.deepEqual(readRunner(args), { blob: BLOB, options: null });
    assert.deepEqual(readRunner(['/usr/bin/ollama', 'runner', '--ollama-engine']), {
      blob: null,
      options: null,
    });
  });

  it('are compared with what was planned, where both are known', () => {
    const real = readRunner(runner('-np', '1', '--flash-attn', 'off'));
    assert.deepEqual(
      runnerDifferences({ numParallel: 4, kvCacheType: 'q8_0', flashAttention: true }, real),
      [
        '1 instead of 4 parallel requests (OLLAMA_NUM_PARALLEL)',
        'a KV cache in f16 instead of q8_0 (OLLAMA_KV_CACHE_TYPE)',
        'flash attention off (OLLAMA_FLASH_ATTENTION)',
      ],
    );
    assert.deepEqual(runnerDifferences({ numParallel: 1, kvCacheType: null }, real), []);
    assert.deepEqual(runnerDifferences({ numParallel: 4 }, { blob: null, options: null }), []);
  });
});

interface Recorded {
  readonly json: unknown;
}

describeWithData('runners and models as recorded', () => {
  it('name the same file', () => {
    const tree = readDataJson('ollama-cpu-runs', 'v0.32.15-process-tree.json') as {
      runners: { cmdline: string[] }[];
    };
    const show = readDataJson('ollama-cpu-runs', 'v0.32.15-api-show.json') as Recorded;
    console.log(`      ${String(tree.runners.length)} runner, 1 model`);
    const [first] = tree.runners;
    assert.ok(first);
    assert.equal(readRunner(first.cmdline).blob, readModelBlob(JSON.stringify(show.json)));
    assert.equal(readRunner(first.cmdline).options?.numParallel, 1);
  });
});

describe('a download', () => {
  const line = (digest: string, completed: number | undefined, total: number) =>
    `${JSON.stringify({ status: `pulling ${digest}`, digest, total, completed })}\n`;

  it('adds up its layers, however the answer is cut', () => {
    const text =
      '{"status":"pulling manifest"}\n' +
      line('sha256:a', undefined, 100) +
      line('sha256:a', 60, 100) +
      line('sha256:b', 5, 5) +
      line('sha256:a', 40, 100);
    for (const size of [1, 7, 1000]) {
      const reader = createPullReader();
      assert.equal(reader.progress(), null);
      for (let at = 0; at < text.length; at += size) reader.push(text.slice(at, at + size));
      assert.deepEqual(reader.progress(), { done: 45, total: 105 });
      assert.equal(reader.end(), null, 'broken off');
      reader.push('{"status":"success"}');
      assert.equal(reader.end(), 'success');
    }
  });

  it('ends with the words of the daemon, and takes nothing from lines that are none', () => {
    const reader = createPullReader();
    reader.push(
      '<html>\n[]\n{"total":"x"}\n{"error":"pull model manifest: file does not exist"}\n',
    );
    assert.equal(reader.progress(), null);
    assert.deepEqual(reader.end(), { error: 'pull model manifest: file does not exist' });
  });
});
