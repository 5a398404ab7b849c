/** The share of the GPU a failed launch had asked for, and the next one to try. */
import type { CauseMatch } from '../../logRules';
import { compareVersions } from '../../engineVersion';
import { floorHundredth } from '../../remedies';

/** As given, else the version's default: 0.9, from 0.20 on 0.92. */
export function defaultUtilization(match: CauseMatch): number {
  const given = match.launch.options.gpuMemoryUtilization ?? null;
  if (given !== null) return given;
  const { engineVersion } = match;
  return engineVersion !== null && compareVersions(engineVersion, '0.20') >= 0 ? 0.92 : 0.9;
}

/** Below this a smaller share costs more KV than it can bring. */
const LOWEST = 0.5;

/** null: low enough already, or the KV pool was fixed in bytes and the share has no say. */
export function lowerUtilization(match: CauseMatch, step: number): number | null {
  if ((match.launch.options.kvCacheMemoryBytes ?? null) !== null) return null;
  const share = floorHundredth(defaultUtilization(match) - step);
  return share >= LOWEST ? share : null;
}

/** For people; honest where the log does not tell it. */
export function shareText(match: CauseMatch): string {
  const share = String(defaultUtilization(match));
  return (match.launch.options.gpuMemoryUtilization ?? null) === null
    ? `${share} (the default, unless the command set another)`
    : share;
}
