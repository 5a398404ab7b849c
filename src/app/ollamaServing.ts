/**
 * Ollama is a daemon plus requests: deploy = make sure it runs (adopt one, or start one in a terminal), then ask it to
 * load; stop = ask it to unload, and end the daemon only if we started it and nobody else of ours uses it.
 */
import { addressOf, daemonUrl } from '../engines/ollama/address';
import { ollamaTagsRequest, ollamaVersionRequest, readOllamaVersion } from '../engines/ollama/api';
import {
  loadEmbeddingRequest,
  loadRequest,
  unloadRequest,
  type ApiRequest,
} from '../engines/ollama/command';
import { ollamaStopRecipe } from '../engines/ollama/stop';
import { noFacts } from '../engines/startFacts';
import { readErrorMessage } from '../engines/vllm/api';
import { fail, ok, type Result } from '../shared/failure';
import { readOllamaTags, type OllamaTag } from '../models/ollamaShow';
import type { AppContext } from './appContext';
import { launch, titleOf, type DeployResult, type Prepared } from './deploy';
import type { ModelService } from './modelService';
import { forgetWhenGone, type Observer } from './observer';
import { answerWish } from './planService';
import type { HttpAnswer } from './ports';
import { newServer } from './registry';
import type { Server } from './state';
import { stopLaunch } from './stopper';
import type { Wish } from '../shared/wish';

const DAEMON_START_MS = 30_000;
/** A load is answered only when it has ended; hundreds of GB from a slow disk take a while. */
const LOAD_TIMEOUT_MS = 30 * 60_000;

export interface OllamaServing {
  prepare(wish: Wish): Promise<Result<Prepared>>;
  /** Resolves once the daemon answers and the load is asked for; the load itself is watched. */
  deploy(prepared: Prepared): Promise<DeployResult>;
  unload(server: Server): Promise<Result<void>>;
  /** Models that the daemon has; empty where none answers. */
  tags(): Promise<readonly OllamaTag[]>;
  /**
   * True where other live servers of ours talk to the same daemon, so that it must stay; the record of its process goes
   * to one of them, and the last one ends it.
   */
  handDaemonOver(server: Server): Promise<boolean>;
}

