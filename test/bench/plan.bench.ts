/**
 * How long a plan takes: one at a time as the page prices a drag, and twenty in one go as a window with many servers
 * re-plans on a change. No node built-ins: the same runs as it is bundled for the page. Prints one JSON object.
 */
import { plan } from '../../src/planner/plan';
import type { PlanRequest } from '../../src/shared/planRequest';
import { GIB } from '../../src/shared/units';
import { deepseekV3, gemma3_27b, llama8b, qwen14b, qwen3Next } from '../fixtures/planner/configs';
import { timingOf, type Timing } from './measure';
import { llama8bGguf } from '../fixtures/planner/ggufs';

type Engine = 'vllm' | 'ollama';

const cards = (count: number, freeGib: number): PlanRequest['gpus'] =>
  Array.from({ length: count }, () => ({
    name: 'NVIDIA GeForce RTX 4090',
    totalBytes: 24 * GIB,
    freeBytes: freeGib * GIB,
    memory: 'dedicated' as const,
  }));

/** `freeGib` 22: it fits. 10: it does not, so that every piece of advice is planned as well. */
function requestFor(
  engine: Engine,
  gpuCount: number,
  freeGib: number,
  config: Record<string, unknown> = llama8b,
): PlanRequest {
  const gpus = cards(gpuCount, freeGib);
  return engine === 'vllm'
    ? {
        engine,
        model: { name: 'someone/model', config },
        gpus,
        options: { gpuMemoryUtilization: 0.9, maxModelLen: 8192, tensorParallelSize: gpuCount },
      }
    : {
        engine,
        model: {
          name: 'llama3.1:8b',
          gguf: { ...llama8bGguf, fileBytes: freeGib < 22 ? 16e9 : 4.92e9 },
        },
        gpus,
        options: { numCtx: 8192 },
      };
}

/** What one start and one failure taught. */
const learned = (request: PlanRequest): PlanRequest => ({
  ...request,
  learned: Array.from({ length: 12 }, (_, index) => ({
    engine: 'vllm',
    engineVersion: null,
    model: 'someone/model',
    gpuName: null,
    options: { gpuMemoryUtilization: 0.9, maxModelLen: 4096 * (index + 1) },
    result: index % 2 ? 'failed' : 'ready',
    causeId: index % 2 ? 'kv_cache_too_small' : null,
    facts: { weightsBytes: 16e9, kvCacheBytes: 2e9 },
  })),
});

const running = (request: PlanRequest): PlanRequest => ({
  ...request,
  running: Array.from({ length: 20 }, (_, index) => ({
    id: String(index),
    title: `server ${String(index)}`,
    usedBytes: GIB,
    gpus: [0],
    ours: true,
  })),
});

async function main(): Promise<void> {
  const results: Record<string, Timing | { readonly ms: number }> = {};
  // Before anything is compiled or read, as a window's first plan is.
  const startMs = performance.now();
  plan(requestFor('vllm', 1, 10));
  results['firstPlan.vllm'] = { ms: Number((performance.now() - startMs).toFixed(3)) };
  const one = async (name: string, request: PlanRequest) => {
    results[`plan.${name}`] = await timingOf(200, () => plan(request));
  };
  for (const engine of ['vllm', 'ollama'] as const)
    for (const gpuCount of [1, 8]) {
      const name = `${engine}.${String(gpuCount)}gpu`;
      await one(`${name}.fits`, requestFor(engine, gpuCount, 22));
      await one(`${name}.doesNotFit`, requestFor(engine, gpuCount, 10));
      const twenty = Array.from({ length: 20 }, (_, index) =>
        requestFor(engine, gpuCount, index % 2 ? 22 : 10),
      );
      results[`plan.${name}.20servers`] = await timingOf(50, () => twenty.map(plan));
    }
  const models = { qwen14b, gemma3_27b, qwen3Next, deepseekV3 };
  for (const [name, config] of Object.entries(models))
    await one(`vllm.1gpu.${name}.doesNotFit`, requestFor('vllm', 1, 10, config));
  await one('vllm.1gpu.12learned', learned(requestFor('vllm', 1, 10)));
  await one('vllm.1gpu.20running', running(requestFor('vllm', 1, 10)));
  console.log(JSON.stringify(results));
}

void main();
