/** Saved servers one after another, in their saved order: each waits until the one before is ready. */
import { wishWithoutKeys } from '../../engines/vllm/keyArguments';
import type { Wish } from '../../shared/wish';
import { OPEN_TO_NETWORK } from './deploy';
import type { Servers } from '../servers/servers';
import type { Profile, Server } from '../state';
import type { AppStore } from '../store';

export interface StartAllOutcome {
  /** Names, in order. */
  readonly ready: readonly string[];
  /** The first that did not come up; it keeps the rest from starting. */
  readonly failed: { readonly name: string; readonly why: string } | null;
  readonly notStarted: readonly string[];
}

export interface StartAllOptions {
  readonly signal: AbortSignal;
  readonly onNext: (name: string, at: number) => void;
}

/** What runs already with the same settings is not started again. Cancelling lets the one under way go on. */
export async function startAll(
  { store, servers }: { store: AppStore; servers: Pick<Servers, 'deploy' | 'stop'> },
  profiles: readonly Profile[],
  { signal, onNext }: StartAllOptions,
): Promise<StartAllOutcome> {
  const ready: string[] = [];
  for (const [at, { name, wish }] of profiles.entries()) {
    const notStarted = () => profiles.slice(at + 1).map((one) => one.name);
    if (signal.aborted)
      return { ready, failed: null, notStarted: profiles.slice(at).map((one) => one.name) };
    onNext(name, at);
    const why = await bringUp(store, servers, wish, signal);
    if (why === 'cancelled') return { ready, failed: null, notStarted: [name, ...notStarted()] };
    if (why !== null) return { ready, failed: { name, ...why }, notStarted: notStarted() };
    ready.push(name);
  }
  return { ready, failed: null, notStarted: [] };
}

/** null: ready. */
async function bringUp(
  store: AppStore,
  servers: Pick<Servers, 'deploy' | 'stop'>,
  wish: Wish,
  signal: AbortSignal,
): Promise<null | 'cancelled' | { readonly why: string }> {
  const running = store
    .state()
    .servers.find(
      (server) =>
        server.phase !== 'ended' && server.phase !== 'stopping' && isServedBy(server, wish),
    );
  let id = running?.id;
  if (id === undefined) {
    // whoever saved it so was told then what it means
    const deployed = await servers.deploy(wish, { force: false, accepted: [OPEN_TO_NETWORK] });
    if (!deployed.ok) return { why: deployed.failure.detail };
    id = deployed.id;
  }
  const server = await settled(store, id, signal);
  if (signal.aborted) {
    // one that only waits has cost nothing yet
    if (server?.queued) await servers.stop(id, { force: false });
    return 'cancelled';
  }
  if (!server) return { why: 'it was taken off the list' };
  return server.phase === 'ready' ? null : { why: server.diagnosis?.cause?.title ?? 'it ended' };
}

/** When it is ready, has ended or is gone, or nobody waits any more. */
function settled(store: AppStore, id: string, signal: AbortSignal): Promise<Server | undefined> {
  const look = () => store.state().servers.find((server) => server.id === id);
  const isOver = (server: Server | undefined) =>
    !server || server.phase === 'ready' || server.phase === 'ended' || signal.aborted;
  return new Promise((resolve) => {
    const check = () => {
      const server = look();
      if (!isOver(server)) return;
      unwatch();
      signal.removeEventListener('abort', check);
      resolve(server);
    };
    const unwatch = store.watch(look, check);
    signal.addEventListener('abort', check);
    check();
  });
}

/** A port that the profile leaves open does not matter. */
function isServedBy(server: Server, wish: Wish): boolean {
  const plain = (one: Wish) => {
    const { engine, model, options, extraArguments } = wishWithoutKeys(one);
    return JSON.stringify([engine, model, options, extraArguments]);
  };
  return plain(server.wish) === plain(wish) && (wish.port === null || wish.port === server.port);
}
