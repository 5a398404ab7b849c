/** Deploy, stop, restart: what a person can do with servers, whichever engine runs them. */
import { keysGiven } from '../../engines/vllm/keyArguments';
import { fail, ok, type Result } from '../../shared/failure';
import type { Command } from '../../shared/planAnswer';
import { createTurns } from '../../shared/turns';
import type { Wish } from '../../shared/wish';
import type { AppContext } from '../appContext';
import {
  failStart,
  launch,
  launchSpecOf,
  prepareVllm,
  serverFor,
  type DeployResult,
  type Prepared,
} from '../launching/deploy';
import { fateOf } from './launchFate';
import type { LaunchQueue } from '../launching/launchQueue';
import type { ModelService } from '../models/modelService';
import type { Observer } from './observer';
import { MODEL_MISSING, type OllamaServing } from '../ollama/ollamaServing';
import { isStillThere, ownIdentity } from '../owner';
import type { RunningLaunch } from '../ports';
import type { Server } from '../state';
import { stopServer, waitForMemory } from './stopping';

/** Memory of a server that ended longer ago is back, or is not coming back. */
const JUST_ENDED_MS = 60_000;

export interface DeployOptions {
  /** Whatever speaks against it. */
  readonly force: boolean;
  /** Ids of problems that are known and accepted. */
  readonly accepted?: readonly string[];
  /** Ollama: downloads the model first where the daemon lacks it. */
  readonly pull?: boolean;
  /** Of the server that runs again: clients have them already. */
  readonly apiKeys?: readonly string[];
}

export interface Servers {
  prepare(wish: Wish): Promise<Result<Prepared>>;
  deploy(wish: Wish, options: DeployOptions): Promise<DeployResult>;
  stop(id: string, options: { force: boolean }): Promise<Result<void>>;
  /** With the saved settings and the same port, not with today's defaults. */
  restart(id: string): Promise<Result<void>>;
  /** Of one that has ended; or of an adopted one, which then runs on unwatched. */
  remove(id: string): Promise<void>;
  /** Its failure has been looked at. */
  markSeen(id: string): void;
  reveal(id: string): Promise<boolean>;
  /** A launch that still runs; null where its process is gone or is being stopped. */
  runningLaunch(launchId: string): Promise<RunningLaunch | null>;
}

