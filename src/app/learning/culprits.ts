/** Who else was at work on the card while a start failed for lack of memory: one sentence each. */
import { lessonKind } from '../../learning/causes';
import { formatBytes } from '../../shared/units';
import { shareGpu } from '../launching/launchGpus';
import { disturbanceText } from '../servers/serverText';
import type { AppState, Server } from '../state';

/** What the start found taken is to blame for these, not only what grew meanwhile. */
const FOUND_TAKEN = /^(free_memory_check|oom_init_gpu_shared)$/;
const MAX_NAMED = 3;
const WORTH_NAMING_BYTES = 256 * 2 ** 20;

export function culpritsOf(server: Server, state: Pick<AppState, 'servers' | 'holders'>): string[] {
  const id = server.diagnosis?.cause?.id ?? 'unknown';
  const isMemory = lessonKind(id) === 'memory';
  if (!isMemory && id !== 'unknown') return [];
  const grown = server.disturbances
    .filter(({ grewBytes }) => grewBytes > 0)
    .sort((a, b) => b.grewBytes - a.grewBytes);
  const moved = grown.length > 0 ? grown : server.disturbances;
  const known = new Set(moved.map(({ pid }) => pid));
  return [
    ...moved.slice(0, MAX_NAMED).map((one) => `${disturbanceText(one)}.`),
    ...besides(server, state.servers).map(
      (one) => `${one.title} was starting on the same GPU beside it.`,
    ),
    ...(FOUND_TAKEN.test(id) ? holdersBeside(server, state.holders, known) : []),
  ];
}

/** Two that start at once bill each other's memory to themselves. */
function besides(server: Server, servers: readonly Server[]): Server[] {
  const until = server.readyAtMs ?? server.endedAtMs ?? Infinity;
  return servers.filter(
    (one) =>
      one.id !== server.id &&
      one.queued === null &&
      one.startedAtMs < until &&
      (one.readyAtMs ?? one.endedAtMs ?? Infinity) > server.startedAtMs &&
      shareGpu(one.gpus, server.gpus),
  );
}

function holdersBeside(
  server: Server,
  holders: AppState['holders'],
  named: ReadonlySet<number>,
): string[] {
  const own = new Set(server.record?.seen.map(({ pid }) => pid));
  return holders
    .filter(
      ({ pid, usedBytes, gpus }) =>
        (usedBytes ?? 0) >= WORTH_NAMING_BYTES &&
        !named.has(pid) &&
        !own.has(pid) &&
        shareGpu(gpus, server.gpus),
    )
    .sort((a, b) => (b.usedBytes ?? 0) - (a.usedBytes ?? 0))
    .slice(0, MAX_NAMED)
    .map(
      ({ pid, command, usedBytes }) =>
        `PID ${String(pid)}${command === null ? '' : ` (${command.slice(0, 80)})`} holds ${formatBytes(usedBytes)} on the same GPU.`,
    );
}
