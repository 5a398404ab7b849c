import assert from 'node:assert/strict';
import type { ProcessInfo } from '../../../src/processes/process';
import { openPolledProcessTable } from '../../../src/system/polledProcessTable';
import { FakeProcessTable } from '../../support/fakeProcessTable';

const doors = {
  listeningPorts: () => Promise.resolve([]),
  signal: () => Promise.resolve('refused' as const),
  self: () => Promise.resolve({ uid: 1, protectedPids: [1], inContainer: false }),
};

describe('polledProcessTable', () => {
  it('shares a read among all who ask, but never one that began before the question', async () => {
    const fake = new FakeProcessTable();
    const answers: ((rows: readonly ProcessInfo[]) => void)[] = [];
    const table = openPolledProcessTable(
      () => new Promise((resolve) => answers.push(resolve)),
      doors,
    );
    const first = table.all();
    const later = [table.one(7), table.withAncestors([7]), table.all()];
    assert.equal(answers.length, 1);
    answers[0]!([]);
    assert.deepEqual(await first, []);
    await new Promise(setImmediate);
    assert.equal(answers.length, 2);
    const row = fake.add({ pid: 7 });
    answers[1]!([row]);
    assert.deepEqual(await Promise.all(later), [row, [row], [row]]);
    void table.all();
    assert.equal(answers.length, 3, 'old answers are not given');
  });

  it('asks again after a read that failed', async () => {
    let asked = 0;
    const table = openPolledProcessTable(() => {
      asked += 1;
      return asked === 1 ? Promise.reject(new Error('no')) : Promise.resolve([]);
    }, doors);
    const [one, two] = await Promise.allSettled([table.all(), table.all()]);
    assert.deepEqual([one.status, two.status], ['rejected', 'fulfilled']);
    assert.deepEqual(await table.all(), []);
  });
});
