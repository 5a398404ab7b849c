/** Leftovers of servers on record here, as soon as nobody is at work on them any more. */
import type { Holder } from '../../processes/process';
import { formatBytes } from '../../shared/units';
import type { AppState } from '../state';

export interface OrphanNews {
  /** Launches whose leftovers these are. */
  readonly launchIds: readonly string[];
  readonly text: string;
}

/** A server that ends takes some seconds to take its processes along: asked again after this, they are left over. */
export const SETTLED_MS = 15_000;

/** null: nothing that `told` does not know. */
export function orphanNews(
  { holders, servers }: Pick<AppState, 'holders' | 'servers'>,
  told: ReadonlySet<string>,
): OrphanNews | null {
  // a server that still lives, or is being stopped, cleans up itself
  const atWork = new Set(servers.filter(({ phase }) => phase !== 'ended').map(({ id }) => id));
  const left = holders.filter(
    ({ canEnd, launchId }) =>
      canEnd && launchId !== undefined && !told.has(launchId) && !atWork.has(launchId),
  );
  if (left.length === 0) return null;
  const what = left.length === 1 ? 'A process' : `${String(left.length)} processes`;
  return {
    launchIds: [...new Set(left.flatMap(({ launchId }) => launchId ?? []))],
    text: `${what} of a server that is gone still ${left.length === 1 ? 'runs' : 'run'}${held(left)}.`,
  };
}

function held(holders: readonly Holder[]): string {
  const bytes = holders.reduce((sum, { usedBytes }) => sum + (usedBytes ?? 0), 0);
  return bytes > 0 ? ` and ${holders.length === 1 ? 'holds' : 'hold'} ${formatBytes(bytes)}` : '';
}
