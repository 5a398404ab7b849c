/** Every start scored with numbers that its own family had no part in. */
import { FITTED } from '../../src/planner/vllm/fittedNumbers';
import type { StartupCase } from '../support/startupCases';
import { groupBy, type Goal, type Measurement } from './figures';
import { fitsTo, withFits } from './fits';
import { measureStartups, STARTUP_GOALS } from './startups';

/** Figures that depend on fitted numbers. */
const FIGURES: ReadonlySet<string> = new Set([
  'KV pool, weights given',
  'KV pool, weights given, total logged',
  'activation',
  'non-torch memory',
  'CUDA graphs',
]);

export const leftOutTitle = (figure: string): string => `${figure}; family left out`;

/** What must hold for models that nothing was fitted to as well. */
export const LEFT_OUT_GOALS: Readonly<Record<string, Goal>> = Object.fromEntries(
  ['KV pool, weights given, total logged', 'KV pool, weights given', 'activation'].map((figure) => [
    leftOutTitle(figure),
    STARTUP_GOALS[figure] ?? {},
  ]),
);

export function measureLeftOut(cases: readonly StartupCase[]): Measurement[] {
  return [...groupBy(cases, (one) => one.family).values()].flatMap((family) => {
    const others = cases.filter((one) => !family.includes(one));
    const numbers = withFits(FITTED, fitsTo(others, FITTED));
    return measureStartups(family, numbers)
      .filter((one) => FIGURES.has(one.figure))
      .map((one) => ({ ...one, figure: leftOutTitle(one.figure) }));
  });
}
