import assert from 'node:assert/strict';
import { completeGpu } from '../../../src/gpu/completeGpu';
import type { GpuSample } from '../../../src/gpu/gpu';
import { emptyHistory, historyOf, remember } from '../../../src/gpu/history';

const gpu = (index: number, usedBytes: number | null, uuid: string | null = `GPU-${index}`) =>
  completeGpu(index, { uuid, usedBytes });
const sample = (...gpus: ReturnType<typeof gpu>[]): GpuSample => ({
  gpus,
  processes: [],
  problems: [],
});

describe('history', () => {
  it('keeps the newest points per GPU, oldest first', () => {
    let history = emptyHistory(3);
    for (let at = 1; at <= 5; at++) history = remember(history, sample(gpu(0, at * 10)), at);
    assert.deepEqual(historyOf(history, gpu(0, 0)), [
      { atMs: 3, usedBytes: 30 },
      { atMs: 4, usedBytes: 40 },
      { atMs: 5, usedBytes: 50 },
    ]);
  });

  it('follows a card whose index changed', () => {
    let history = remember(emptyHistory(4), sample(gpu(0, 1, 'GPU-a'), gpu(1, 2, 'GPU-b')), 1);
    history = remember(history, sample(gpu(0, 3, 'GPU-b'), gpu(1, 4, 'GPU-a')), 2);
    assert.deepEqual(
      historyOf(history, gpu(7, null, 'GPU-a')).map((point) => point.usedBytes),
      [1, 4],
    );
  });

  it('shows a gap for a missing card, then forgets it', () => {
    let history = remember(emptyHistory(2), sample(gpu(0, 1), gpu(1, null, null)), 1);
    history = remember(history, sample(), 2);
    assert.deepEqual(
      historyOf(history, gpu(0, 0)).map((point) => point.usedBytes),
      [1, null],
    );
    history = remember(history, sample(), 3);
    assert.deepEqual(history.series, {});
  });

  it('starts over when the clock was set back, and never changes what it was given', () => {
    const first = remember(emptyHistory(5), sample(gpu(0, 1)), 100);
    const back = remember(first, sample(gpu(0, 2)), 50);
    assert.deepEqual(historyOf(back, gpu(0, 0)), [{ atMs: 50, usedBytes: 2 }]);
    assert.equal(historyOf(first, gpu(0, 0)).length, 1);
  });
});
