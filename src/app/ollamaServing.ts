/**
 * Ollama is a daemon plus requests: deploy = make sure it runs (adopt one, or start one in a terminal), then ask it to
 * load; stop = ask it to unload, and end the daemon only if we started it and nobody else of ours uses it.
 */
import { readOllamaVersion } from '../engines/ollama/api';
import { loadRequest, unloadRequest, type ApiRequest } from '../engines/ollama/command';
import { fail, ok, type Result } from '../shared/failure';
import { readOllamaTags, type OllamaTag } from '../models/ollamaShow';
import type { AppContext } from './appContext';
import { launch, NO_FACTS, titleOf, type DeployResult, type Prepared } from './deploy';
import type { ModelService } from './modelService';
import type { Observer } from './observer';
import { answerWish } from './planService';
import type { HttpAnswer } from './ports';
import { newServer } from './registry';
import type { Server } from './state';
import type { Wish } from '../shared/wish';

const DAEMON_START_MS = 30_000;
/** A load is answered only when it has ended; hundreds of GB from a slow disk take a while. */
const LOAD_TIMEOUT_MS = 30 * 60_000;
const DEFAULT_PORT = 11434;

export interface OllamaServing {
  prepare(wish: Wish): Promise<Result<Prepared>>;
  /** Resolves once the daemon answers and the load is asked for; the load itself is watched. */
  deploy(prepared: Prepared): Promise<DeployResult>;
  unload(server: Server): Promise<Result<void>>;
  /** Models that the daemon has; empty where none answers. */
  tags(): Promise<readonly OllamaTag[]>;
  /** Other live servers of ours talk to the same daemon, so it must stay. */
  isDaemonShared(server: Server): boolean;
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
    const answer = await http.request({ url: `${base}/api/version`, timeoutMs: 3_000 });
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
    const base = context.settings()['ollama.host'].replace(/\/+$/, '');
    const { host, port } = addressOf(base);
    let id: string;
    if ((await daemonVersion(base)) === null) {
      if (!store.state().engines.ollama.found) {
        return refuse(
          'toolMissing',
          `No Ollama answers at ${base}, and no ollama program was found.`,
        );
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
            title: titleOf(prepared.wish, port),
            wish: prepared.wish,
            command: prepared.answer.command,
            host,
            port,
            servedModelName: prepared.wish.model,
            startedAtMs: clock.now(),
            simulated: false,
          }),
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
    loads.set(id, abort);
    const failed = (text: string) => {
      store.dispatch({
        type: 'serverChanged',
        id,
        change: {
          phase: 'ended',
          endReason: 'failed',
          endedAtMs: clock.now(),
          seen: false,
          diagnosis: loadFailure(text),
        },
      });
      void context.registry.remove(id);
    };
    const deadline = clock.now() + DAEMON_START_MS;
    let version = await daemonVersion(base);
    while (version === null && clock.now() < deadline && !abort.signal.aborted) {
      await clock.sleep(300, abort.signal);
      version = await daemonVersion(base);
    }
    if (version === null) {
      failed(`Ollama did not answer at ${base} within ${String(DAEMON_START_MS / 1000)} s.`);
      return;
    }
    store.dispatch({
      type: 'serverChanged',
      id,
      change: { engineVersion: version, stage: 'loading' },
    });
    const answer = await send(
      base,
      loadRequest(wish.model, wish.options),
      LOAD_TIMEOUT_MS,
      abort.signal,
    );
    loads.delete(id);
    if (abort.signal.aborted) return;
    if (!answer.ok) failed(answer.failure.detail);
    else if (answer.value.status !== 200) failed(errorText(answer.value));
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
      const base = context.settings()['ollama.host'].replace(/\/+$/, '');
      const answer = await http.request({ url: `${base}/api/tags`, timeoutMs: 3_000 });
      return (answer.ok && answer.value.status === 200 && readOllamaTags(answer.value.body)) || [];
    },
    isDaemonShared: (server) =>
      store
        .state()
        .servers.some(
          (other) =>
            other.id !== server.id &&
            other.wish.engine === 'ollama' &&
            other.port === server.port &&
            other.phase !== 'ended',
        ),
  };
}

function addressOf(base: string): { host: string; port: number } {
  const match = /^(?:https?:\/\/)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?/.exec(base);
  return { host: match?.[1] ?? '127.0.0.1', port: Number(match?.[2] ?? DEFAULT_PORT) };
}

function errorText(answer: HttpAnswer): string {
  const quoted = /"error"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(answer.body)?.[1];
  return quoted ?? `Ollama answered ${String(answer.status)}.`;
}

function refuse(reason: 'toolMissing', detail: string): DeployResult {
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
    facts: NO_FACTS,
  };
}
