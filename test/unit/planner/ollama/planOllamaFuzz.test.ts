/** Random requests, sane and odd: never a throw, a hang or a figure that can't be. */
import assert from 'node:assert/strict';
import { planOllama } from '../../../../src/planner/ollama/planOllama';
import type { Plan } from '../../../../src/shared/planAnswer';
import { parsePlanRequest } from '../../../../src/shared/planRequest';
import { GIB } from '../../../../src/shared/units';
import { inFull } from '../../../support/effort';
import { seededRandom } from '../../../support/seededRandom';

const ODD: readonly unknown[] = [0, -1, 1, 1e9, 1e15, 0.5, null, 'text', [], [1, 2], [0], {}, true];
const ARCHITECTURES = ['llama', 'gemma3', 'gptoss', 'qwen35', 'deepseek2', 'mamba', 'bert', 'zzz'];
const VERSIONS = [
  null,
  '0.1.32',
  '0.3.7',
  '0.6.2',
  '0.9.6',
  '0.11.5',
  '0.20.2',
  '0.30.0',
  '0.33.0',
  'x',
];

function randomRequest(random: () => number): unknown {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const count = (low: number, high: number): number => low + Math.floor(random() * (high - low));
  const gguf: Record<string, unknown> = {
    architecture: pick(ARCHITECTURES),
    block_count: count(1, 100),
    embedding_length: 128 * count(1, 128),
    head_count: count(1, 128),
    head_count_kv: count(1, 32),
    key_length: 32 * count(1, 9),
    value_length: 32 * count(1, 9),
    context_length: 1024 * count(1, 1024),
    sliding_window: pick([null, 128, 1024, 4096]),
    vocab_size: count(1000, 262144),
    feed_forward_length: 256 * count(1, 128),
    expert_count: pick([0, 0, 8, 128]),
    expert_used_count: pick([0, 2, 8]),
    ssm_inner_size: pick([null, null, 4096]),
    ssm_state_size: pick([null, 128]),
    full_attention_interval: pick([null, 4]),
    fileBytes: Math.floor(random() * 200e9),
  };
  const keys = Object.keys(gguf);
  for (let odd = count(0, 4); odd > 1; odd--) gguf[pick(keys)] = pick(ODD);
  return {
    engine: 'ollama',
    engineVersion: pick(VERSIONS),
    model: pick([{ gguf }, { gguf }, { name: 'x:7b' }, { gguf, weightsBytes: count(0, 1e11) }]),
    gpus: Array.from({ length: count(0, 5) }, () => ({
      name: pick([null, 'NVIDIA GeForce RTX 4090', 'Apple M3 Max']),
      totalBytes: count(1, 200) * GIB,
      freeBytes: pick([null, 0, count(1, 200) * GIB]),
      memory: pick(['dedicated', 'unified']),
    })),
    options: {
      numCtx: pick([null, 1, 2048, 131072, 1e7]),
      numParallel: pick([null, 1, 4]),
      kvCacheType: pick([null, 'f16', 'q8_0', 'q4_0', 'nonsense']),
      flashAttention: pick([null, true, false]),
      numGpu: pick([null, null, -1, 0, 7, 999]),
      numBatch: pick([null, 1, 512, 2048]),
    },
    coexistence: pick([null, { ollamaReservationBytes: 0, safetyBufferBytes: GIB }]),
  };
}

function assertSound(plan: Plan, what: string): void {
  const numbers = (value: unknown, path: string): void => {
    if (typeof value === 'number')
      assert.ok(
        Number.isInteger(value) && (value >= 0 || path.endsWith('leftBytes')),
        `${what}: ${path} = ${String(value)}`,
      );
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) numbers(inner, `${path}.${key}`);
  };
  numbers(plan.perGpu, 'perGpu');
  numbers(plan.kvCache, 'kvCache');
  numbers(plan.offload, 'offload');
  numbers(plan.ranges, 'ranges');
  for (const [part, [low, high]] of Object.entries(plan.ranges))
    assert.ok(low <= high, `${what}: ${part}`);
  if (!plan.offload) return;
  const { layersOnGpu, layersTotal, perGpu } = plan.offload;
  assert.equal(
    perGpu.reduce((sum, layers) => sum + layers, 0),
    layersOnGpu,
    what,
  );
  assert.ok(layersOnGpu <= layersTotal, what);
  if (plan.verdict === 'fits') assert.equal(layersOnGpu, layersTotal, what);
  if (plan.verdict === 'fits')
    for (const gpu of plan.perGpu) assert.ok((gpu.leftBytes ?? 0) >= 0, what);
}

describe('planOllama under random requests', function () {
  this.timeout(60_000);
  const count = inFull(2_000, 100);

  it(`stays sound over ${String(count)} of them`, () => {
    for (let seed = 1; seed <= count; seed++) {
      const input = randomRequest(seededRandom(seed));
      const parsed = parsePlanRequest(input);
      assert.ok(parsed.ok, `seed ${String(seed)}: ${JSON.stringify(parsed)}`);
      assertSound(planOllama(parsed.value), `seed ${String(seed)}`);
    }
  });

  it('never fits less with a longer free memory of the same card, batch and context given', () => {
    const rank = { fits: 3, tight: 2, doesNotFit: 1, unknown: 0 };
    for (let seed = 1; seed <= count / 4; seed++) {
      const input = randomRequest(seededRandom(seed)) as Record<string, object>;
      const at = (gib: number): Plan => {
        const parsed = parsePlanRequest({
          ...input,
          gpus: [{ totalBytes: 200 * GIB, freeBytes: gib * GIB }],
          options: { ...input.options, numCtx: 8192, numBatch: 512, numParallel: 1, numGpu: null },
        });
        assert.ok(parsed.ok);
        return planOllama(parsed.value);
      };
      let before = 0;
      for (const gib of [4, 12, 24, 48, 96, 200]) {
        const now = rank[at(gib).verdict];
        assert.ok(now >= before, `seed ${String(seed)} at ${String(gib)} GiB`);
        before = now;
      }
    }
  });
});