export function createOllamaServing(
  context: AppContext,
  models: ModelService,
  observer: Observer,
): OllamaServing {
  const { store, http, clock, log } = context;
  const loads = new Map<string, AbortController>();

  async function send(
    base: string,
    request: ApiRequest,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Result<HttpAnswer>> {
    return http.request({
      url: `${base}${request.path}`,
      method: request.method,
      ...(request.body && {
        body: JSON.stringify(request.body),
        headers: { 'content-type': 'application/json' },
      }),
      timeoutMs,
      ...(signal && { signal }),
    });
  }

  async function daemonVersion(base: string): Promise<string | null> {
    const answer = await http.request({ ...ollamaVersionRequest(base), timeoutMs: 3_000 });
    return answer.ok && answer.value.status === 200 ? readOllamaVersion(answer.value.body) : null;
  }

  async function prepare(wish: Wish): Promise<Result<Prepared>> {
    if (wish.model === '') return fail('invalid', 'Choose a model first.');
    const reading = await models.read('ollama', wish.model);
    const { port } = addressOf(context.settings()['ollama.host']);
    const facts = reading.ok ? reading.value.facts : { name: wish.model };
    const answer = answerWish(store.state(), context.settings(), wish, facts, port);
    const problems =
      answer.verdict === 'doesNotFit'
        ? [
            {
              id: 'does_not_fit',
              text: 'The model does not fit on the GPU: Ollama would put part of it on the CPU.',
              blocking: true,
            },
          ]
        : [];
    return ok({ wish, answer, port, reading: reading.ok ? reading.value : null, problems });
  }

  async function deploy(prepared: Prepared): Promise<DeployResult> {
    const base = daemonUrl(context.settings()['ollama.host']);
    const { host, port } = addressOf(base);
    let id: string;
    // one of ours may have been started a moment ago, and not answer yet: a second one would find its port taken
    const isOurs = usersOfDaemon(store.state().servers, { host, port }).some(
      ({ record }) => record,
    );
    if ((await daemonVersion(base)) === null && !isOurs) {
      if (!store.state().engines.ollama.found) {
        return refuse(
          'toolMissing',
          `No Ollama answers at ${base}, and no ollama program was found.`,
        );
      }
      if (!isLoopback(host)) {
        return refuse('notFound', `No Ollama answers at ${base}, which is not this machine.`);
      }
      const started = await launch(context, prepared, null);
      if (!started.ok) return started;
      id = started.id;
    } else {
      id = context.newId();
      log.info('ollama', 'adopting the running daemon', { base });
      store.dispatch({
        type: 'serverAdded',
        server: {
          ...newServer({
            id,
            title: titleOf(prepared.wish),
            wish: prepared.wish,
            command: prepared.answer.command,
            host,
            port,
            servedModelName: prepared.wish.model,
            startedAtMs: clock.now(),
            simulated: false,
          }),
          plannedBytesPerGpu: prepared.answer.perGpu.map((gpu) => gpu.budgetBytes ?? 0),
          stage: 'loading',
        },
      });
      const added = store.state().servers.find((server) => server.id === id);
      if (added) await context.registry.save(added);
    }
    observer.watch(id);
    void load(id, base, prepared.wish);
    return { ok: true, id };
  }

  async function load(id: string, base: string, wish: Wish): Promise<void> {
    const abort = new AbortController();
    const isAborted = () => abort.signal.aborted;
    loads.set(id, abort);
    const failed = async (text: string) => {
      loads.delete(id);
      const server = store.state().servers.find((one) => one.id === id);
      // stopped meanwhile, or its daemon died and its output told more than the broken connection
      if (!server || server.phase === 'ended' || server.phase === 'stopping') return;
      log.warn('ollama', 'load failed', { id });
      store.dispatch({
        type: 'serverLived',
        id,
        event: { type: 'processEnded', result: 'failed' },
        change: { endedAtMs: clock.now(), diagnosis: loadFailure(text) },
      });
      // nobody would stop a daemon whose only server has failed
      if (server.record && !(await handDaemonOver(server))) {
        await stopLaunch(context, server.record, ollamaStopRecipe({ forced: false }));
      }
      await forgetWhenGone(context, id);
    };
    const deadline = clock.now() + DAEMON_START_MS;
    let version = await daemonVersion(base);
    while (version === null && clock.now() < deadline && !isAborted()) {
      await clock.sleep(300, abort.signal);
      version = await daemonVersion(base);
    }
    if (isAborted()) return;
    if (version === null) {
      await failed(`Ollama did not answer at ${base} within ${String(DAEMON_START_MS / 1000)} s.`);
      return;
    }
    store.dispatch({
      type: 'serverChanged',
      id,
      change: { engineVersion: version, stage: 'loading' },
    });
    const ask = (request: ApiRequest) => send(base, request, LOAD_TIMEOUT_MS, abort.signal);
    let answer = await ask(loadRequest(wish.model, wish.options));
    if (answer.ok && answer.value.body.includes('does not support generate')) {
      answer = await ask(loadEmbeddingRequest(wish.model));
    }
    loads.delete(id);
    if (isAborted()) return;
    if (!answer.ok) await failed(answer.failure.detail);
    else if (answer.value.status !== 200) await failed(errorText(answer.value));
  }

  async function handDaemonOver(server: Server): Promise<boolean> {
    const heir = usersOfDaemon(store.state().servers, server).find(({ id }) => id !== server.id);
    if (!heir) return false;
    if (server.record && !heir.record) {
      const { record } = server;
      store.dispatch({ type: 'serverChanged', id: heir.id, change: { record } });
      store.dispatch({ type: 'serverChanged', id: server.id, change: { record: null } });
      await context.registry.save({ ...heir, record });
    }
    return true;
  }

  return {
    prepare,
    deploy,
    async unload(server) {
      loads.get(server.id)?.abort();
      const base = `http://${server.host}:${String(server.port)}`;
      const answer = await send(base, unloadRequest(server.wish.model), 30_000);
      if (!answer.ok) return fail(answer.failure.reason, answer.failure.detail);
      return answer.value.status === 200 || answer.value.status === 404
        ? ok(undefined)
        : fail('failed', errorText(answer.value));
    },
    async tags() {
      const base = daemonUrl(context.settings()['ollama.host']);
      const answer = await http.request({ ...ollamaTagsRequest(base), timeoutMs: 3_000 });
      if (!answer.ok || answer.value.status !== 200) return [];
      return readOllamaTags(answer.value.body) ?? [];
    },
    handDaemonOver,
  };
}

/** Servers of ours that talk to the daemon at an address and go on doing so. */
function usersOfDaemon(
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

function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\])$/.test(host);
}

function errorText(answer: HttpAnswer): string {
  return readErrorMessage(answer.body) ?? `Ollama answered ${String(answer.status)}.`;
}

function refuse(reason: 'toolMissing' | 'notFound', detail: string): DeployResult {
  return { ok: false, failure: { reason, detail }, problems: [] };
}

function loadFailure(text: string): Server['diagnosis'] {
  return {
    engine: 'ollama',
    engineVersion: null,
    stage: 'loading',
    result: 'failed',
    cause: { id: 'unknown', title: text, evidence: [] },
    remedy: null,
    facts: noFacts,
  };
}
