/** What a window does first: the figures of its gauge. */
import type { Clock } from '../ports';
import type { AppStore } from '../store';

/** A slow tool, or nobody who looks: the rest goes on without the figures. */
const PATIENCE_MS = 250;

/** Resolves when the GPUs were looked at for the first time, or after a quarter of a second. */
export async function firstLook(store: AppStore, clock: Clock): Promise<void> {
  const over = new AbortController();
  const unwatch = store.watch(
    ({ gpu }) => gpu.status,
    () => over.abort(),
  );
  await clock.sleep(PATIENCE_MS, over.signal);
  unwatch();
}
