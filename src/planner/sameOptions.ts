/** Whether two launches were asked for with the same settings. */
import type { PlanOptions } from '../shared/planRequest';

/** Whatever the order of keys; `null`, absent and the neutral value are one. */
export function sameOptions(a: PlanOptions, b: PlanOptions): boolean {
  const [left, right]: Readonly<Record<string, unknown>>[] = [a, b];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => same(left?.[key], right?.[key]));
}

function same(a: unknown, b: unknown): boolean {
  const plain = (value: unknown) =>
    value === null || value === undefined || value === 'auto' || value === false ? 'auto' : value;
  const [left, right] = [plain(a), plain(b)];
  // One GPU is what absent means.
  if ((left === 1 && right === 'auto') || (left === 'auto' && right === 1)) return true;
  return JSON.stringify(left) === JSON.stringify(right);
}
