/** Where memory is going, in sentences. What our own servers take was planned and is not told. */
import type { GpuTrend, Growth } from '../../gpu/trend';
import { formatBytes, formatDuration } from '../../shared/units';
import type { Trends } from './history';
import { shortCommand } from '../holders/shortCommand';
import { liveServers, type AppState } from '../state';

/** Of one GPU, or of all (null). */
export function trendLines(
  state: AppState,
  trends: Trends,
  only: number | null = null,
): readonly string[] {
  return [...trends]
    .filter(([index]) => only === null || index === only)
    .flatMap(([index, trend]) =>
      linesOf(state, index, trend).map((text) => `GPU ${String(index)}: ${text}`),
    );
}

function linesOf(state: AppState, index: number, { growth, fullInMs }: GpuTrend): string[] {
  const isStarting = liveServers(state).some(
    ({ phase, gpus }) => phase === 'starting' && (gpus === null || gpus.includes(index)),
  );
  const unplanned = growth.filter(({ pid }) => !isPlanned(state, pid, isStarting));
  const lines = unplanned.map((one) => growthText(state, one));
  if (fullInMs !== null && !isStarting)
    lines.push(`full in about ${minutesText(fullInMs)} if it goes on like this.`);
  return lines;
}

/** While one of ours starts, memory may be its own that nobody is named for, or somebody who is not judged yet. */
function isPlanned(state: AppState, pid: number | null, isStarting: boolean): boolean {
  const holder = state.holders.find((one) => one.pid === pid);
  if (!holder) return isStarting;
  // what a server of ours left behind it took as planned, too
  const isOurs = holder.class === 'ourServer' || holder.class === 'adoptedServer';
  return isOurs || holder.launchId !== undefined;
}

function growthText({ holders }: AppState, { pid, name, grewBytes, overMs }: Growth): string {
  const how = `${formatBytes(grewBytes)} in ${formatDuration(Math.max(1_000, overMs))}`;
  if (pid === null) return `${how} more in use, and the tool doesn't say whose.`;
  const command = holders.find((one) => one.pid === pid)?.command ?? name;
  return `PID ${String(pid)} ${shortCommand(command)} grew by ${how}.`;
}

function minutesText(ms: number): string {
  return ms < 60_000 ? 'a minute' : `${String(Math.round(ms / 60_000))} min`;
}
