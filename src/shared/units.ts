/** Bytes, GiB, percent and durations: one reading and one writing of each, for every surface. */

export const KIB = 1024;
export const MIB = 1024 ** 2;
export const GIB = 1024 ** 3;

/** `25757220864` → `"23.99 GiB"`; unknown (`null`) → `"unknown"`. */
export function formatGib(bytes: number | null, digits = 2): string {
  return bytes === null ? 'unknown' : `${(bytes / GIB).toFixed(digits)} GiB`;
}

/** Picks MiB below 1 GiB: `5242880` → `"5 MiB"`. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return 'unknown';
  if (Math.abs(bytes) >= GIB) return formatGib(bytes, 1);
  return `${String(Math.round(bytes / MIB))} MiB`;
}

/** `0.7` → `"70 %"`. */
export function formatPercent(share: number | null): string {
  return share === null ? 'unknown' : `${String(Math.round(share * 100))} %`;
}

/** `131072` → `"131,072"`. */
export function formatCount(count: number | null): string {
  return count === null ? 'unknown' : Math.floor(count).toLocaleString('en-US');
}

/** `95_000` ms → `"1m 35s"`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${String(seconds)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${String(minutes)}m ${String(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? `${String(hours)}h ${String(minutes % 60)}m`
    : `${String(Math.floor(hours / 24))}d`;
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kib: KIB,
  mib: MIB,
  gib: GIB,
  tib: 1024 ** 4,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
};

/** Reads `24GiB`, `24GB`, `512 MiB`; a bare number is bytes. Anything else, or a negative size, is `null`. */
export function parseSize(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = UNIT_BYTES[(match?.[2] ?? '').toLowerCase() || 'b'];
  return match?.[1] === undefined || unit === undefined
    ? null
    : Math.round(Number(match[1]) * unit);
}
