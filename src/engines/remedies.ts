/** Small words for the rows of the cause tables. */
import type { PlanOptions } from '../shared/planRequest';
import type { Remedy } from './engine';
import type { CauseMatch, CauseRule, Groups } from './logRules';

/** A remedy that is a setting, or (without `change`) something to do outside. */
export const fix = (summary: string, why: string, change: PlanOptions = {}): Remedy => ({
  summary,
  change,
  why,
});

/** The same for every match of a cause. */
export const always =
  (summary: string, why: string, change: PlanOptions = {}) =>
  (): Remedy =>
    fix(summary, why, change);

/** `null` where the group is missing or no number. */
export function numberIn(groups: Groups, name: string): number | null {
  const text = groups[name];
  if (text === undefined) return null;
  const value = Number(text.replaceAll(',', ''));
  return Number.isFinite(value) ? value : null;
}

/** Rounded down to 0.01; the tiny addition undoes binary fractions such as 0.57 × 100 = 56.99…. */
export const floorHundredth = (share: number): number => Math.floor(share * 100 + 1e-9) / 100;

/** Rounded down to a multiple of `step`, but at least one step. */
export const floorToStep = (value: number, step: number): number =>
  Math.max(step, Math.floor(value / step) * step);

/** MiB below 1 GiB. */
export const sizeText = (gib: number): string => {
  const mib = gib * 1024;
  return gib >= 1 ? gibText(gib) : `${mib.toFixed(mib < 10 ? 1 : 0)} MiB`;
};

/** Two digits: differences of a few MiB decide a start. */
export const gibText = (gib: number): string => `${gib.toFixed(2)} GiB`;

export const beforeReady = ({ stage }: CauseMatch): boolean =>
  stage !== 'ready' && stage !== 'serving' && stage !== 'stopping';

/** Rules that count until the server is ready: later the same words are the fault of one request. */
export const duringStart = (rules: readonly CauseRule[]): readonly CauseRule[] =>
  rules.map((rule) => ({
    ...rule,
    when: (match) => beforeReady(match) && (rule.when?.(match) ?? true),
  }));

/** What the launch asked for, as far as its output told. */
export const askedFor = (match: CauseMatch): PlanOptions => match.launch.options;
