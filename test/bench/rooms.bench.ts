/** Benchmarks of the pure rooms in plain Node; prints one JSON object. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readSafetensorsHeader } from '../../src/models/safetensors';
import { summarizeWeights } from '../../src/models/weightSummary';
import { plan } from '../../src/planner/plan';
import type { PlanRequest } from '../../src/shared/planRequest';
import { GIB } from '../../src/shared/units';
import { llama8b } from '../fixtures/planner/configs';
import { safetensorsHeader, type TensorSpec } from '../support/modelFiles';
import { timingOf, type Timing } from './measure';

function requestFor(engine: 'vllm' | 'ollama', gpuCount: number): PlanRequest {
  const gpus = Array.from({ length: gpuCount }, () => ({
    name: 'NVIDIA GeForce RTX 4090',
    totalBytes: 24 * GIB,
    freeBytes: 22 * GIB,
    memory: 'dedicated' as const,
  }));
  const gguf = {
    architecture: 'llama',
    block_count: 32,
    embedding_length: 4096,
    head_count: 32,
    head_count_kv: 8,
    vocab_size: 128256,
    context_length: 131072,
    feed_forward_length: 14336,
    fileBytes: 4_920_000_000,
  };
  return engine === 'vllm'
    ? {
        engine,
        model: { name: 'meta-llama/Llama-3.1-8B', config: llama8b },
        gpus,
        options: { gpuMemoryUtilization: 0, maxModelLen: 8192, tensorParallelSize: gpuCount },
      }
    : { engine, model: { name: 'llama3.1:8b', gguf }, gpus, options: { numCtx: 8192 } };
}

/** Twenty servers are re-planned in one go, as a window with many of them does on a change. */
function twentyPlans(engine: 'vllm' | 'ollama', gpuCount: number): () => void {
  const requests = Array.from({ length: 20 }, () => requestFor(engine, gpuCount));
  return () => {
    for (const request of requests) plan(request);
  };
}

async function headerTiming(tensorCount: number, folder: string): Promise<Timing> {
  const tensors: TensorSpec[] = Array.from({ length: tensorCount }, (_, i) => ({
    name: `model.layers.${String(Math.floor(i / 9))}.mlp.${String(i % 9)}.weight`,
    dtype: 'BF16',
    shape: [4096, 128],
  }));
  const { bytes, dataBytes } = safetensorsHeader(tensors);
  const file = path.join(folder, `${String(tensorCount)}.safetensors`);
  fs.writeFileSync(file, bytes);
  fs.truncateSync(file, bytes.length + dataBytes);
  return timingOf(tensorCount > 1000 ? 30 : 200, async () => {
    const handle = await fs.promises.open(file);
    try {
      const header = await readSafetensorsHeader({
        size: bytes.length + dataBytes,
        read: async (offset, length) => {
          const { buffer, bytesRead } = await handle.read(
            new Uint8Array(length),
            0,
            length,
            offset,
          );
          return buffer.subarray(0, bytesRead);
        },
      });
      if (!header.ok || header.value.length !== tensorCount) throw new Error('header not read');
      summarizeWeights(header.value);
    } finally {
      await handle.close();
    }
  });
}

async function main(): Promise<void> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-bench-'));
  try {
    const results: Record<string, Timing> = {};
    for (const engine of ['vllm', 'ollama'] as const)
      for (const gpuCount of [1, 8])
        results[`plan.${engine}.${String(gpuCount)}gpu.20servers`] = await timingOf(
          50,
          twentyPlans(engine, gpuCount),
        );
    for (const tensorCount of [200, 5000])
      results[`header.${String(tensorCount)}tensors`] = await headerTiming(tensorCount, folder);
    console.log(JSON.stringify(results));
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

void main();
