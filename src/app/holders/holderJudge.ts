/** When processes came, went or changed: whose are they, and how much holds each of our servers. */
import type { GpuProcess, GpuSample } from '../../gpu/gpu';
import type { Holder } from '../../processes/process';
import type { AppContext } from '../appContext';
import { inspect, type CleanerDeps } from './cleaner';
import type { AppState } from '../state';

/**
 * The same processes are judged again after this, because a parent may die. Reading all of /proc costs 0.12 ms of CPU a
 * process (measured with 142): on a machine with many it is read less often, so that it takes 0.1 % of a core at most.
 */
const JUDGE_AGAIN_MS = 30_000;
const JUDGE_AGAIN_MS_PER_PROCESS = 120;
const LATEST_AGAIN_MS = 120_000;

/** Runs until the returned function is called; judgements never overlap. */
export function judgeHolders(context: AppContext, cleaner: CleanerDeps): () => void {
  const { store, clock, log } = context;
  let judging = false;
  let judgedAtMs = -Infinity;
  let judgedFor = '';
  let againMs = JUDGE_AGAIN_MS;
  let blindSpots: readonly string[] = [];

  async function judge(sample: GpuSample): Promise<void> {
    // also the servers' phases: when one ends, its leftovers become orphans
    const circumstances = JSON.stringify([
      sample.processes.map(({ pid, gpus }) => [pid, gpus]),
      store.state().servers.map(({ id, phase }) => [id, phase]),
    ]);
    const known = store.state().holders;
    // without a tool for a while, the list was emptied
    const isKept = known.length > 0 || sample.processes.length === 0;
    const isRecent = clock.elapsedMs() - judgedAtMs < againMs;
    const isFresh = isKept && isRecent && circumstances === judgedFor;
    let holders: readonly Holder[] = withNewFigures(known, sample.processes);
    if (!isFresh) {
      const judged = await inspect(cleaner, sample);
      holders = judged.holders;
      blindSpots = judged.blindSpots;
      judgedAtMs = clock.elapsedMs();
      judgedFor = circumstances;
      const dueMs = judged.table.length * JUDGE_AGAIN_MS_PER_PROCESS;
      againMs = Math.min(LATEST_AGAIN_MS, Math.max(JUDGE_AGAIN_MS, dueMs));
    }
    store.dispatch({
      type: 'holdersJudged',
      holders,
      blindSpots,
      usedByServer: usedByServer(store.state(), holders),
    });
  }

  /** What the last judgement was about; most samples say the same. */
  let last: readonly unknown[] = [];

  return store.watch(
    (state) => state.gpu.sampledAtMs,
    () => {
      const { gpu, servers } = store.state();
      const { sample } = gpu;
      const now = [sample?.processes, servers];
      const isDue = clock.elapsedMs() - judgedAtMs >= againMs;
      if (
        judging ||
        !sample ||
        sample.processesPending ||
        (!isDue && now.every((one, at) => one === last[at]))
      )
        return;
      last = now;
      judging = true;
      judge(sample)
        .catch((error: unknown) =>
          log.error('holders', 'could not be judged', { error: String(error) }),
        )
        .finally(() => {
          judging = false;
        });
    },
  );
}

function withNewFigures(holders: readonly Holder[], processes: readonly GpuProcess[]): Holder[] {
  return holders.map((holder) => {
    const row = processes.find((process) => process.pid === holder.pid);
    return row && row.usedBytes !== holder.usedBytes
      ? { ...holder, usedBytes: row.usedBytes }
      : holder;
  });
}

function usedByServer(state: AppState, holders: readonly Holder[]): ReadonlyMap<string, number> {
  const used = new Map<string, number>();
  for (const server of state.servers) {
    const pids = new Set(server.record?.seen.map((identity) => identity.pid));
    const known = holders.filter((holder) => pids.has(holder.pid) && holder.usedBytes !== null);
    if (server.phase === 'ended' || known.length === 0) continue;
    used.set(
      server.id,
      known.reduce((sum, holder) => sum + (holder.usedBytes ?? 0), 0),
    );
  }
  return used;
}
