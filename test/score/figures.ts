/** What the score is made of: one measurement per figure and case, and the table row that a figure's measurements give. */

export type Engine = 'vllm' | 'ollama';

export interface Measurement {
  readonly figure: string;
  readonly engine: Engine;
  /** Id of the recorded case, or the name of the published model. */
  readonly id: string;
  readonly family: string;
  readonly version: string;
  /** Distance from the truth in the figure's own measure: a share, or a number of layers. For a verdict 1: wrong, 0: right. */
  readonly error: number;
  /** null: the figure has no range. */
  readonly range: { readonly holds: boolean; readonly width: number } | null;
  /** What is off and by how much, computed. */
  readonly why: string;
}

export interface Goal {
  readonly mean?: number;
  readonly worst?: number;
  /** Share of ranges that hold the truth. */
  readonly inRange?: number;
}

export interface Figure {
  readonly figure: string;
  readonly engine: Engine;
  readonly cases: number;
  readonly mean: number;
  readonly worst: number;
  readonly shareInRange: number | null;
  readonly meanRangeWidth: number | null;
  readonly goal: Goal;
  readonly ok: boolean;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** Never without cases: a figure that could not be measured is no success. */
export function figureOf(measurements: readonly Measurement[], goal: Goal): Figure | null {
  const [first] = measurements;
  if (!first) return null;
  const errors = measurements.map((one) => one.error);
  const ranges = measurements.flatMap((one) => one.range ?? []);
  const shareInRange = ranges.length === 0 ? null : mean(ranges.map((one) => Number(one.holds)));
  const result = { mean: mean(errors), worst: Math.max(...errors) };
  const isMet = (value: number | null, limit: number | undefined) =>
    limit === undefined || (value !== null && value <= limit + 1e-9);
  return {
    figure: first.figure,
    engine: first.engine,
    cases: measurements.length,
    ...result,
    shareInRange,
    meanRangeWidth: ranges.length === 0 ? null : mean(ranges.map((one) => one.width)),
    goal,
    ok:
      isMet(result.mean, goal.mean) &&
      isMet(result.worst, goal.worst) &&
      (goal.inRange === undefined || (shareInRange !== null && shareInRange >= goal.inRange)),
  };
}

/** `Map.groupBy`, which Node 20 does not have. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

export interface Breakdown {
  readonly figure: string;
  readonly by: 'family' | 'version';
  readonly value: string;
  readonly cases: number;
  readonly mean: number;
  readonly worst: number;
}

export function breakdownOf(
  measurements: readonly Measurement[],
  by: Breakdown['by'],
): Breakdown[] {
  return [...groupBy(measurements, (one) => `${one.figure}\n${one[by]}`).values()]
    .flatMap((group) => {
      const [first] = group;
      if (!first) return [];
      const errors = group.map((one) => one.error);
      return {
        figure: first.figure,
        by,
        value: first[by],
        cases: group.length,
        mean: mean(errors),
        worst: Math.max(...errors),
      };
    })
    .sort((a, b) => a.figure.localeCompare(b.figure) || a.value.localeCompare(b.value));
}
