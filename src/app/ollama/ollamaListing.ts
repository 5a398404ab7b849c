/**
 * What of `/api/ps` is true of a server: its model, under whatever name the daemon lists it, and whether a runner really
 * holds it. A killed runner stays listed until its keep-alive runs out (seen in 0.24 and 0.32).
 */
import {
  isSameTag,
  ollamaPsRequest,
  ollamaShortShowRequest,
  ollamaTagsRequest,
  readModelBlob,
  readOllamaPs,
  type LoadedModel,
} from '../../engines/ollama/api';
import type { EndpointRequest } from '../../engines/endpoint';
import { blobIn, readRunner, runnerDifferences } from '../../engines/ollama/runner';
import { readOllamaTags } from '../../models/ollamaShow';
import { roleOf } from '../../processes/role';
import { descendantsOf, isAlive, type ProcessIndex } from '../../processes/tree';
import type { ProcessInfo } from '../../processes/process';
import { formatBytes, formatCount } from '../../shared/units';
import type { AppContext } from '../appContext';
import { culpritWords, holdersBeside } from '../coexistence/coexistenceText';
import { daemonOf } from './ollamaProcess';
import { endpointOf } from '../servers/serverText';
import type { AppState, Server } from '../state';

const TIMEOUT_MS = 4_000;
/** Lists are short, and so is what is told of a model without its vocabulary. */
const MAX_BYTES = 8_000_000;
/** Names whose files are compared, at most: each costs a request. */
const MAX_COMPARED = 8;

export interface Listed {
  /** null: the daemon doesn't answer. */
  readonly isLoaded: boolean | null;
  readonly warnings: readonly string[];
}

export interface OllamaListing {
  /** @param index null: processes are not looked at this time, so nothing is said about runners. */
  look(server: Server, index: ProcessIndex | null, signal: AbortSignal): Promise<Listed>;
}

export function createOllamaListing(context: AppContext): OllamaListing {
  /** Weights by the digest of a manifest, which never changes its meaning. */
  const blobs = new Map<string, string>();

  async function ask(request: EndpointRequest, signal: AbortSignal): Promise<string | null> {
    const limits = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, signal };
    const answer = await context.http.request({ ...request, ...limits });
    return answer.ok && answer.value.status === 200 ? answer.value.body : null;
  }

  async function blobOf(
    base: string,
    name: string,
    digest: string | null,
    signal: AbortSignal,
  ): Promise<string | null> {
    const known = digest === null ? undefined : blobs.get(digest);
    if (known !== undefined) return known;
    const blob = readModelBlob((await ask(ollamaShortShowRequest(base, name), signal)) ?? '');
    if (blob !== null && digest !== null) blobs.set(digest, blob);
    return blob;
  }

  /** Of two names for one file the daemon lists the one that was loaded first. */
  async function findListed(
    server: Server,
    models: readonly LoadedModel[],
    signal: AbortSignal,
  ): Promise<LoadedModel | null> {
    const { model } = server.wish;
    const named = models.find(({ name }) => isSameTag(name, model));
    // until the load has been answered, another name is not ours
    const isAnswered = server.phase !== 'starting' || server.stage === 'ready';
    if (named || !isAnswered || models.length === 0) return named ?? null;
    const base = endpointOf(server);
    const tags = readOllamaTags((await ask(ollamaTagsRequest(base), signal)) ?? '') ?? [];
    const digest = tags.find(({ name }) => isSameTag(name, model))?.digest ?? null;
    const same = models.find((one) => digest !== null && one.digest === digest);
    if (same) return same;
    const blob = await blobOf(base, model, digest, signal);
    if (blob === null) return null;
    for (const one of models.slice(0, MAX_COMPARED))
      if ((await blobOf(base, one.name, one.digest, signal)) === blob) return one;
    return null;
  }

  /** What the processes say beside the list. */
  async function runnerWarnings(
    server: Server,
    listed: LoadedModel,
    index: ProcessIndex,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const blob = await blobOf(endpointOf(server), listed.name, listed.digest, signal);
    if (blob === null) return [];
    const daemon = await daemonOf(context, server, index);
    const below = daemon ? descendantsOf(index, daemon).filter(isAlive) : null;
    const holds = ({ args }: ProcessInfo) => args.some((argument) => blobIn(argument) === blob);
    const runner = (below ?? index.all).find(
      (one) => isAlive(one) && roleOf(one) === 'ollamaRunner' && holds(one),
    );
    if (runner) {
      const differences = runnerDifferences(server.wish.options, readRunner(runner.args));
      if (differences.length === 0) return [];
      return [
        `This Ollama was started with other settings: ${differences.join(', ')}. To have what was planned, end it and deploy again.`,
      ];
    }
    // a child that names no file may be the one
    const isGone = below?.every(({ args }) => args.some((one) => blobIn(one) !== null)) === true;
    return isGone
      ? ['Its runner has ended, though Ollama still lists it: the next request loads it again.']
      : [];
  }

  return {
    async look(server, index, signal) {
      const models = readOllamaPs((await ask(ollamaPsRequest(endpointOf(server)), signal)) ?? '');
      if (!models) return { isLoaded: null, warnings: [] };
      const listed = await findListed(server, models, signal);
      const wasReady = server.readyAtMs !== null;
      if (!listed) {
        const isIdle = wasReady && server.wish.keepAlive != null;
        const warning = isIdle
          ? 'Not loaded now, because it was idle: the next request loads it.'
          : 'Ollama no longer has it loaded: the next request loads it again.';
        return { isLoaded: isIdle, warnings: wasReady ? [warning] : [] };
      }
      return {
        isLoaded: true,
        warnings: [
          ...placementWarnings(listed, server, context.store.state()),
          ...contextWarnings(listed, server),
          ...(index ? await runnerWarnings(server, listed, index, signal) : []),
        ],
      };
    },
  };
}

function placementWarnings(
  { sizeBytes, gpuBytes }: LoadedModel,
  server: Server,
  state: AppState,
): string[] {
  if (gpuBytes >= sizeBytes) return [];
  const { wish, readyAtMs } = server;
  const { gpu } = state;
  const culprits = holdersBeside(state, server, readyAtMs ?? Infinity);
  const who =
    culprits.length === 0 || wish.options.numGpu != null ? '' : ` ${culpritWords(culprits)}.`;
  if (gpuBytes > 0)
    return [
      `${formatBytes(sizeBytes - gpuBytes)} of ${formatBytes(sizeBytes)} run on the CPU; answers will be slow.${who}`,
    ];
  const why =
    wish.options.numGpu === 0
      ? 'as asked for by num_gpu 0'
      : (gpu.sample?.gpus.length ?? 0) === 0
        ? 'no GPU is seen on this machine'
        : 'Ollama found no GPU that it can use, or too little of it free ("inference compute" in its log tells which)';
  return [`Runs on the CPU: nothing of it is on the GPU; ${why}.${who}`];
}

/** Ollama cuts a context that is longer than the model's own without an error. */
function contextWarnings({ contextLength }: LoadedModel, { wish }: Server): string[] {
  const asked = wish.options.numCtx ?? null;
  if (asked === null || contextLength === null || contextLength === asked) return [];
  return [
    `It was loaded with a context of ${formatCount(contextLength)} tokens, not ${formatCount(asked)}.`,
  ];
}
