/**
 * One load by a daemon, from its first answer to the model loaded or the reason why not; before it the download, where
 * that was agreed to. Ollama sends no header before the load has ended, and gives it up when the client leaves.
 */
import {
  loadEmbeddingRequest,
  loadRequest,
  unloadRequest,
  type ApiRequest,
} from '../../engines/ollama/command';
import {
  isSameTag,
  ollamaPsRequest,
  readOllamaError,
  readOllamaPs,
} from '../../engines/ollama/api';
import { createPullReader, ollamaPullRequest } from '../../engines/ollama/pull';
import { fail, ok, type Result } from '../../shared/failure';
import { formatBytes } from '../../shared/units';
import type { Wish } from '../../shared/wish';
import type { AppContext } from '../appContext';
import { DAEMON_START_MS, type OllamaDaemon } from './ollamaDaemon';
import type { HttpAnswer } from '../ports';
import type { ServerFacts } from '../state';

const UNLOAD_TIMEOUT_MS = 30_000;
/** 0.24 lists an idle model for 0.85 s after it was unloaded, 0.32 for 0.25 s. */
const UNLOADED_MS = 5_000;
const UNLOAD_POLL_MS = 250;
const PS_TIMEOUT_MS = 3_000;
/** The daemon reports a download every 60 ms. */
const PROGRESS_EVERY_MS = 500;

export interface LoadOptions {
  readonly id: string;
  readonly base: string;
  readonly wish: Wish;
  /** Downloads the model first where the daemon lacks it. */
  readonly pull: boolean;
  readonly signal: AbortSignal;
}

/** Fails with the daemon's own words, all lines of them. Cancelled: the daemon gives up what it was doing. */
export async function loadModel(
  context: AppContext,
  daemon: OllamaDaemon,
  { id, base, wish, pull, signal }: LoadOptions,
): Promise<Result<void>> {
  const change = async (changed: ServerFacts): Promise<void> => {
    context.store.dispatch({ type: 'serverChanged', id, change: changed });
    const server = context.store.state().servers.find((one) => one.id === id);
    if (server) await context.registry.save(server);
  };
  const version = await daemon.waitForVersion(base, signal);
  if (signal.aborted) return fail('cancelled', 'The load was cancelled.');
  if (version === null)
    return fail(
      'timedOut',
      `Ollama did not answer at ${base} within ${String(DAEMON_START_MS / 1000)} s.`,
    );
  if (pull && (await daemon.lacks(base, wish.model))) {
    await change({ engineVersion: version, stage: 'downloading' });
    const pulled = await pullModel(context, { id, base, wish, signal });
    if (!pulled.ok) return pulled;
  }
  await change({ engineVersion: version, stage: 'loading', progress: null });
  const ask = (request: ApiRequest) => send(context, base, request, null, signal);
  let answer = await ask(loadRequest(wish.model, wish.options, wish.keepAlive));
  if (answer.ok && answer.value.body.includes('does not support generate'))
    answer = await ask(loadEmbeddingRequest(wish.model, wish.keepAlive));
  const result = resultOf(answer, 'while it was loading');
  if (result.ok) context.store.dispatch({ type: 'serverChanged', id, change: { stage: 'ready' } });
  return result;
}

/**
 * Asked for, it is answered at once, and carried out when no reply is under way: `waits` until the daemon no longer
 * lists it. A model that the daemon does not have is not loaded either, unless it was deleted meanwhile.
 */
export async function unloadModel(
  context: AppContext,
  base: string,
  model: string,
  { waits }: { readonly waits: boolean },
): Promise<Result<void>> {
  const { http, clock } = context;
  const answer = await send(context, base, unloadRequest(model), UNLOAD_TIMEOUT_MS);
  if (!answer.ok) return answer;
  const isUnknown = answer.value.status === 404;
  const result = isUnknown ? ok(undefined) : resultOf(answer, 'while it unloaded');
  const deadline = clock.elapsedMs() + (isUnknown ? 0 : UNLOADED_MS);
  while (waits && result.ok) {
    const listed = await http.request({ ...ollamaPsRequest(base), timeoutMs: PS_TIMEOUT_MS });
    const models = listed.ok ? readOllamaPs(listed.value.body) : null;
    if (!models?.some(({ name }) => isSameTag(name, model))) return result;
    if (clock.elapsedMs() >= deadline)
      return fail(
        'failed',
        isUnknown
          ? `${model} was deleted while it was loaded, and can't be unloaded by its name: restart Ollama to free its memory.`
          : `${model} is answering a request: Ollama unloads it when that has ended.`,
      );
    await clock.sleep(UNLOAD_POLL_MS);
  }
  return result;
}

async function pullModel(
  { http, clock, store, log }: AppContext,
  { id, base, wish, signal }: Omit<LoadOptions, 'pull'>,
): Promise<Result<void>> {
  log.info('ollama', 'pulling', { id, model: wish.model });
  const reader = createPullReader();
  let shownAtMs = -Infinity;
  const answer = await http.request({
    ...ollamaPullRequest(base, wish.model),
    timeoutMs: null,
    signal,
    onText(chunk) {
      reader.push(chunk);
      if (clock.elapsedMs() - shownAtMs < PROGRESS_EVERY_MS) return;
      const progress = reader.progress();
      if (!progress) return;
      shownAtMs = clock.elapsedMs();
      store.dispatch({ type: 'serverChanged', id, change: { stage: 'downloading', progress } });
    },
  });
  const result = resultOf(answer, 'while it was downloading');
  if (!result.ok) return result;
  const end = reader.end();
  const { done, total } = reader.progress() ?? { done: 0, total: 0 };
  log.info('ollama', 'pull ended', { id, why: end === 'success' ? end : 'failed', bytes: done });
  if (end === 'success') return ok(undefined);
  return fail(
    'failed',
    end?.error ??
      `The download broke off at ${formatBytes(done)} of ${formatBytes(total)}; the next one goes on from there.`,
  );
}

function send(
  { http }: AppContext,
  base: string,
  { method, path, body }: ApiRequest,
  timeoutMs: number | null,
  signal?: AbortSignal,
): Promise<Result<HttpAnswer>> {
  return http.request({
    url: `${base}${path}`,
    method,
    ...(body && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }),
    timeoutMs,
    ...(signal && { signal }),
  });
}

function resultOf(answer: Result<HttpAnswer>, doing: string): Result<void> {
  if (!answer.ok) {
    const { reason, detail } = answer.failure;
    return fail(reason, reason === 'failed' ? `Ollama went away ${doing}: ${detail}.` : detail);
  }
  const { status, body } = answer.value;
  if (status === 200) return ok(undefined);
  return fail('failed', readOllamaError(body) ?? `Ollama answered ${String(status)}.`);
}
