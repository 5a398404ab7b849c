/** Servers in words: the same short sentence in the tree, the page, quick picks and notifications. */
import { formatBytes, formatCount, formatDuration, formatPercent } from '../../shared/units';
import type { Disturbance, Server } from '../state';

export const STAGE_WORDS = {
  starting: 'starting',
  downloading: 'downloading',
  loading: 'loading weights',
  profiling: 'profiling memory',
  kvCache: 'allocating the KV cache',
  compiling: 'compiling',
  capturing: 'capturing CUDA graphs',
  warmup: 'warming up',
  ready: 'almost ready',
  serving: 'serving',
  stopping: 'stopping',
} as const;

/**
 * e.g. "loading weights 3/8 · 41s", "ready · :8000 · 8.1 GiB · 12m", "failed: not enough memory for the KV cache".
 * Without its use of memory where that is shown beside it.
 */
export function serverDetail(server: Server, nowMs: number, { withUse = true } = {}): string {
  const held = server.usedBytes === null || !withUse ? null : formatBytes(server.usedBytes);
  switch (server.phase) {
    case 'starting': {
      if (server.queued) return queuedText(server.queued.waitsFor);
      const progress = server.progress ? ` ${progressText(server, server.progress)}` : '';
      return join(
        `${STAGE_WORDS[server.stage]}${progress}`,
        held,
        formatDuration(nowMs - server.startedAtMs),
      );
    }
    case 'ready':
      return join(
        server.asleep ? 'asleep' : server.warnings.length > 0 ? 'ready, with a warning' : 'ready',
        server.origin === 'adopted' ? 'adopted' : null,
        `:${String(server.port)}`,
        held,
        withUse ? poolUse(server) : null,
        formatDuration(nowMs - (server.readyAtMs ?? server.startedAtMs)),
      );
    case 'stopping':
      return join('stopping', held);
    case 'lost':
      return join('lost sight of it', held);
    case 'ended':
      return endText(server);
  }
}

/** Ollama tells its downloads in bytes; all else is counted. */
function progressText(
  { wish, stage }: Server,
  { done, total }: { readonly done: number; readonly total: number },
): string {
  return wish.engine === 'ollama' && stage === 'downloading'
    ? `${formatBytes(done)} of ${formatBytes(total)}`
    : `${String(done)}/${String(total)}`;
}

/** e.g. "KV 12 %": short, for a row. */
function poolUse({ live, asleep }: Server): string | null {
  return live?.kvUse == null || asleep ? null : `KV ${formatPercent(live.kvUse)}`;
}

/**
 * e.g. "pool 9.8 GiB, 12 % used (peak 31 %): 6.1 GiB could be given back with --gpu-memory-utilization 0.62". null:
 * nothing is known of it.
 */
export function poolText({ live, phase, asleep, gpus }: Server): string | null {
  if (phase !== 'ready' || asleep || live?.kvUse == null) return null;
  const { poolBytes, kvUse, kvUsePeak, giveBack, runningRequests, waitingRequests } = live;
  const each = (gpus?.length ?? 1) > 1 ? ' on each GPU' : '';
  const pool = poolBytes === null ? 'KV pool' : `pool ${formatBytes(poolBytes)}${each}`;
  const peak = kvUsePeak === null ? '' : ` (peak ${formatPercent(kvUsePeak)})`;
  const requests = [
    runningRequests ? `${String(runningRequests)} running` : null,
    waitingRequests ? `${String(waitingRequests)} waiting` : null,
  ].filter((part) => part !== null);
  const busy = requests.length === 0 ? '' : `, ${requests.join(', ')}`;
  const back =
    giveBack === null
      ? ''
      : `: ${formatBytes(giveBack.bytes)}${each} could be given back with ${giveBack.flag}`;
  return `${pool}, ${formatPercent(kvUse)} used${peak}${busy}${back}`;
}

function queuedText([first, ...others]: readonly string[]): string {
  if (first === undefined) return 'queued';
  return `queued: waits for ${first}${others.length === 0 ? '' : ` and ${String(others.length)} more`}`;
}

/** e.g. "PID 4711 (python train.py) grew by 1.2 GiB while this was profiling memory". */
export function disturbanceText({ pid, command, stage, ...moved }: Disturbance): string {
  const how = [
    moved.grewBytes > 0 ? `grew by ${formatBytes(moved.grewBytes)}` : null,
    moved.shrankBytes > 0 ? `gave back ${formatBytes(moved.shrankBytes)}` : null,
  ].filter((part) => part !== null);
  const who = command === null ? '' : ` (${command.slice(0, 80)})`;
  return `PID ${String(pid)}${who} ${how.join(' and ')} while this was ${STAGE_WORDS[stage]}`;
}

function endText(server: Server): string {
  const still = server.stillHeld === null ? '' : ` · ${server.stillHeld}`;
  // nobody saw its output, so nobody knows why
  if (server.origin === 'adopted' && !server.stopRequested) return `ended elsewhere${still}`;
  if (server.endReason === 'stopped') return `stopped${still}`;
  const word = server.endReason === 'crashed' ? 'crashed' : 'failed';
  const cause = server.diagnosis?.cause?.title;
  return `${word}${cause === undefined ? '' : `: ${cause}`}${still}`;
}

/** What its start told, line by line. */
export function serverFacts(server: Server): string[] {
  const { facts, engineVersion } = server;
  const rows: [string, string | null][] = [
    ['Version', engineVersion],
    ['Weights', facts?.weightsBytes == null ? null : formatBytes(facts.weightsBytes)],
    ['KV cache', facts?.kvCacheBytes == null ? null : formatBytes(facts.kvCacheBytes)],
    ['KV cache tokens', facts?.kvCacheTokens == null ? null : formatCount(facts.kvCacheTokens)],
    [
      'Concurrency at full length',
      facts?.maxConcurrency == null ? null : `${String(facts.maxConcurrency)}×`,
    ],
    [
      'Ready after',
      server.readyAtMs === null ? null : formatDuration(server.readyAtMs - server.startedAtMs),
    ],
    ['Weights read in', facts?.loadSeconds == null ? null : `${facts.loadSeconds.toFixed(1)} s`],
    ['Endpoint', server.phase === 'ready' ? endpointOf(server) : null],
    ['Model name', server.servedModelName],
    ['Started', server.origin === 'adopted' ? 'elsewhere, and adopted' : null],
    ...server.disturbances
      .map(disturbanceText)
      .filter((text) => server.failure?.culprits.includes(`${text}.`) !== true)
      .map((text): [string, string] => ['Meanwhile', text]),
  ];
  return rows.flatMap(([label, value]) =>
    value === null || value === '' ? [] : [`${label}: ${value}`],
  );
}

export function endpointOf(server: Pick<Server, 'host' | 'port'>): string {
  return `http://${server.host}:${String(server.port)}`;
}

/** What clients are pointed at. Ollama's /v1 would load the model anew, with the daemon's own context. */
export function clientUrlOf(server: Pick<Server, 'host' | 'port' | 'wish'>): string {
  return server.wish.engine === 'vllm' ? `${endpointOf(server)}/v1` : endpointOf(server);
}

function join(...parts: (string | null)[]): string {
  return parts.filter((part) => part !== null).join(' · ');
}
