import assert from 'node:assert/strict';
import { createTurns, oneAtATime } from '../../../src/shared/turns';
import { settle } from '../../support/fakePorts';

describe('turns', () => {
  it('come one after another, also where one breaks', async () => {
    const inTurn = createTurns();
    const seen: string[] = [];
    const act = (name: string) => async () => {
      seen.push(`${name} begins`);
      await settle();
      seen.push(`${name} ends`);
      if (name === 'a') throw new Error('broken');
      return name;
    };
    const [a, b] = await Promise.allSettled([inTurn(act('a')), inTurn(act('b'))]);
    assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends']);
    assert.equal(a.status, 'rejected');
    assert.equal(b.status === 'fulfilled' && b.value, 'b');
  });

  it('share the next run among all who ask during one', async () => {
    let runs = 0;
    let running = 0;
    const look = oneAtATime(async () => {
      running += 1;
      assert.equal(running, 1);
      runs += 1;
      const run = runs;
      await settle();
      running -= 1;
      return run;
    });
    const first = look();
    const later = [look(), look()];
    assert.deepEqual(await Promise.all([first, ...later]), [1, 2, 2]);
    assert.equal(await look(), 3);
  });
});
