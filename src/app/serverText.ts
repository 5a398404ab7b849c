/** Servers in words: the same short sentence in the tree, the page, quick picks and notifications. */
import { formatBytes, formatCount, formatDuration } from '../shared/units';
import type { Server } from './state';

const STAGE_WORDS = {
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

/** e.g. "loading weights 3/8 · 41s", "ready · :8000 · 8.1 GiB · 12m", "failed: not enough memory for the KV cache". */
export function serverDetail(server: Server, nowMs: number): string {
  const held = server.usedBytes === null ? null : formatBytes(server.usedBytes);
  switch (server.phase) {
    case 'starting': {
      const progress = server.progress
        ? ` ${String(server.progress.done)}/${String(server.progress.total)}`
        : '';
      return join(
        `${STAGE_WORDS[server.stage]}${progress}`,
        held,
        formatDuration(nowMs - server.startedAtMs),
      );
    }
    case 'ready':
      return join(
        server.warnings.length > 0 ? 'ready, with a warning' : 'ready',
        `:${String(server.port)}`,
        held,
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

function endText(server: Server): string {
  const still = server.stillHeld === null ? '' : ` · ${server.stillHeld}`;
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
  ];
  return rows.flatMap(([label, value]) =>
    value === null || value === '' ? [] : [`${label}: ${value}`],
  );
}

export function endpointOf(server: Pick<Server, 'host' | 'port'>): string {
  return `http://${server.host}:${String(server.port)}`;
}

function join(...parts: (string | null)[]): string {
  return parts.filter((part) => part !== null).join(' · ');
}
