/** The daemon behind `vramPilot.ollama.host`: where it is, whether it answers, what it has, which servers of ours use it. */
import { daemonUrl } from '../../engines/ollama/address';
import {
  isSameTag,
  ollamaShortShowRequest,
  ollamaTagsRequest,
  ollamaVersionRequest,
  readOllamaVersion,
} from '../../engines/ollama/api';
import { readOllamaTags, type OllamaTag } from '../../models/ollamaShow';
import type { AppContext } from '../appContext';
import type { Server } from '../state';

const TIMEOUT_MS = 3_000;
/** A daemon that has just been started looks for GPUs before it answers: some seconds, more on a busy machine. */
export const DAEMON_START_MS = 30_000;
const START_POLL_MS = 300;

export interface OllamaDaemon {
  /** Of requests, without a slash at its end. */
  base(): string;
  /** null: it doesn't answer. */
  version(base: string): Promise<string | null>;
  /** The same, once it answers; gives up after {@link DAEMON_START_MS}. */
  waitForVersion(base: string, signal: AbortSignal): Promise<string | null>;
  /** null: it doesn't answer. */
  tags(base: string): Promise<readonly OllamaTag[] | null>;
  /** It answers, and has no such model, or has lost its file. */
  lacks(base: string, model: string): Promise<boolean>;
}

export function createOllamaDaemon({ http, clock, settings }: AppContext): OllamaDaemon {
  async function version(base: string): Promise<string | null> {
    const answer = await http.request({ ...ollamaVersionRequest(base), timeoutMs: TIMEOUT_MS });
    return answer.ok && answer.value.status === 200 ? readOllamaVersion(answer.value.body) : null;
  }

  async function tags(base: string): Promise<readonly OllamaTag[] | null> {
    const answer = await http.request({ ...ollamaTagsRequest(base), timeoutMs: TIMEOUT_MS });
    return answer.ok && answer.value.status === 200 ? readOllamaTags(answer.value.body) : null;
  }

  return {
    base: () => daemonUrl(settings()['ollama.host']),
    version,
    async waitForVersion(base, signal) {
      const deadline = clock.elapsedMs() + DAEMON_START_MS;
      let told = await version(base);
      while (told === null && clock.elapsedMs() < deadline && !signal.aborted) {
        await clock.sleep(START_POLL_MS, signal);
        told = await version(base);
      }
      return told;
    },
    tags,
    async lacks(base, model) {
      const listed = await tags(base);
      if (!listed || listed.some(({ name }) => isSameTag(name, model))) return false;
      // names have more spellings than one: registry and namespace may be left out
      const request = ollamaShortShowRequest(base, model);
      const shown = await http.request({ ...request, timeoutMs: TIMEOUT_MS });
      return shown.ok && shown.value.status === 404;
    },
  };
}

/** Servers of ours that talk to the daemon at an address and go on doing so. */
export function usersOfDaemon(
  servers: readonly Server[],
  { host, port }: Pick<Server, 'host' | 'port'>,
): readonly Server[] {
  return servers.filter(
    (server) =>
      server.wish.engine === 'ollama' &&
      server.phase !== 'ended' &&
      server.phase !== 'stopping' &&
      server.port === port &&
      (server.host === host || (isLoopback(server.host) && isLoopback(host))),
  );
}

export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\])$/.test(host);
}
