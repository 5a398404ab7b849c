/** When a GPU is too full, where "full" leaves out what our own servers were planned to use. */

export type Pressure = 'ok' | 'tight' | 'full';

/** How full one GPU is. */
export interface Fill {
  readonly totalBytes: number | null;
  readonly usedBytes: number | null;
  /** What our own live servers on this GPU are planned to use; 0 without one. */
  readonly expectedBytes: number;
}

const DEFAULT_WARN_PERCENT = 85;

/** A level is left only this far below where it is entered, so that a reading that wavers doesn't blink. */
const HYSTERESIS_PERCENT = 3;

/**
 * Share of the room outside the plans that is taken, in percent: (used − expected) / (total − expected), 0 … 100.
 * A vLLM server at 0.90 alone on its card is at 0, not at 90. With nothing planned it is used / total.
 * null where the GPU doesn't say.
 */
export function unplannedPercent(fill: Fill): number | null {
  const { totalBytes, usedBytes } = fill;
  if (totalBytes === null || usedBytes === null || totalBytes <= 0) return null;
  const expectedBytes = Math.max(0, fill.expectedBytes);
  const unplannedBytes = Math.max(0, usedBytes - expectedBytes);
  const roomBytes = totalBytes - expectedBytes;
  if (roomBytes <= 0) return unplannedBytes > 0 ? 100 : 0;
  return Math.min(100, (unplannedBytes / roomBytes) * 100);
}

/**
 * `tight` from `warnPercent`, `full` from two thirds of the way to 100 (95 for 85); null where the GPU doesn't say.
 * `previous` is the last answer for the same GPU.
 */
export function judgePressure(
  fill: Fill,
  previous: Pressure | null,
  warnPercent = DEFAULT_WARN_PERCENT,
): Pressure | null {
  const percent = unplannedPercent(fill);
  if (percent === null) return null;
  const tightFrom = Math.min(100, Math.max(1, warnPercent));
  const fullFrom = tightFrom + ((100 - tightFrom) * 2) / 3;
  const stay = (level: boolean) => (level ? HYSTERESIS_PERCENT : 0);
  if (percent >= fullFrom - stay(previous === 'full')) return 'full';
  return percent >= tightFrom - stay(previous === 'full' || previous === 'tight') ? 'tight' : 'ok';
}
