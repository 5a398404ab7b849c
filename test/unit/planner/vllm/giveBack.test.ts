import assert from 'node:assert/strict';
import { giveBack, neededPoolBytes, smallerPool } from '../../../../src/planner/vllm/giveBack';
import { plan } from '../../../../src/planner/plan';
import { parsePlanRequest } from '../../../../src/shared/planRequest';
import { qwen4b } from '../../../fixtures/planner/configs';

const GIB = 2 ** 30;
const pool = {
  utilization: 0.9,
  totalBytes: 24 * GIB,
  poolBytes: 10 * GIB,
  peakShare: 0.3,
  maxConcurrency: 8,
};

describe('what a running pool could give back', () => {
  it('keeps the peak with a fifth of head room', () => {
    assert.equal(neededPoolBytes(pool), 10 * GIB * 0.3 * 1.2);
    // 6.4 of 24 GiB are 0.267 of the card
    const back = giveBack(pool);
    assert.equal(back?.utilization, 0.64);
    assert.equal(back.bytes, Math.floor((0.9 - 0.64) * 24 * GIB));
  });

  it('keeps one request of full length, however little was in use', () => {
    const little = { ...pool, peakShare: 0.01, maxConcurrency: 2 };
    assert.equal(neededPoolBytes(little), 5 * GIB);
    assert.equal(giveBack({ ...little, maxConcurrency: 1 }), null);
  });

  it('has nothing to give back of a pool that was full, or that is small', () => {
    assert.equal(giveBack({ ...pool, peakShare: 0.9 }), null);
    assert.equal(giveBack({ ...pool, poolBytes: 0.3 * GIB }), null);
    assert.equal(smallerPool({ ...pool, peakShare: 1 }), null);
  });

  it('answers nothing to figures that can’t be', () => {
    for (const wrong of [
      { peakShare: 1.5 },
      { peakShare: -1 },
      { poolBytes: 0 },
      { maxConcurrency: 0 },
    ])
      assert.equal(giveBack({ ...pool, ...wrong }), null);
    assert.equal(giveBack({ ...pool, totalBytes: 0 }), null);
  });

  it('names a pool in whole MiB where it was fixed in bytes', () => {
    const smaller = smallerPool({ ...pool, poolBytes: 10 * GIB + 1 });
    assert.equal(smaller?.poolBytes, 3687 * 2 ** 20);
    assert.equal(smaller.bytes, 10 * GIB + 1 - smaller.poolBytes);
  });

  it('agrees with the planner: under the smaller share the pool holds what has to stay', () => {
    const planAt = (gpuMemoryUtilization: number) => {
      const request = parsePlanRequest({
        engine: 'vllm',
        engineVersion: '0.32.0',
        model: { name: 'Qwen3-4B', config: qwen4b, weightsBytes: 8_044_982_272 },
        gpus: [{ name: 'NVIDIA GeForce RTX 4090', totalBytes: 24 * GIB }],
        options: { gpuMemoryUtilization, maxModelLen: 8192 },
      });
      assert.ok(request.ok);
      return plan(request.value);
    };
    let given = 0;
    for (const utilization of [0.6, 0.75, 0.9])
      for (const peakShare of [0.05, 0.2, 0.5, 0.8]) {
        const now = planAt(utilization);
        const poolBytes = now.perGpu[0]?.kvCacheBytes ?? 0;
        const running = { poolBytes, peakShare, maxConcurrency: now.kvCache.maxConcurrency ?? 0 };
        const back = giveBack({ ...running, utilization, totalBytes: 24 * GIB });
        if (!back) continue;
        given += 1;
        const then = planAt(back.utilization);
        assert.ok(
          (then.perGpu[0]?.kvCacheBytes ?? 0) >= (neededPoolBytes(running) ?? Infinity) - 1,
        );
        assert.notEqual(then.verdict, 'doesNotFit');
        assert.ok((then.kvCache.maxConcurrency ?? 0) >= 1);
      }
    assert.ok(given >= 8, String(given));
  });
});
