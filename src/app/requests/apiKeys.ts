/**
 * Keys of servers that ask for one. A vLLM that other machines can reach never starts without: where the user gave none,
 * one is made. It goes into the environment of the process and the user's secret storage, into no file, log or command.
 */
import { API_KEY_VARIABLE, withoutKeys } from '../../engines/vllm/keyArguments';
import { isOpenToNetwork, keyInArguments } from '../../engines/vllm/listening';
import type { Wish } from '../../shared/wish';
import { isStillThere } from '../owner';
import type { Environment, LaunchSpec, Log, ProcessTable, Secrets } from '../ports';
import type { Server } from '../state';
import type { AppStore } from '../store';

type Keyed = Pick<Server, 'id' | 'wish' | 'command' | 'origin' | 'record'>;

export interface ApiKeys {
  /** What requests to it must show; null: it asks for none, or for one that is not known here. */
  of(server: Keyed): Promise<string | null>;
  /** All that it takes. */
  allOf(server: Keyed): Promise<readonly string[]>;
  /** For its process, whose command names no key: what it was given, else the key that is made for it here. */
  handOver(server: Keyed): Promise<Pick<LaunchSpec, 'args' | 'env'>>;
  /** Has them for a server that is not started yet: the one that runs again keeps its keys. */
  give(serverId: string, keys: readonly string[]): void;
  /** Of a server that has ended; this window still knows them, for a restart. */
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
  async function inProcess({ record }: Keyed): Promise<readonly string[]> {
    if (!record || !(await isStillThere(table, record.main))) return [];
    const key = nonEmpty(await table.environmentValue(record.main.pid, API_KEY_VARIABLE));
    return key === null ? [] : [key];
  }

  // also where the storage is locked
  const known = new Map<string, readonly string[]>();

  async function allOf(server: Keyed): Promise<readonly string[]> {
    if (server.wish.engine !== 'vllm') return [];
    const here = known.get(server.id);
    if (here !== undefined) return here;
    if (asksForKey(server)) {
      const text = await secrets.get(secretOf(server.id));
      const kept = text === null ? await inProcess(server) : text.split('\n');
      // for a restart, after which its secret is gone
      if (kept.length > 0) {
        known.set(server.id, kept);
        return kept;
      }
    }
    return server.origin === 'started' && inherited !== null ? [inherited] : [];
  }

  return {
    allOf,
    of: async (server) => (await allOf(server))[0] ?? null,
    async handOver(server) {
      const { id, command } = server;
      if (!asksForKey(server)) return command;
      const before = known.get(id);
      // said once more: a terminal need not inherit what this process has
      const keys = before ?? [isGiven(command) ? newKey() : (inherited ?? newKey())];
      if (before !== undefined || keys[0] !== inherited) {
        known.set(id, keys);
        const isKept = await secrets.set(secretOf(id), keys.join('\n'));
        if (before === undefined) log.info('apiKeys', 'made a key', { id, isKept });
      }
      const [first = ''] = keys;
      const args = withoutKeys(command.args);
      return {
        args: keys.length > 1 ? [...args, '--api-key', ...keys] : args,
        env: { ...command.env, [API_KEY_VARIABLE]: first },
      };
    },
    give(serverId, keys) {
      if (keys.length > 0) known.set(serverId, keys);
    },
    async forget(serverId) {
      await secrets.set(secretOf(serverId), null);
    },
  };
}

/** An empty one is none to vLLM: it would answer everybody. */
const nonEmpty = (key: string | null | undefined): string | null =>
  key === '' ? null : (key ?? null);

/** By the user, for this launch or for all of them. */
const isGiven = ({ args, env }: Server['command']): boolean =>
  nonEmpty(keyInArguments(args) ?? env[API_KEY_VARIABLE]) !== null;

/** The user wrote one into the arguments of this launch. */
export const namesKey = ({ engine, extraArguments }: Wish): boolean =>
  engine === 'vllm' && nonEmpty(keyInArguments(extraArguments)) !== null;

/** Requests to it must show one, whoever gave it: what was adopted has its own, of which nothing is known. */
export const asksForKey = ({ wish, command, origin }: Omit<Keyed, 'id' | 'record'>): boolean =>
  wish.engine === 'vllm' &&
  origin === 'started' &&
  (isOpenToNetwork(command.args) || isGiven(command));

/** Keys live as long as their servers. */
export function forgetKeysOfEnded(store: AppStore, keys: ApiKeys): () => void {
  const forgotten = new Set<string>();
  return store.watch(
    (state) => state.servers,
    (servers) => {
      for (const server of servers) {
        if (server.phase !== 'ended' || !asksForKey(server) || forgotten.has(server.id)) continue;
        forgotten.add(server.id);
        void keys.forget(server.id);
      }
    },
  );
}
