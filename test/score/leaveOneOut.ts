/** Every start scored with numbers that its own family, or its own random fifth of all starts, had no part in. */
import { FITTED } from '../../src/planner/vllm/fittedNumbers';
import { seededRandom } from '../support/seededRandom';
import type { StartupCase } from '../support/startupCases';
import { groupBy, type Goal, type Measurement } from './figures';
import { fitsTo, withFits } from './fits';
import { measureStartups, STARTUP_GOALS } from './startups';

interface LeavingOut {
  readonly words: string;
  /** Figures that depend on fitted numbers. */
  readonly figures: ReadonlySet<string>;
  readonly partOf: (cases: readonly StartupCase[]) => (one: StartupCase) => string;
}

const FAMILY: LeavingOut = {
  words: 'family left out',
  figures: new Set([
    'KV pool, weights given',
    'KV pool, weights given, total logged',
    'activation',
    'non-torch memory',
    'CUDA graphs',
  ]),
  partOf: () => (one) => one.family,
};

/** A family brings its versions and cards along; chance mixes them. */
const FIFTHS: LeavingOut = {
  words: 'random fifths left out',
  figures: new Set(['KV pool, weights given', 'activation', 'CUDA graphs']),
  partOf: (cases) => {
    const random = seededRandom(5);
    const order = cases.map((one) => ({ one, place: random() })).sort((a, b) => a.place - b.place);
    const parts = new Map(order.map(({ one }, index) => [one, String(index % 5)]));
    return (one) => parts.get(one) ?? '';
  },
};

const WAYS = [FAMILY, FIFTHS];

const titleOf = (figure: string, { words }: LeavingOut): string => `${figure}; ${words}`;

/** Of a figure, with the family left out first. */
export const leftOutTitles = (figure: string): string[] => WAYS.map((way) => titleOf(figure, way));

/** What must hold for models that nothing was fitted to as well. */
export const LEFT_OUT_GOALS: Readonly<Record<string, Goal>> = Object.fromEntries(
  ['KV pool, weights given, total logged', 'KV pool, weights given', 'activation'].map((figure) => [
    titleOf(figure, FAMILY),
    STARTUP_GOALS[figure] ?? {},
  ]),
);

export function measureLeftOut(cases: readonly StartupCase[]): Measurement[] {
  return WAYS.flatMap((way) =>
    [...groupBy(cases, way.partOf(cases)).values()].flatMap((part) => {
      const others = cases.filter((one) => !part.includes(one));
      const numbers = withFits(FITTED, fitsTo(others, FITTED));
      return measureStartups(part, numbers)
        .filter((one) => way.figures.has(one.figure))
        .map((one) => ({ ...one, figure: titleOf(one.figure, way) }));
    }),
  );
}
