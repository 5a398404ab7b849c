import assert from 'node:assert/strict';
import { corePlanOf, corePlanUnder } from '../../../../src/planner/vllm/corePlan';
import { planVllm } from '../../../../src/planner/vllm/planVllm';
import type { Plan, Verdict } from '../../../../src/shared/planAnswer';
import type { PlanRequest } from '../../../../src/shared/planRequest';
import { GIB } from '../../../../src/shared/units';
import {
  deepseekV3,
  gemma3_27b,
  llama8b,
  qwen14b,
  qwen3Next,
} from '../../../fixtures/planner/configs';
import { inFull } from '../../../support/effort';
import { seededRandom } from '../../../support/seededRandom';

const COUNT = inFull(7500, 50);
const CONFIGS = [llama8b, qwen14b, gemma3_27b, deepseekV3, qwen3Next];
const VERSIONS = [
  '0.7.3',
  '0.8.5',
  '0.9.2',
  '0.11.0',
  '0.15.0',
  '0.19.1',
  '0.22.0',
  '0.25.1',
  '0.27.0',
  '0.28.0',
  '0.30.0',
  null,
];
const NAMES = [null, 'NVIDIA A100 80GB', 'NVIDIA GeForce RTX 4090', 'Tesla T4', 'NVIDIA GB10'];
const RANK: Record<Verdict, number> = { doesNotFit: 0, unknown: 1, tight: 2, fits: 3 };

function randomRequest(random: () => number): PlanRequest {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const maybe = <T>(value: T): T | null => (random() < 0.5 ? value : null);
  const tp = pick([1, 1, 1, 2, 4]);
  const total = Math.round((8 + random() * 184) * GIB);
  const name = pick(NAMES);
  const free = maybe(Math.round(total * random()));
  return {
    engine: 'vllm',
    engineVersion: pick(VERSIONS),
    model: {
      name: pick(['a/model-7B', 'b/thing', null]),
      config: random() < 0.9 ? pick(CONFIGS) : null,
    },
    gpus: Array.from({ length: tp }, () => ({
      name,
      totalBytes: total,
      freeBytes: free,
      memory: 'dedicated' as const,
    })),
    options: {
      gpuMemoryUtilization: maybe(pick([0, 0.3, 0.5, 0.7, 0.9, 0.95, 1])),
      maxModelLen: pick([512, 2048, 8192, 32768, 100000]),
      maxNumSeqs: maybe(pick([1, 8, 64, 512])),
      maxNumBatchedTokens: maybe(pick([512, 2048, 8192])),
      tensorParallelSize: tp,
      kvCacheDtype: maybe('fp8'),
      enforceEager: maybe(true),
      quantization: maybe('bitsandbytes'),
      enablePrefixCaching: maybe(true),
    },
    coexistence: maybe({ safetyBufferBytes: GIB, ollamaReservationBytes: 0 }),
  };
}

/** Without the functions among them. */
const figuresOf = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const show = (request: PlanRequest): string => JSON.stringify(request).slice(0, 600);

function numbersOf(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(numbersOf);
}

function checkParts(plan: Plan, request: PlanRequest): void {
  assert.ok(numbersOf(plan).every(Number.isFinite), show(request));
  for (const gpu of plan.perGpu) {
    const { weightsBytes, nonTorchBytes, activationBytes, graphBytes, kvCacheBytes, budgetBytes } =
      gpu;
    const parts = [weightsBytes, nonTorchBytes, activationBytes, graphBytes, kvCacheBytes];
    assert.ok(
      parts.every((part) => part !== null && part >= 0),
      show(request),
    );
    const sum = parts.reduce<number>((all, part) => all + (part ?? 0), 0);
    const budget = budgetBytes ?? 0;
    // Where a pool is left, the parts are the budget, with the graphs inside or beside it.
    if ((kvCacheBytes ?? 0) > 0 && request.engineVersion !== '0.8.5')
      assert.ok(
        Math.abs(sum - budget) < 8 || Math.abs(sum - (graphBytes ?? 0) - budget) < 8,
        `${String(sum)} ${String(budget)} ${show(request)}`,
      );
    assert.ok(Math.abs((gpu.freeBytes ?? gpu.totalBytes) - budget - (gpu.leftBytes ?? 0)) < 2);
  }
  for (const [low, high] of Object.values(plan.ranges)) assert.ok(low >= 0 && low <= high);
}

