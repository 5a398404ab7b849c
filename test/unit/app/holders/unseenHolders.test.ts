import assert from 'node:assert/strict';
import { initialState, type AppState } from '../../../../src/app/state';
import { settingDefaults } from '../../../../src/app/settings';
import { unseenHoldersOf } from '../../../../src/app/holders/unseenHolders';
import { emptyWish } from '../../../../src/app/planning/wishes';
import { GIB, gpuOf, sampleOf } from '../../../support/fakePorts';

const start = initialState(emptyWish(settingDefaults()));
const gpu = { ...gpuOf(), usedBytes: 20 * GIB };

function stateOf(heldBytes: number, more: Partial<AppState> = {}): AppState {
  const processes = [{ pid: 7, usedBytes: heldBytes, name: null, gpus: [gpu.index] }];
  const sample = { ...sampleOf(), gpus: [gpu], processes };
  return { ...start, ...more, gpu: { ...start.gpu, ...more.gpu, sample } };
}

describe('unseenHoldersOf', () => {
  it('tells how much, and what would show who', () => {
    const unseen = unseenHoldersOf(stateOf(15 * GIB, { blindSpots: ['In a container.'] }), gpu);
    assert.deepEqual(unseen, {
      text: '5.0 GiB unseen',
      reasons: ['In a container.'],
    });
    assert.match(unseenHoldersOf(stateOf(15 * GIB), gpu)?.reasons[0] ?? '', /Nothing is listed/);
  });

  it('is quiet where everything is accounted for, and about figures that are made up', () => {
    assert.equal(unseenHoldersOf(stateOf(20 * GIB), gpu), null);
    const simulated = { ...start.gpu, simulated: true };
    assert.equal(unseenHoldersOf(stateOf(0, { gpu: simulated }), gpu), null);
  });
});
