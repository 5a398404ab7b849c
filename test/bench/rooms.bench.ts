/** How long model headers and servers' outputs take to read; prints one JSON object. Plans: plan.bench.ts. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { LogReader } from '../../src/engines/engine';
import { createOllamaLogReader } from '../../src/engines/ollama/log';
import { createVllmLogReader } from '../../src/engines/vllm/log';
import type { ByteSource } from '../../src/models/byteSource';
import { readGgufHeader } from '../../src/models/gguf';
import { ggufFacts } from '../../src/models/ggufFacts';
import { readSafetensorsHeader } from '../../src/models/safetensors';
import { summarizeWeights } from '../../src/models/weightSummary';
import { safetensorsHeader, writeGguf, writeSparse, type TensorSpec } from '../support/modelFiles';
import { timingOf, type Timing } from './measure';

async function headerTiming(tensorCount: number, folder: string): Promise<Timing> {
  const tensors: TensorSpec[] = Array.from({ length: tensorCount }, (_, i) => ({
    name: `model.layers.${String(Math.floor(i / 9))}.mlp.${String(i % 9)}.weight`,
    dtype: 'BF16',
    shape: [4096, 128],
  }));
  const { bytes, dataBytes } = safetensorsHeader(tensors);
  const file = path.join(folder, `${String(tensorCount)}.safetensors`);
  writeSparse(file, bytes, dataBytes);
  return timingOf(tensorCount > 1000 ? 30 : 200, () =>
    fromFile(file, async (source) => {
      const header = await readSafetensorsHeader(source);
      if (!header.ok || header.value.length !== tensorCount) throw new Error('header not read');
      summarizeWeights(header.value);
    }),
  );
}

/** A vocabulary of 256,000 words with its scores and merges, and 5,000 tensors: about 17 MB of header. */
async function ggufTiming(folder: string): Promise<Timing> {
  const words = Array.from({ length: 256_000 }, (_, i) => `word${String(i)}`);
  const file = path.join(folder, 'vocabulary.gguf');
  writeGguf(file, {
    metadata: [
      ['general.architecture', 'llama'],
      ['llama.block_count', 500],
      ['tokenizer.ggml.tokens', { array: 'string', values: words }],
      ['tokenizer.ggml.scores', { array: 'f32', values: words.map((_, i) => i) }],
      ['tokenizer.ggml.merges', { array: 'string', values: words }],
    ],
    tensors: Array.from({ length: 5000 }, (_, i) => ({
      name: `blk.${String(i % 500)}.part${String(i)}.weight`,
      type: 12,
      shape: [256, 256],
      bytes: 256 * 144,
    })),
  });
  return timingOf(20, () =>
    fromFile(file, async (source) => {
      const header = await readGgufHeader(source);
      if (!header.ok || header.value.tensors.length !== 5000) throw new Error('header not read');
      ggufFacts(header.value);
    }),
  );
}

/** Lines as servers print them while they serve, which is nearly all they ever print; with figures of our own. */
const SERVING: Readonly<Record<string, (at: number) => string>> = {
  vllm: (at) =>
    `(APIServer pid=12) INFO:     127.0.0.1:${String(40_000 + (at % 9_000))} - "POST /v1/chat/completions HTTP/1.1" 200 OK\n` +
    `(APIServer pid=12) INFO 01-02 03:04:05 [loggers.py:1] Engine 000: Avg prompt throughput: ${String(at)}.5 tokens/s, Avg generation throughput: 12.5 tokens/s, Running: 3 reqs, Waiting: 0 reqs, GPU KV cache usage: 3.5%, Prefix cache hit rate: 0.0%\n`,
  ollama: (at) =>
    `[GIN] 2026/01/02 - 03:04:05 | 200 |  ${String(at % 900)}.5ms |       127.0.0.1 | POST     "/api/chat"\n` +
    `slot update_slots: id  0 | task ${String(at)} | prompt processing progress, n_tokens = 2048, batch.n_tokens = 2048, progress = 0.5\n`,
};
const LOG_BYTES = 10_000_000;

/** 10 MB, in pieces as a terminal brings them; 200 ms are 50 MB/s. */
async function logTiming(engine: string, create: () => LogReader): Promise<Timing> {
  const line = SERVING[engine] ?? String;
  let text = '';
  for (let at = 0; text.length < LOG_BYTES; at++) text += line(at);
  return timingOf(10, () => {
    const reader = create();
    for (let at = 0; at < text.length; at += 65_536) reader.push(text.slice(at, at + 65_536));
    return Promise.resolve();
  });
}

async function fromFile(file: string, read: (source: ByteSource) => Promise<void>): Promise<void> {
  const handle = await fs.promises.open(file);
  try {
    await read({
      size: (await handle.stat()).size,
      read: async (offset, length) => {
        const bytes = new Uint8Array(length);
        const { bytesRead } = await handle.read(bytes, 0, length, offset);
        return bytes.subarray(0, bytesRead);
      },
    });
  } finally {
    await handle.close();
  }
}

async function main(): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-bench-'));
  try {
    const results: Record<string, Timing> = {};
    results['log.vllm.10MB'] = await logTiming('vllm', createVllmLogReader);
    results['log.ollama.10MB'] = await logTiming('ollama', createOllamaLogReader);
    for (const tensorCount of [200, 5000])
      results[`header.${String(tensorCount)}tensors`] = await headerTiming(tensorCount, folder);
    results['header.gguf.256kWords.5000tensors'] = await ggufTiming(folder);
    console.log(JSON.stringify(results));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

void main();
