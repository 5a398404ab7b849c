/**
 * Keys of servers that ask for one. A vLLM that other machines can reach never starts without: where the user gave none,
 * one is made. It goes into the environment of the process and the user's secret storage, into no file, log or command.
 */
import { API_KEY_VARIABLE, isOpenToNetwork, keyInArguments } from '../../engines/vllm/listening';
import type { Environment } from '../models/hubEnvironment';
import type { Log, ProcessTable, Secrets } from '../ports';
import type { Server } from '../state';
import type { AppStore } from '../store';

type Keyed = Pick<Server, 'id' | 'wish' | 'command' | 'origin' | 'record'>;

export interface ApiKeys {
  /** What requests to it must show; null: it asks for none, or for one that is not known here. */
  of(server: Keyed): Promise<string | null>;
  /** For its process: the key that was made for it; empty where it needs none, or was given one. */
  environmentFor(server: Keyed): Promise<Readonly<Record<string, string>>>;
  /** Has it for a server that is not started yet: the one that runs again keeps its key. */
  give(serverId: string, key: string): void;
  /** Of a server that has ended; this window still knows it, for a restart. */
  forget(serverId: string): Promise<void>;
}

const secretOf = (serverId: string): string => `vramPilot.apiKey.${serverId}`;

/** In the form that is left out wherever text is shown or logged; 244 random bits. */
const newKey = (): string => `sk-${crypto.randomUUID()}${crypto.randomUUID()}`;

export function createApiKeys(
  secrets: Secrets,
  log: Log,
  table: Pick<ProcessTable, 'one' | 'environmentValue'>,
  /** What processes inherit. */
  environment: Environment,
): ApiKeys {
  const inherited = nonEmpty(environment[API_KEY_VARIABLE]);

  /** Where the storage forgets with the window, as in a browser: its process still has it. */
  async function inProcess({ record }: Keyed): Promise<string | null> {
    const main = record && (await table.one(record.main.pid));
    if (!record || main?.startTime !== record.main.startTime) return null;
    return nonEmpty(await table.environmentValue(main.pid, API_KEY_VARIABLE));
  }

  // also where the storage is locked
  const made = new Map<string, string>();
  return {
    async of(server) {
      if (server.wish.engine !== 'vllm') return null;
      const known = keyGiven(server) ?? made.get(server.id);
      if (known !== undefined) return known;
      const kept = needsKey(server)
        ? ((await secrets.get(secretOf(server.id))) ?? (await inProcess(server)))
        : null;
      // for a restart, after which its secret is gone
      if (kept !== null) made.set(server.id, kept);
      return kept ?? (server.origin === 'started' ? inherited : null);
    },
    async environmentFor(server) {
      if (!needsKey(server) || keyGiven(server) !== undefined) return {};
      const before = made.get(server.id);
      // said once more: a terminal need not inherit what this process has
      if (before === undefined && inherited !== null) return { [API_KEY_VARIABLE]: inherited };
      const key = before ?? newKey();
      made.set(server.id, key);
      const isKept = await secrets.set(secretOf(server.id), key);
      log.info('apiKeys', 'made a key', { id: server.id, isKept });
      return { [API_KEY_VARIABLE]: key };
    },
    give: (serverId, key) => void made.set(serverId, key),
    async forget(serverId) {
      await secrets.set(secretOf(serverId), null);
    },
  };
}

type Told = Omit<Keyed, 'id' | 'record'>;

/** Listens beyond this machine by what we told it; what was adopted has its own key. */
const needsKey = ({ wish, command, origin }: Told): boolean =>
  wish.engine === 'vllm' && origin === 'started' && isOpenToNetwork(command.args);

/** By the user, for this launch or for all of them. Of an adopted one the key is not in what we know. */
function keyGiven({ command, origin }: Told): string | undefined {
  if (origin === 'adopted') return undefined;
  const key = nonEmpty(keyInArguments(command.args)) ?? nonEmpty(command.env[API_KEY_VARIABLE]);
  return key ?? undefined;
}

/** An empty one is none to vLLM: it would answer everybody. */
const nonEmpty = (key: string | null | undefined): string | null =>
  key === '' ? null : (key ?? null);

/** Requests to it must show one, whoever gave it. */
export const asksForKey = (server: Told): boolean =>
  server.wish.engine === 'vllm' && (needsKey(server) || keyGiven(server) !== undefined);

/** Keys live as long as their servers. */
export function forgetKeysOfEnded(store: AppStore, keys: ApiKeys): () => void {
  const forgotten = new Set<string>();
  return store.watch(
    (state) => state.servers,
    (servers) => {
      for (const server of servers) {
        if (server.phase !== 'ended' || !needsKey(server) || forgotten.has(server.id)) continue;
        forgotten.add(server.id);
        void keys.forget(server.id);
      }
    },
  );
}
