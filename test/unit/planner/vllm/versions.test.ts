import assert from 'node:assert/strict';
import { NEWEST_TABLED_VERSION } from '../../../../src/engines/vllm/flagTable';
import {
  NEWEST_VLLM,
  parseVllmVersion,
  rulesOf,
  VERSION_ROWS,
} from '../../../../src/planner/vllm/versions';

describe('vLLM versions', () => {
  it('reads what builds call themselves', () => {
    assert.deepEqual(parseVllmVersion('0.19.1'), [0, 19, 1]);
    assert.deepEqual(parseVllmVersion('v0.14'), [0, 14, 0]);
    assert.deepEqual(parseVllmVersion('0.8.5.post1'), [0, 8, 5]);
    assert.deepEqual(parseVllmVersion('0.11.0+torch271'), [0, 11, 0]);
    // Built from main after a patch release: already the next minor's rules.
    assert.deepEqual(parseVllmVersion('0.19.2rc1.dev206+g95995bbef'), [0, 20, 0]);
    assert.equal(parseVllmVersion('0.1.dev19754'), null);
    assert.equal(parseVllmVersion('nightly'), null);
  });

  it('takes the newest rules for none, unreadable and newer versions', () => {
    const newest = rulesOf(NEWEST_VLLM).rules;
    for (const version of [null, undefined, 'nightly', '0.99.0', '1.2.3'])
      assert.deepEqual(rulesOf(version).rules, newest);
    assert.equal(rulesOf(null).version, NEWEST_VLLM);
    assert.equal(rulesOf('nightly').given, false);
    assert.equal(NEWEST_VLLM, NEWEST_TABLED_VERSION, 'flags are known of the same release');
  });

  it('changes at the documented boundaries', () => {
    const boundaries: [keyof ReturnType<typeof rulesOf>['rules'], string, string][] = [
      ['freeCheck', '0.9.0', '0.9.1'],
      ['hybridManager', '0.9.0', '0.9.1'],
      ['kvCacheMemoryFlag', '0.10.1', '0.10.2'],
      ['roundsBudgetUp', '0.13.0', '0.14.0'],
      ['asyncScheduling', '0.13.0', '0.14.0'],
      ['groupSizeRatio', '0.17.1', '0.18.0'],
      ['defaultUtilization', '0.19.1', '0.20.0'],
      ['graphsInBudget', '0.19.1', '0.20.0'],
      ['tokensShown', '0.20.1', '0.21.0'],
      ['reservesInFlightBatches', '0.25.1', '0.26.0'],
      ['hybridPrefixCaching', '0.27.1', '0.28.0'],
      ['bitsandbytes', '0.27.1', '0.28.0'],
      ['nullBlock', '0.28.0', '0.29.0'],
      ['packedLayout', '0.28.0', '0.29.0'],
      ['longImageRotary', '0.31.0', '0.32.0'],
      ['gb10IsSmall', '0.32.0', '0.33.0'],
      ['leanSampler', '0.27.1', '0.28.0'],
      ['leanSampler', '0.32.0', '0.33.0'],
    ];
    for (const [rule, before, since] of boundaries)
      assert.notEqual(rulesOf(before).rules[rule], rulesOf(since).rules[rule], rule);
  });

  it('has rows in order, each with a source', () => {
    const order = VERSION_ROWS.map((row) => parseVllmVersion(row.since) ?? [0, 0, 0]);
    const keys = order.map(([a, b, c]) => a * 1e6 + b * 1e3 + c);
    assert.deepEqual(
      keys,
      keys.toSorted((a, b) => a - b),
    );
    assert.ok(VERSION_ROWS.every((row) => row.source.length > 10));
  });
});