describe(`vLLM plan: ${String(COUNT)} seeded requests`, function () {
  this.timeout(600_000);

  it('have whole, non-negative parts that add up, and no NaN', () => {
    const random = seededRandom(1);
    for (let i = 0; i < COUNT; i++) {
      const request = randomRequest(random);
      checkParts(planVllm(request), request);
    }
  });

  it('never fit less with more memory', () => {
    const random = seededRandom(2);
    for (let i = 0; i < COUNT; i++) {
      const small = randomRequest(random);
      // Defaults follow the card's size; these are fixed so that only memory differs.
      const options = { ...small.options, maxNumSeqs: 16, maxNumBatchedTokens: 2048 };
      const grow = 1 + random();
      const at = (factor: number) =>
        planVllm({
          ...small,
          options,
          gpus: small.gpus.map((gpu) => ({
            ...gpu,
            totalBytes: Math.round(gpu.totalBytes * factor),
            freeBytes: gpu.freeBytes == null ? null : Math.round(gpu.freeBytes * factor),
          })),
        });
      const [before, after] = [at(1), at(grow)];
      assert.ok(RANK[after.verdict] >= RANK[before.verdict], show(small));
      // Auto asks for the same pool on any card.
      if (options.gpuMemoryUtilization !== 0)
        assert.ok((after.kvCache.tokens ?? 0) >= (before.kvCache.tokens ?? 0), show(small));
    }
  });

  it('never need less for a longer context', () => {
    const random = seededRandom(3);
    for (let i = 0; i < COUNT; i++) {
      const request = randomRequest(random);
      const options = { ...request.options, maxNumSeqs: 16, maxNumBatchedTokens: 2048 };
      const at = (maxModelLen: number) =>
        planVllm({ ...request, options: { ...options, maxModelLen } });
      const [short, long] = [at(4096), at(16384)];
      assert.ok(RANK[long.verdict] <= RANK[short.verdict], show(request));
      assert.ok(
        (long.utilization?.smallest ?? 2) >= (short.utilization?.smallest ?? 0),
        show(request),
      );
      // Auto sizes the pool by the wish, a longer one larger: only its rounding decides which holds a hair more.
      if (options.gpuMemoryUtilization === 0) continue;
      assert.ok(
        (long.kvCache.maxConcurrency ?? 0) <= (short.kvCache.maxConcurrency ?? 0) + 1e-9,
        show(request),
      );
    }
  });

  it('get advice that is at least as good as what they asked for', () => {
    const random = seededRandom(4);
    for (let i = 0; i < COUNT / 3; i++) {
      const request = randomRequest(random);
      const plan = planVllm(request);
      for (const advice of plan.advice) {
        assert.ok(RANK[advice.verdictAfter] >= RANK[plan.verdict], advice.id + show(request));
        if (advice.id.startsWith('use-gpu') || request.model.weightsBytes != null) continue;
        const after = planVllm({ ...request, options: { ...request.options, ...advice.change } });
        assert.equal(after.verdict, advice.verdictAfter, advice.id + show(request));
      }
    }
  });

  it('come out the same when a plan is carried over to another share and other free memory', () => {
    const random = seededRandom(6);
    const learned = ['ready', 'failed'].map((result) => ({
      engine: 'vllm',
      model: 'a/model-7B',
      options: { gpuMemoryUtilization: 0.8, maxModelLen: 4096 },
      result,
      causeId: result === 'failed' ? 'kv_cache_too_small' : null,
      facts: { weightsBytes: 15 * GIB, kvCacheBytes: 2 * GIB, freeBytesAtStart: 20 * GIB },
    }));
    for (let i = 0; i < COUNT; i++) {
      const drawn = randomRequest(random);
      const request = random() < 0.5 ? { ...drawn, learned } : drawn;
      const freeBytes = random() < 0.2 ? null : Math.round(200 * GIB * random());
      const other = {
        ...request,
        gpus: request.gpus.map((gpu) => ({ ...gpu, freeBytes })),
        options: { ...request.options, gpuMemoryUtilization: random() },
      };
      const carried = corePlanUnder(corePlanOf(request), other);
      assert.deepEqual(figuresOf(carried), figuresOf(corePlanOf(other)), show(other));
    }
  });

  it('survive configs of nonsense', () => {
    const random = seededRandom(5);
    const junk = [null, -1, 0, 1e18, NaN, 'x', [], {}, true, 3.5];
    for (let i = 0; i < COUNT; i++) {
      const request = randomRequest(random);
      const config: Record<string, unknown> = { ...CONFIGS[i % CONFIGS.length] };
      for (const key of Object.keys(config))
        if (random() < 0.25) config[key] = junk[Math.floor(random() * junk.length)];
      const broken = { ...request, model: { ...request.model, config } };
      checkParts(planVllm(broken), broken);
    }
  });

  it('are planned within a frame', () => {
    const random = seededRandom(6);
    const requests = Array.from({ length: COUNT }, () => randomRequest(random));
    for (const request of requests) planVllm(request);
    const times = requests
      .map((request) => {
        const start = performance.now();
        planVllm(request);
        return performance.now() - start;
      })
      .sort((a, b) => a - b);
    const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
    console.log(`      median ${at(0.5).toFixed(2)} ms, p95 ${at(0.95).toFixed(2)} ms`);
    // Other work may share the cores, which moves the tail; the 2 ms at p95 are the benchmark's to hold.
    assert.ok(at(0.5) < 4);
  });
});
