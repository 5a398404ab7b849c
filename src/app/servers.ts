/** Deploy, stop, restart: what a person can do with servers, whichever engine runs them. */
import { chatPromptRequest, curlFor, readChatAnswer } from '../engines/vllm/api';
import { fail, ok, type Result } from '../shared/failure';
import type { Command } from '../shared/planAnswer';
import type { Wish } from '../shared/wish';
import type { AppContext } from './appContext';
import { launch, launchSpecOf, prepareVllm, type DeployResult, type Prepared } from './deploy';
import type { ModelService } from './modelService';
import type { Observer } from './observer';
import type { OllamaServing } from './ollamaServing';
import type { LaunchSpec } from './ports';
import { endpointOf } from './serverText';
import type { Server } from './state';
import { stopServer } from './stopping';

const PROMPT_TIMEOUT_MS = 120_000;

export interface Servers {
  prepare(wish: Wish): Promise<Result<Prepared>>;
  deploy(wish: Wish, options: { force: boolean }): Promise<DeployResult>;
  stop(id: string, options: { force: boolean }): Promise<Result<void>>;
  /** With the saved settings and the same port, not with today's defaults. */
  restart(id: string): Promise<Result<void>>;
  remove(id: string): void;
  /** Its failure has been looked at. */
  markSeen(id: string): void;
  reveal(id: string): Promise<boolean>;
  /** What a launch that still runs was started with; null where its process is gone or is being stopped. */
  launchSpecOf(launchId: string): Promise<LaunchSpec | null>;
  curlFor(server: Server): string;
  /** The answer with its speed, in one sentence. */
  sendTestPrompt(server: Server, signal: AbortSignal): Promise<Result<string>>;
}

export function createServers(
  context: AppContext,
  parts: { models: ModelService; observer: Observer; ollama: OllamaServing },
  /** Our own CLI as a server, where nothing real is to be started. */
  simulated: () => Command | null,
  /** Settles when the launches of an earlier window have been looked for. */
  found: () => Promise<void>,
): Servers {
  const { store, launcher, log, clock } = context;
  const { models, observer, ollama } = parts;
  const serverOf = (id: string) => store.state().servers.find((server) => server.id === id);
  const ownRequests = new Map<string, Set<AbortController>>();

  const prepare = (wish: Wish) =>
    wish.engine === 'vllm' ? prepareVllm(context, models, wish) : ollama.prepare(wish);

  async function deployNow(wish: Wish, { force }: { force: boolean }): Promise<DeployResult> {
    const prepared = await prepare(wish);
    if (!prepared.ok) return { ...prepared, problems: [] };
    const { problems } = prepared.value;
    const blocking = problems.filter((problem) => problem.blocking);
    const [first] = blocking;
    if (first && !force) {
      return { ok: false, failure: { reason: 'refused', detail: first.text }, problems };
    }
    if (problems.length > 0)
      log.info('deploy', 'goes on', { force, problems: problems.map((one) => one.id).join() });
    if (wish.engine === 'ollama') return ollama.deploy(prepared.value);
    const result = await launch(context, prepared.value, simulated());
    if (result.ok) observer.watch(result.id);
    return result;
  }

  let lastDeploy: Promise<unknown> = Promise.resolve();

  /** One after another: of two clicks in a row the second must see what the first one started. */
  function deploy(wish: Wish, options: { force: boolean }): Promise<DeployResult> {
    const deployed = lastDeploy.then(() => deployNow(wish, options));
    lastDeploy = deployed.catch(() => undefined);
    return deployed;
  }

  async function stop(id: string, options: { force: boolean }): Promise<Result<void>> {
    // a stream of ours left open can hold a vLLM in its shutdown without end
    for (const request of ownRequests.get(id) ?? []) request.abort();
    return stopServer(context, observer, ollama, id, options);
  }

  return {
    prepare,
    deploy,
    stop,
    async restart(id) {
      const server = serverOf(id);
      if (!server) return fail('notFound', 'There is no such server.');
      if (server.phase !== 'ended') {
        const stopped = await stop(id, { force: false });
        if (!stopped.ok) return stopped;
      }
      store.dispatch({ type: 'serverRemoved', id });
      const again = await deploy({ ...server.wish, port: server.port }, { force: true });
      return again.ok ? ok(undefined) : again;
    },
    remove(id) {
      const server = serverOf(id);
      if (server?.phase === 'ended') store.dispatch({ type: 'serverRemoved', id });
    },
    markSeen(id) {
      if (serverOf(id)?.seen === false) {
        store.dispatch({ type: 'serverChanged', id, change: { seen: true } });
      }
    },
    reveal: (id) => launcher.reveal(id),
    async launchSpecOf(launchId) {
      await found();
      const server = serverOf(launchId);
      if (!server?.record || server.phase === 'ended' || server.phase === 'stopping') return null;
      const { main } = server.record;
      const now = await context.table.one(main.pid);
      return now?.startTime === main.startTime && now.state !== 'Z' ? launchSpecOf(server) : null;
    },
    curlFor: (server) => curlFor(endpointOf(server), server.servedModelName),
    async sendTestPrompt(server, signal) {
      const abort = new AbortController();
      const requests = ownRequests.get(server.id) ?? new Set();
      ownRequests.set(server.id, requests.add(abort));
      const sentAtMs = clock.now();
      const answer = await context.http.request({
        ...chatPromptRequest(endpointOf(server), server.servedModelName),
        timeoutMs: PROMPT_TIMEOUT_MS,
        signal: AbortSignal.any([signal, abort.signal]),
      });
      requests.delete(abort);
      if (!answer.ok) return answer;
      const read = readChatAnswer(answer.value.body);
      if (answer.value.status !== 200 || !read) {
        return fail(
          'badOutput',
          `It answered ${String(answer.value.status)}: ${answer.value.body.slice(0, 200)}`,
        );
      }
      const seconds = (clock.now() - sentAtMs) / 1000;
      const speed =
        read.completionTokens === null
          ? ''
          : ` (${String(read.completionTokens)} tokens in ${seconds.toFixed(1)} s, ${(read.completionTokens / seconds).toFixed(1)} per second)`;
      return ok(`“${read.text.trim().slice(0, 200)}”${speed}`);
    },
  };
}
