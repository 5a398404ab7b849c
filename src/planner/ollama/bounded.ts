/** A figure with its honest bounds; `low <= point <= high`. */
export interface Bounded {
  readonly low: number;
  readonly point: number;
  readonly high: number;
}

/** Which end of every range a placement is computed for. */
export type Scenario = keyof Bounded;

/** All three the same. */
export const exactly = (value: number): Bounded => ({ low: value, point: value, high: value });

/** Bounds around a figure, repaired where a rule would put one on the wrong side. */
export const around = (point: number, low: number, high: number): Bounded => ({
  low: Math.max(0, Math.min(low, point)),
  point,
  high: Math.max(high, point),
});
