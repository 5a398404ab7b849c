/** Entry of `npm run score`: prints the score as one JSON document; test/scripts/score.mjs shows and keeps it. */
import { FITTED, FITTED_FACTS } from '../../src/planner/vllm/fittedNumbers';
import { ollamaLoads } from '../support/ollamaLoads';
import { startupCases } from '../support/startupCases';
import { breakdownOf, figureOf, groupBy, type Goal, type Measurement } from './figures';
import { fitsTo } from './fits';
import { LEFT_OUT_GOALS, leftOutTitles, measureLeftOut } from './leaveOneOut';
import { LOAD_GOALS, measureLoads } from './ollamaLoads';
import { measurePublicModels, MODEL_GOALS } from './publicModels';
import { measureStartups, STARTUP_GOALS } from './startups';

const WORST = 10;

const startups = startupCases();
const loads = ollamaLoads();
const measurements = [
  ...measureStartups(startups),
  ...measureLeftOut(startups),
  ...measurePublicModels(),
  ...measureLoads(loads),
];
const goals: Readonly<Record<string, Goal>> = {
  ...STARTUP_GOALS,
  ...LEFT_OUT_GOALS,
  ...MODEL_GOALS,
  ...LOAD_GOALS,
};
const byFigure = groupBy(measurements, (one) => one.figure);

/** Verdicts and layers are counts; they stand on their own, only shares can be put in one order. */
const worstOf = (list: readonly Measurement[]): Measurement[] =>
  list
    .filter((one) => one.error > 0 || one.range?.holds === false)
    .toSorted((a, b) => b.error - a.error)
    .slice(0, WORST);

const score = {
  read: { startups: startups.length, loads: loads.length },
  figures: [
    ...new Set(Object.keys(goals).flatMap((title) => [title, ...leftOutTitles(title)])),
  ].flatMap((title) => figureOf(byFigure.get(title) ?? [], goals[title] ?? {}) ?? []),
  worst: Object.fromEntries([...byFigure].map(([title, list]) => [title, worstOf(list)])),
  families: breakdownOf(measurements, 'family'),
  versions: breakdownOf(measurements, 'version'),
  fits: fitsTo(startups, FITTED),
  numbers: FITTED_FACTS,
};
process.stdout.write(`${JSON.stringify(score)}\n`);
