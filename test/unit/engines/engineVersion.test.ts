import assert from 'node:assert/strict';
import { compareVersions, isWithin } from '../../../src/engines/engineVersion';

describe('engineVersion', () => {
  it('orders by numbers, not by text', () => {
    assert.ok(compareVersions('0.9.2', '0.10.0') < 0);
    assert.ok(compareVersions('v0.32.0+cpu', '0.32') === 0);
    assert.ok(compareVersions('0.8.5.post1', '0.8.5') === 0);
    assert.ok(compareVersions('0.30.0-rc2', '0.24.0') > 0);
  });

  it('takes an unknown version for the newest', () => {
    assert.ok(isWithin({ since: '0.99.0' }, null));
    assert.ok(!isWithin({ until: '0.99.0' }, null));
    assert.ok(isWithin({ since: '0.9.0', until: '0.11.1' }, '0.11.0'));
    assert.ok(!isWithin({ since: '0.9.0', until: '0.11.1' }, '0.11.1'));
  });
});
