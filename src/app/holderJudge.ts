/** After each sample with processes: whose are they, and how much holds each of our servers. */
import type { GpuProcess, GpuSample } from '../gpu/gpu';
import type { Holder } from '../processes/process';
import type { AppContext } from './appContext';
import { judgeSample, type CleanerDeps } from './cleaner';
import type { AppState } from './state';

/** The same pids are judged again only this often: a parent may die, but reading all of /proc costs 10 ms. */
const JUDGE_AGAIN_MS = 30_000;

/** Runs until the returned function is called; judgements never overlap. */
export function judgeHolders(context: AppContext, cleaner: CleanerDeps): () => void {
  const { store, clock, log } = context;
  let judging = false;
  let judgedAtMs = -Infinity;
  let judgedFor = '';

  async function judge(sample: GpuSample): Promise<void> {
    // also the servers' phases: when one ends, its leftovers become orphans
    const circumstances = JSON.stringify([
      sample.processes.map(({ pid, gpus }) => [pid, gpus]),
      store.state().servers.map(({ id, phase }) => [id, phase]),
    ]);
    const known = store.state().holders;
    const isFresh = circumstances === judgedFor && clock.now() - judgedAtMs < JUDGE_AGAIN_MS;
    const holders = isFresh
      ? withNewFigures(known, sample.processes)
      : await judgeSample(cleaner, sample);
    if (!isFresh) {
      judgedAtMs = clock.now();
      judgedFor = circumstances;
    }
    store.dispatch({
      type: 'holdersJudged',
      holders,
      usedByServer: usedByServer(store.state(), holders),
    });
  }

  return store.watch(
    (state) => state.gpu.sample?.processes,
    () => {
      const { sample } = store.state().gpu;
      if (judging || !sample) return;
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
