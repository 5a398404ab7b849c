import assert from 'node:assert/strict';
import { GIB } from '../../../src/shared/units';
import {
  contextPicks,
  formatShare,
  markUnits,
  parseGib,
  parseTokens,
  parseUtilization,
  placeOnSlider,
  shareForPool,
  shareForRequests,
  shortTokens,
  sliderMarks,
  spokenUtilization,
} from '../../../webview/scales';
import { CARD_BYTES, gpuPlan, samplePlan } from './samples';

describe('the utilization field', () => {
  it('takes every share that vLLM accepts, percent and auto', () => {
    const good: [string, number][] = [
      ['0.7', 0.7],
      [' 1 ', 1],
      ['.55', 0.55],
      ['0,82', 0.82],
      ['82 %', 0.82],
      ['0.001', 0.001],
      ['auto', 0],
      ['0', 0],
    ];
    for (const [text, share] of good) assert.equal(parseUtilization(text), share, text);
  });

  it('refuses what vLLM refuses', () => {
    for (const text of ['', '1.01', '-0.5', '0.0', 'much', '0.7.1', '120 %', '1e-1']) {
      assert.equal(parseUtilization(text), null, text);
    }
  });

  it('writes two digits, and more only where they are', () => {
    assert.equal(formatShare(0.7), '0.70');
    assert.equal(formatShare(0.1 + 0.2), '0.30');
    assert.equal(formatShare(0.825), '0.825');
    assert.equal(formatShare(1), '1.00');
  });

  it('keeps shares beyond the slider at its ends', () => {
    assert.equal(placeOnSlider(0.3), 0);
    assert.equal(placeOnSlider(1), 1);
    assert.equal(placeOnSlider(0.5 + 0.225), 0.5);
  });
});

describe('the three linked units', () => {
  it('turn a pool into the share that gives it, byte for byte', () => {
    const plan = samplePlan();
    const pool = plan.perGpu[0]?.kvCacheBytes ?? 0;
    assert.equal(shareForPool(plan, pool), 0.8);
    assert.equal(shareForPool(plan, pool + 0.05 * CARD_BYTES), 0.85);
  });

  it('start from the overheads where the pool is empty', () => {
    const plan = samplePlan({ perGpu: [gpuPlan({ weightsBytes: 20 * GIB, kvCacheBytes: 0 })] });
    const wanted = (20 + 0.1 + 1.4 + 1) * GIB;
    assert.equal(shareForPool(plan, GIB), Math.ceil((wanted / CARD_BYTES) * 100) / 100);
  });

  it('turn requests into a share, and know when they cannot', () => {
    const plan = samplePlan();
    const perRequest = (plan.kvCache.totalBytes ?? 0) / 2.9;
    assert.equal(shareForRequests(plan, 4), shareForPool(plan, 4 * perRequest));
    const unknown = { ...plan.kvCache, maxConcurrency: null, bytesPerToken: null };
    assert.equal(shareForRequests(samplePlan({ kvCache: unknown }), 2), null);
    assert.equal(shareForPool(samplePlan({ perGpu: [] }), GIB), null);
  });

  it('are spoken together', () => {
    const kvCache = { ...samplePlan().kvCache, tokens: 61_214, maxConcurrency: 7.47 };
    assert.equal(
      spokenUtilization(samplePlan({ kvCache }), 0.8),
      '0.80, 18.8 GiB for vLLM, about 61,000 tokens, 7.5 requests at once',
    );
    assert.equal(spokenUtilization(null, 0.7), '0.70');
  });

  it('recommend nothing where no share both starts and passes the check', () => {
    const marks = {
      effective: 0.8,
      smallest: 0.76,
      largest: 0.73,
      recommended: 0.68,
      rule: 'exact' as const,
    };
    assert.equal(sliderMarks(samplePlan({ utilization: marks })).recommended, null);
    assert.equal(sliderMarks(samplePlan()).recommended, 0.75);
    assert.deepEqual(sliderMarks(null), {
      smallest: null,
      recommended: null,
      beside: null,
      largest: null,
    });
  });
});

describe('sizes and lengths as people type them', () => {
  it('reads tokens', () => {
    assert.equal(parseTokens('8192'), 8192);
    assert.equal(parseTokens('8,192'), 8192);
    assert.equal(parseTokens('8k'), 8192);
    for (const text of ['', '0', '-5', '8m', 'all']) assert.equal(parseTokens(text), null, text);
  });

  it('reads GiB', () => {
    assert.equal(parseGib('2'), 2 * GIB);
    assert.equal(parseGib('2.5 GiB'), 2.5 * GIB);
    for (const text of ['', '-1', 'GiB', '3 MiB']) assert.equal(parseGib(text), null, text);
  });

  it('offers the usual lengths and the model’s own maximum', () => {
    assert.deepEqual(contextPicks(4096), [2048, 4096]);
    assert.deepEqual(contextPicks(1024), [1024]);
    assert.deepEqual(contextPicks(40960), [2048, 4096, 8192, 16384, 32768, 40960]);
    assert.deepEqual(contextPicks(131072), [2048, 4096, 8192, 16384, 32768, 131072]);
    assert.equal(shortTokens(40960), '40K');
    assert.equal(shortTokens(1000), '1,000');
  });
});

describe('the marks of the slider', () => {
  const utilization = {
    effective: 0.8,
    smallest: 0.72,
    largest: 0.93,
    recommended: 0.75,
    rule: 'exact' as const,
    marks: {
      smallest: {
        share: 0.72,
        budgetBytes: 17 * GIB,
        kvCacheBytes: 1.5 * GIB,
        tokens: 8192,
        maxConcurrency: 1,
      },
      recommended: {
        share: 0.75,
        budgetBytes: 17.7 * GIB,
        kvCacheBytes: 2.2 * GIB,
        tokens: null,
        maxConcurrency: null,
      },
      beside: null,
      largest: null,
    },
  };
  const plan = samplePlan({ utilization });

  it('say GiB, tokens and requests, short for the eye and in full for the ear', () => {
    assert.deepEqual(markUnits(plan, 'smallest'), {
      pool: '1.5 GiB',
      room: '8,200 · 1.0',
      spoken: '1.5 GiB for KV, 8,200 tokens, 1.0 requests at once',
    });
  });

  it('say no more than is known', () => {
    assert.deepEqual(markUnits(plan, 'recommended'), {
      pool: '2.2 GiB',
      room: '',
      spoken: '2.2 GiB for KV',
    });
    assert.equal(markUnits(plan, 'largest'), null);
    assert.equal(markUnits(null, 'smallest'), null);
    assert.equal(markUnits(samplePlan(), 'smallest'), null);
  });
});
