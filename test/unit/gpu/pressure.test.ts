import assert from 'node:assert/strict';
import { judgePressure, unplannedPercent } from '../../../src/gpu/pressure';
import { GIB } from '../../../src/shared/units';

const fill = (usedGib: number, expectedGib = 0, totalGib = 24) => ({
  totalBytes: totalGib * GIB,
  usedBytes: usedGib * GIB,
  expectedBytes: expectedGib * GIB,
});

describe('pressure', () => {
  it('is used / total where nothing is planned', () => {
    assert.equal(unplannedPercent(fill(12)), 50);
    assert.equal(judgePressure(fill(20.3), null), 'ok');
    assert.equal(judgePressure(fill(20.5), null), 'tight');
    assert.equal(judgePressure(fill(22.9), null), 'full');
  });

  it('leaves out what our own servers were planned to use', () => {
    assert.equal(judgePressure(fill(22, 21.6), null), 'ok');
    assert.equal(judgePressure(fill(24, 21.6), null), 'full');
    assert.equal(judgePressure(fill(23.75, 21.6), null), 'tight');
    assert.equal(unplannedPercent(fill(5, 21.6)), 0);
  });

  it('is whole where the plan takes the whole card and more is used', () => {
    assert.equal(unplannedPercent(fill(24, 24)), 0);
    assert.equal(unplannedPercent(fill(24.1, 24)), 100);
  });

  it('does not blink around a limit', () => {
    const levels = [20.3, 20.5, 20.3, 20.0, 19.6, 20.3].reduce<string[]>((seen, used) => {
      const previous = seen.at(-1) as 'ok' | 'tight' | undefined;
      return [...seen, judgePressure(fill(used), previous ?? null) ?? 'unknown'];
    }, []);
    assert.deepEqual(levels, ['ok', 'tight', 'tight', 'tight', 'ok', 'ok']);
    assert.equal(judgePressure(fill(22.5), 'full'), 'full');
    assert.equal(judgePressure(fill(22.5), 'tight'), 'tight');
  });

  it('follows the warn percent', () => {
    assert.equal(judgePressure(fill(12.1), null, 50), 'tight');
    assert.equal(judgePressure(fill(23.9), null, 100), 'ok');
    assert.equal(judgePressure(fill(24), null, 100), 'full');
  });

  it('is unknown where the GPU does not say', () => {
    assert.equal(judgePressure({ totalBytes: null, usedBytes: 1, expectedBytes: 0 }, 'full'), null);
    assert.equal(judgePressure({ totalBytes: 8, usedBytes: null, expectedBytes: 0 }, null), null);
  });
});
