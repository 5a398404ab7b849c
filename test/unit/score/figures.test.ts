import assert from 'node:assert/strict';
import { FITTED, FITTED_FACTS } from '../../../src/planner/vllm/fittedNumbers';
import { breakdownOf, figureOf, type Measurement } from '../../score/figures';
import { fitsTo, withFits } from '../../score/fits';
import { measureLeftOut } from '../../score/leaveOneOut';
import { startupCases } from '../../support/startupCases';
import { describeWithData } from '../../support/sharedData';

const measured = (error: number, holds: boolean, family = 'a'): Measurement => ({
  figure: 'a figure',
  engine: 'vllm',
  id: `${family} ${String(error)}`,
  family,
  version: '1',
  error,
  range: { holds, width: 0.5 },
  why: '',
});

describe('score', () => {
  it('meets a goal only where mean, worst and ranges all do', () => {
    const list = [measured(0.01, true), measured(0.03, false)];
    assert.equal(figureOf(list, { mean: 0.02 })?.ok, true);
    assert.equal(figureOf(list, { mean: 0.019 })?.ok, false);
    assert.equal(figureOf(list, { worst: 0.02 })?.ok, false);
    assert.equal(figureOf(list, { inRange: 0.6 })?.ok, false);
    assert.equal(figureOf(list, { inRange: 0.5 })?.shareInRange, 0.5);
    assert.equal(figureOf([], { mean: 1 }), null);
  });

  it('breaks down by family', () => {
    const rows = breakdownOf([measured(0.1, true), measured(0.3, true, 'b')], 'family');
    assert.deepEqual(
      rows.map((row) => [row.value, row.mean]),
      [
        ['a', 0.1],
        ['b', 0.3],
      ],
    );
  });

  it('moves a range along with its value', () => {
    const fit = { name: 'sortedSampler', value: 38.2, fitted: 19.1, cases: [] } as const;
    const numbers = withFits(FITTED, [fit]);
    assert.ok(Math.abs(numbers.sortedSampler.low - FITTED.sortedSampler.low / 2) < 1e-9);
    assert.equal(numbers.slack, FITTED.slack);
  });

  it('says of every fitted number what it is and where it comes from', () => {
    for (const [name, fact] of Object.entries(FITTED_FACTS)) {
      assert.ok(fact.unit.length > 0 && fact.reason.length > 10, name);
      for (const id of fact.cases) assert.match(id, /^d-\d{3}$/, name);
      if (fact.low !== undefined && fact.high !== undefined)
        assert.ok(fact.low <= fact.value && fact.value <= fact.high, name);
    }
  });
});

describeWithData('score of the recorded starts', () => {
  const cases = startupCases();

  it(`fits the numbers to ${String(cases.length)} starts again, near what the planner has`, () => {
    const fits = fitsTo(cases, FITTED);
    assert.ok(fits.length >= 10);
    const sampler = fits.find((fit) => fit.name === 'sortedSampler');
    assert.ok(sampler && Math.abs(sampler.fitted / sampler.value - 1) < 0.02);
  });

  it('is as good for a family that no number was fitted to', () => {
    const pools = measureLeftOut(cases).filter((one) => one.figure.startsWith('KV pool'));
    const mean = pools.reduce((sum, one) => sum + one.error, 0) / pools.length;
    console.log(`      ${String(pools.length)} pools, mean ${(mean * 100).toFixed(2)} %`);
    assert.ok(mean <= 0.015);
  });
});
