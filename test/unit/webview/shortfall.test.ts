import assert from 'node:assert/strict';
import { GIB } from '../../../src/shared/units';
import { findShortfall } from '../../../webview/shortfall';
import { CARD_BYTES, gpuPlan, samplePlan } from './samples';

const holders = [
  { pid: 353996, label: 'python3', usedBytes: 4.7 * GIB, gpus: [0] },
  { pid: 900, label: '', usedBytes: 0.3 * GIB, gpus: [0] },
  { pid: 42, label: 'trainer', usedBytes: 9 * GIB, gpus: [1] },
];
const marks = {
  effective: 0.8,
  smallest: 0.65,
  largest: 0.74,
  recommended: 0.7,
  rule: 'exact' as const,
};
const tightCard = gpuPlan({ freeBytes: 17.88 * GIB });

describe('the warning about memory in use now', () => {
  it('says the arithmetic, the share to choose and who holds the rest', () => {
    const plan = samplePlan({ perGpu: [tightCard], utilization: marks });
    const found = findShortfall(plan, holders, GIB / 2);
    assert.equal(
      found?.text,
      '0.80 × 23.56 GiB = 18.85 GiB wanted, 17.88 GiB free: choose 0.70 (0.75 leaves 0.2 GiB) ' +
        'or free 0.97 GiB (PID 353996 holds 4.7 GiB: python3).',
    );
    assert.equal(found.share, 0.7);
  });

  it('is silent when enough is free, when free memory is unknown and when there is no share', () => {
    assert.equal(findShortfall(samplePlan(), holders, 0), null);
    const unknown = samplePlan({ perGpu: [gpuPlan({ freeBytes: null })] });
    assert.equal(findShortfall(unknown, holders, 0), null);
    assert.equal(
      findShortfall(samplePlan({ perGpu: [tightCard], utilization: null }), [], 0),
      null,
    );
  });

  it('offers a finer share where the next step below would not start the model', () => {
    const plan = samplePlan({ perGpu: [tightCard], utilization: { ...marks, smallest: 0.72 } });
    const found = findShortfall(plan, [], GIB / 2);
    assert.equal(found?.share, 0.74);
    assert.match(found.text, /choose 0\.74 or free 0\.97 GiB\.$/);
  });

  it('offers no share where none would start the model', () => {
    const plan = samplePlan({ perGpu: [tightCard], utilization: { ...marks, smallest: 0.78 } });
    const found = findShortfall(plan, [], GIB / 2);
    assert.equal(found?.share, null);
    assert.match(found.text, /free 0\.97 GiB or a smaller model: this one starts from 0\.78\.$/);
  });

  it('counts the server’s own context, which is taken before the share', () => {
    const perGpu = [gpuPlan({ freeBytes: 19.1 * GIB })];
    const found = findShortfall(
      samplePlan({ perGpu, utilization: { ...marks, largest: 0.78 } }),
      [],
      GIB / 2,
    );
    assert.match(
      found?.text ?? '',
      /19\.10 GiB free, less what the server’s own context takes first: choose 0\.75 or free 0\.47 GiB\.$/,
    );
  });

  it('names the card that lacks most, and the largest holder where none suffices alone', () => {
    const other = gpuPlan({ index: 1, freeBytes: 4 * GIB });
    const plan = samplePlan({ perGpu: [tightCard, other], utilization: marks });
    const found = findShortfall(plan, holders, 0);
    assert.equal(found?.gpuIndex, 1);
    assert.equal(Math.round(found.missingBytes), Math.round(0.8 * CARD_BYTES - 4 * GIB));
    assert.match(found.text, /^GPU 1: .*\(PID 42 holds 9\.0 GiB: trainer\)/);
  });
});
