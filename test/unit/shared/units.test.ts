import assert from 'node:assert/strict';
import { formatCount, formatDuration, formatGib, parseSize } from '../../../src/shared/units';

describe('units', () => {
  it('reads sizes with their unit and refuses the rest', () => {
    assert.equal(parseSize('24GiB'), 24 * 1024 ** 3);
    assert.equal(parseSize('24GB'), 24e9);
    assert.equal(parseSize('512 MiB'), 512 * 1024 ** 2);
    assert.equal(parseSize('1.5GiB'), 1.5 * 1024 ** 3);
    assert.equal(parseSize('17'), 17);
    for (const bad of ['', 'GiB', '-1GiB', '1e3', '24 apples', 'NaN'])
      assert.equal(parseSize(bad), null);
  });

  it('writes unknown as unknown, never as 0', () => {
    assert.equal(formatGib(null), 'unknown');
    assert.equal(formatCount(null), 'unknown');
  });

  it('writes what people read', () => {
    assert.equal(formatGib(25757220864), '23.99 GiB');
    assert.equal(formatCount(131072), '131,072');
    assert.equal(formatDuration(95_000), '1m 35s');
  });
});
