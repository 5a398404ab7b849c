import assert from 'node:assert/strict';
import { firstLook } from '../../../../src/app/gpus/firstLook';
import { fakeContext } from '../../../support/fakePorts';

describe('the first look', () => {
  const begin = () => {
    const { store, clock } = fakeContext();
    let isOver = false;
    void firstLook(store, clock).then(() => {
      isOver = true;
    });
    return { store, clock, isOver: () => isOver };
  };

  it('is over with the first answer, whatever it says', async () => {
    const { store, clock, isOver } = begin();
    await clock.pass(100);
    assert.equal(isOver(), false);
    store.dispatch({ type: 'noGpuTool' });
    await clock.pass(0);
    assert.equal(isOver(), true);
  });

  it('is waited for a quarter of a second only', async () => {
    const { clock, isOver } = begin();
    await clock.pass(249);
    assert.equal(isOver(), false);
    await clock.pass(1);
    assert.equal(isOver(), true);
  });
});
