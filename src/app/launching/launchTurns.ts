/** The parts by which all windows of this machine agree on who starts when, wired together. */
import type { AppContext } from '../appContext';
import { createLaunchLock } from './launchLock';
import { createLaunchQueue, type LaunchQueue } from './launchQueue';
import type { Observer } from '../servers/observer';
import { createSharedLaunches, type SharedLaunches } from '../servers/sharedLaunches';

export interface LaunchTurns {
  readonly shared: SharedLaunches;
  readonly queue: LaunchQueue;
}

/** `lockFolder`: the same for all windows. */
export function createLaunchTurns(
  context: AppContext,
  observer: Observer,
  lockFolder: string,
): LaunchTurns {
  const { registry } = context;
  const shared = createSharedLaunches(context, observer);
  const isSettled = async (id: string) => {
    if (await registry.fateOf(id)) return true;
    const saved = await registry.read(id);
    return saved !== null && saved.readyAtMs !== null;
  };
  const lock = createLaunchLock({ ...context, isSettled }, lockFolder);
  return { shared, queue: createLaunchQueue(context, { lock, sync: () => shared.sync() }) };
}
