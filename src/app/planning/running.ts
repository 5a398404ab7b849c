/** What holds GPU memory now, as a plan takes it: servers of ours, which may stop for another, and others, only named. */
import type { RunningServer } from '../../shared/planRequest';
import { shortCommand } from '../holders/shortCommand';
import type { Settings } from '../settings';
import type { AppState, Server } from '../state';

export function runningOf(
  { servers, holders }: Pick<AppState, 'servers' | 'holders'>,
  settings: Pick<Settings, 'cleanUp.protect'>,
): RunningServer[] {
  const isPinned = (title: string, args: readonly string[]): boolean =>
    settings['cleanUp.protect'].some(
      (part) => part !== '' && [title, ...args].some((text) => text.includes(part)),
    );
  const own = servers
    .filter(({ phase, queued }) => (phase === 'starting' && queued === null) || phase === 'ready')
    .map((server): RunningServer => ({
      id: server.id,
      title: server.title,
      usedBytes: server.usedBytes,
      gpus: server.gpus === null ? null : [...server.gpus],
      ours: server.origin === 'started',
      // Nobody asks it anything yet, but it is being waited for.
      idle: server.phase === 'starting' ? false : isIdle(server),
      pinned: isPinned(server.title, server.command.args),
    }));
  const others = holders
    .filter(({ class: kind }) => kind !== 'ourServer' && kind !== 'adoptedServer')
    .map((holder): RunningServer => ({
      id: `pid-${String(holder.pid)}`,
      title: `PID ${String(holder.pid)}: ${shortCommand(holder.command)}`,
      usedBytes: holder.usedBytes,
      gpus: [...holder.gpus],
      ours: false,
    }));
  return [...own, ...others];
}

/** As it tells itself; null: it does not, or is not asked. */
function isIdle({ live }: Server): boolean | null {
  if (live?.runningRequests == null) return null;
  return live.runningRequests + (live.waitingRequests ?? 0) === 0;
}
