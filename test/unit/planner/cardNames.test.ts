import assert from 'node:assert/strict';
import { cardByName, withCardTotals } from '../../../src/planner/cardNames';
import { MIB } from '../../../src/shared/units';

describe('cardByName', () => {
  it('knows a card by its full name, its short name and with a size', () => {
    for (const name of ['NVIDIA GeForce RTX 4090', 'RTX 4090', 'rtx4090', '4090']) {
      assert.equal(cardByName(name)?.totalBytes, 24564 * MIB, name);
      assert.equal(cardByName(name)?.name, 'NVIDIA GeForce RTX 4090');
    }
    assert.equal(cardByName('A100')?.totalBytes, 40960 * MIB);
    assert.equal(cardByName('NVIDIA A100-SXM4-80GB')?.totalBytes, 81920 * MIB);
    assert.equal(cardByName('H100')?.totalBytes, 81559 * MIB);
    assert.equal(cardByName('4060 Ti 16GB')?.totalBytes, 16380 * MIB);
    assert.equal(cardByName('RTX 4060 Ti')?.totalBytes, 8188 * MIB);
    assert.equal(cardByName('Tesla T4')?.name, 'Tesla T4');
    assert.equal(cardByName('DGX Spark')?.memory, 'unified');
  });

  it('reads the size of a MIG slice', () => {
    const slice = cardByName('NVIDIA A100-SXM4-80GB MIG 1g.10gb');
    assert.equal(slice?.totalBytes, 9728 * MIB);
  });

  it('fills in the total of a GPU whose name leaves no choice', () => {
    const totalOf = (gpu: unknown): unknown => {
      const filled = withCardTotals({ gpus: [gpu] }) as { gpus: { totalBytes?: unknown }[] };
      return filled.gpus[0]?.totalBytes;
    };
    assert.equal(totalOf({ name: 'NVIDIA GeForce RTX 4090' }), 24564 * MIB);
    assert.equal(totalOf({ name: 'NVIDIA A100-SXM4-80GB', totalBytes: null }), 81920 * MIB);
    assert.equal(totalOf({ name: 'NVIDIA A100' }), undefined);
    assert.equal(totalOf({ name: 'NVIDIA GeForce RTX 3060' }), undefined);
    assert.equal(totalOf({ name: 'NVIDIA GeForce RTX 4090', totalBytes: 5 }), 5);
    assert.equal(totalOf({ name: null }), undefined);
    for (const odd of [null, 3, [], { gpus: 3 }, { gpus: [null, 3] }])
      assert.deepEqual(withCardTotals(odd), odd);
  });

  it('does not guess at cards it does not know', () => {
    for (const name of ['RTX 9999', '24', '', 'banana', 'A1000'])
      assert.equal(cardByName(name), null);
  });
});
