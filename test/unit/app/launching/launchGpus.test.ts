import assert from 'node:assert/strict';
import { launchGpus, shareGpu } from '../../../../src/app/launching/launchGpus';
import type { GpuPlan } from '../../../../src/shared/planAnswer';
import { gpuOf } from '../../../support/fakePorts';

const GPUS = [0, 1, 2].map((index) => gpuOf({ index, uuid: `GPU-${index}${index}-abc` }));
const launch = (planned: readonly number[], env: Record<string, string> = {}) =>
  launchGpus(
    {
      perGpu: planned.map((index) => ({ index }) as GpuPlan),
      command: { file: 'vllm', args: [], env },
    },
    GPUS,
  );

describe('launchGpus', () => {
  it('are those of the plan', () => {
    assert.deepEqual(launch([0]), [0]);
    assert.deepEqual(launch([0, 1]), [0, 1]);
  });

  it('are those that the environment names, as many as the plan uses', () => {
    assert.deepEqual(launch([0], { CUDA_VISIBLE_DEVICES: '2' }), [2]);
    assert.deepEqual(launch([0], { CUDA_VISIBLE_DEVICES: '2,1' }), [2]);
    assert.deepEqual(launch([0, 1], { CUDA_VISIBLE_DEVICES: 'GPU-22, 0' }), [2, 0]);
  });

  it('may be any where the name says nothing', () => {
    assert.deepEqual(launch([0], { CUDA_VISIBLE_DEVICES: 'MIG-1' }), [0, 1, 2]);
    assert.deepEqual(launch([0], { CUDA_VISIBLE_DEVICES: 'GPU-' }), [0, 1, 2]);
    assert.deepEqual(launch([]), [0, 1, 2]);
  });

  it('is one place for all where no GPU is known', () => {
    const command = { file: 'vllm', args: [], env: {} };
    assert.deepEqual(launchGpus({ perGpu: [], command }, []), [0]);
  });

  it('are shared by unknown ones with all, by none with nobody', () => {
    assert.equal(shareGpu([0], [1]), false);
    assert.equal(shareGpu([0, 1], [1]), true);
    assert.equal(shareGpu(null, [1]), true);
    assert.equal(shareGpu([], null), false);
  });
});
