import assert from 'node:assert/strict';
import type { Wish } from '../../../src/shared/wish';
import { GIB } from '../../../src/shared/units';
import { priceWish } from '../../../webview/planning';
import { llama8b } from '../../fixtures/planner/configs';
import { CARD_BYTES, snapshot } from './samples';

const wish: Wish = {
  engine: 'vllm',
  model: 'someone/llama',
  options: { gpuMemoryUtilization: 0.85, maxModelLen: 8192 },
  extraArguments: [],
  port: null,
};

const priced = (freeGib: number) =>
  priceWish(
    wish,
    snapshot({
      gpus: [
        {
          index: 0,
          name: 'NVIDIA GeForce RTX 4090',
          totalBytes: CARD_BYTES,
          freeBytes: freeGib * GIB,
          usedBytes: CARD_BYTES - freeGib * GIB,
          memory: 'dedicated',
        },
      ],
      model: {
        id: wish.model,
        facts: { name: wish.model, config: llama8b },
        longestContext: null,
        problem: null,
      },
      running: [
        { id: 'small', title: 'small', usedBytes: 2 * GIB, gpus: [0], ours: true },
        { id: 'large', title: 'large', usedBytes: 14 * GIB, gpus: [0], ours: true },
        { id: 'pid-1', title: 'PID 1: game', usedBytes: 2 * GIB, gpus: [0], ours: false },
      ],
    }),
  ).plan.mustStop ?? null;

describe('what must stop, on the page', () => {
  it('is planned from what the snapshot says is running', () => {
    const mustStop = priced(8);
    assert.deepEqual(
      mustStop?.servers.map(({ id }) => id),
      ['large'],
    );
    assert.deepEqual(mustStop.others, [{ title: 'PID 1: game', usedBytes: 2 * GIB }]);
  });

  it('is nothing where there is room', () => {
    assert.equal(priced(22.5), null);
  });
});
