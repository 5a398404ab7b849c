/** What is left of a launch after its end, and when its record may go. */
import { launchFamily } from '../../processes/family';
import type { GpuProcess } from '../../gpu/gpu';
import type { Holder, LaunchRecord, ProcessInfo } from '../../processes/process';
import { formatGib } from '../../shared/units';
import type { AppContext } from '../appContext';
import { HOLDER_NAMES } from '../holders/holderNames';

/** How often, a second apart, to look whether the processes of an ended launch are gone. */
const GONE_LOOKS = 10;

/** An ended launch is remembered as long as a process of it lives: that is how its orphans are known as ours. */
export async function forgetWhenGone(context: AppContext, id: string): Promise<void> {
  const server = context.store.state().servers.find((one) => one.id === id);
  if (!server?.record) return context.registry.remove(id);
  for (let look = 0; look < GONE_LOOKS; look++) {
    if ((await livingFamily(context, server.record)).length === 0) {
      return context.registry.remove(id);
    }
    await context.clock.sleep(1_000);
  }
  const sample = await context.lookAtGpus();
  const left = await livingFamily(context, server.record);
  if (left.length === 0) return context.registry.remove(id);
  const rows = (sample?.processes ?? []).filter((one) =>
    left.some((process) => process.pid === one.pid),
  );
  const pids = left.map((one) => one.pid);
  const stillHeld = stillHeldText(pids, rows, context.store.state().holders);
  context.store.dispatch({ type: 'serverChanged', id, change: { stillHeld } });
}

async function livingFamily(
  context: AppContext,
  record: LaunchRecord,
): Promise<readonly ProcessInfo[]> {
  return launchFamily(record, await context.table.all()).all;
}

/**
 * e.g. "still held: 4.7 GiB by PID 4711 (orphaned worker)".
 * @param rows what the GPU tool lists of these processes; a sum is said only where each of them is known
 * @param holders as they are judged now
 */
export function stillHeldText(
  pids: readonly number[],
  rows: readonly GpuProcess[],
  holders: readonly Holder[],
): string {
  const bytes = rows.reduce<number | null>(
    (sum, row) => (sum === null || row.usedBytes === null ? null : sum + row.usedBytes),
    0,
  );
  const amount =
    rows.length === 0
      ? 'left over:'
      : bytes === null
        ? 'GPU memory is still held by'
        : `still held: ${formatGib(bytes, 1)} by`;
  const named = pids.map((pid) => {
    const holder = holders.find((one) => one.pid === pid);
    return holder ? `${String(pid)} (${HOLDER_NAMES[holder.class]})` : String(pid);
  });
  return `${amount} PID ${named.join(', ')}`;
}