export function createServers(
  context: AppContext,
  parts: { models: ModelService; observer: Observer; ollama: OllamaServing; queue: LaunchQueue },
  /** Our own CLI as a server, where nothing real is to be started. */
  simulated: () => Command | null,
  /** Settles when the launches of an earlier window have been looked for. */
  found: () => Promise<void>,
): Servers {
  const { store, launcher, log, clock } = context;
  const { models, observer, ollama, queue } = parts;
  const serverOf = (id: string) => store.state().servers.find((server) => server.id === id);

  const prepare = (wish: Wish, listed: Server | null = null) =>
    wish.engine === 'vllm' ? prepareVllm(context, models, wish, listed) : ollama.prepare(wish);

  async function deployNow(wish: Wish, options: DeployOptions): Promise<DeployResult> {
    const { force } = options;
    const prepared = await prepare(wish);
    if (!prepared.ok) return { ...prepared, problems: [] };
    const refused = refusalOf(prepared.value, options);
    if (refused) return refused;
    const { problems } = prepared.value;
    if (problems.length > 0)
      log.info('deploy', 'goes on', { force, problems: problems.map((one) => one.id).join() });
    const id = context.newId();
    context.apiKeys.give(id, options.apiKeys ?? []);
    const server = await listedServer(id, prepared.value);
    return queue.enter({
      server,
      start: (waited) => (waited ? beginLater(server, options) : begin(server, options)),
    });
  }

  async function listedServer(id: string, prepared: Prepared): Promise<Server> {
    const owner = await ownIdentity(context.table);
    if (prepared.wish.engine === 'vllm')
      context.apiKeys.give(id, keysGiven(prepared.answer.command));
    const server = { ...serverFor(context, id, prepared, simulated()), owner };
    return prepared.wish.engine === 'ollama' ? { ...server, gpus: ollama.gpus() } : server;
  }

  async function begin(server: Server, { pull }: DeployOptions): Promise<DeployResult> {
    if (server.wish.engine === 'ollama') return ollama.deploy(server, { pull: pull === true });
    const result = await launch(context, server);
    if (result.ok) observer.watch(result.id);
    return result;
  }

  /** The card is not what it was when this was asked for. */
  async function beginLater(listed: Server, options: DeployOptions): Promise<DeployResult> {
    for (const { record, endedAtMs } of store.state().servers)
      if (record && endedAtMs !== null && Math.abs(clock.now() - endedAtMs) < JUST_ENDED_MS)
        await waitForMemory(context, record);
    const result = await planAndBegin(listed, options);
    // whoever asked for it has been told that it waits; the list says what became of it
    if (!result.ok) await failStart(context, listed.id, result.failure);
    return result;
  }

  async function planAndBegin(listed: Server, options: DeployOptions): Promise<DeployResult> {
    const prepared = await prepare(listed.wish, listed);
    if (!prepared.ok) return { ...prepared, problems: [] };
    const refused = refusalOf(prepared.value, options);
    return refused ?? begin(await listedServer(listed.id, prepared.value), options);
  }

  const inTurn = createTurns();

  /** One after another: of two clicks in a row the second must see what the first one started. */
  const deploy = (wish: Wish, options: DeployOptions) => inTurn(() => deployNow(wish, options));

  async function stop(id: string, options: { force: boolean }): Promise<Result<void>> {
    const isQueued = serverOf(id)?.queued != null;
    const cancelled = isQueued ? await queue.cancel(id) : 'notQueued';
    if (cancelled === 'cancelled') return ok(undefined);
    if (cancelled === 'unanswered')
      return fail('timedOut', 'The window in which it waits does not answer.');
    context.ownRequests.abort(id);
    // it may have begun just before it could be cancelled: then the stop is asked for, but nobody's yet
    return stopServer(context, observer, ollama, id, { ...options, takeOver: isQueued });
  }

  async function restartNow(id: string): Promise<Result<void>> {
    const server = serverOf(id);
    if (!server) return fail('notFound', 'There is no such server.');
    if (server.origin === 'adopted')
      return fail('notSupported', 'It was started elsewhere, in an environment that is not known.');
    const apiKeys = await context.apiKeys.allOf(server);
    if (server.phase !== 'ended') {
      const stopped = await stop(id, { force: false });
      if (!stopped.ok) return stopped;
    }
    const ended = serverOf(id);
    store.dispatch({ type: 'serverRemoved', id });
    const others = new Set(store.state().servers.map((one) => one.id));
    const wish = { ...server.wish, port: server.port };
    const again = await deploy(wish, { force: true, apiKeys });
    if (again.ok) return ok(undefined);
    // nothing took its place: it stays, to be tried again
    const isAlone = store.state().servers.every((one) => others.has(one.id));
    if (ended && isAlone) store.dispatch({ type: 'serverAdded', server: ended });
    return again;
  }

  const restarting = new Map<string, Promise<Result<void>>>();

  return {
    prepare,
    deploy,
    stop,
    restart(id) {
      // a second click means the same restart
      const underWay = restarting.get(id) ?? restartNow(id).finally(() => restarting.delete(id));
      restarting.set(id, underWay);
      return underWay;
    },
    async remove(id) {
      const server = serverOf(id);
      const isWatchedOnly = server?.origin === 'adopted' && server.phase !== 'ended';
      if (server?.phase !== 'ended' && !isWatchedOnly) return;
      // its file first: whoever read it while the server was no longer in the list would bring it back
      if (isWatchedOnly) await context.registry.remove(id, fateOf(server, clock.now()));
      store.dispatch({ type: 'serverRemoved', id });
    },
    markSeen(id) {
      if (serverOf(id)?.seen === false) {
        store.dispatch({ type: 'serverChanged', id, change: { seen: true } });
      }
    },
    reveal: (id) => launcher.reveal(id),
    async runningLaunch(launchId) {
      await found();
      const server = serverOf(launchId);
      if (!server?.record || server.phase === 'ended' || server.phase === 'stopping') return null;
      const { main } = server.record;
      return (await isStillThere(context.table, main))
        ? { spec: launchSpecOf(server), pid: main.pid }
        : null;
    },
  };
}

/** The first thing that speaks against it, unless all that was asked to be ignored. */
function refusalOf(
  prepared: Prepared,
  { force, accepted = [], pull }: DeployOptions,
): (DeployResult & { ok: false }) | null {
  const problems = prepared.problems.filter(({ id }) => !(pull && id === MODEL_MISSING));
  const first = force
    ? undefined
    : problems.find(({ id, blocking }) => blocking && !accepted.includes(id));
  return first ? { ok: false, failure: { reason: 'refused', detail: first.text }, problems } : null;
}
