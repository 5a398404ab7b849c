/** What Deploy does for Ollama: ensure the daemon, then ask it to load. Bundled into the planner page: keep it and its imports small. */
import type { Command, Plan } from '../../shared/planAnswer';
import type { PlanOptions, PlanRequest } from '../../shared/planRequest';
import type { CommandSettings } from '../engine';

/** An HTTP request as data; `app/` sends it. Relative to the daemon's base URL. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>> | null;
}

/** Ollama's own port. */
export const OLLAMA_DEFAULT_PORT = 11434;

/**
 * The process part of a deploy: `ollama serve` with what only the daemon's environment can set (parallel slots, KV type,
 * flash attention, context). A daemon that already runs is adopted instead; then only {@link loadRequest} is sent, and
 * these variables do not apply. `OLLAMA_NOPRUNE` because a second daemon on the same folder deletes blobs at its start
 * (older than an hour, any age before 0.21); `OLLAMA_NO_CLOUD` because it would ask its maker's server every four hours.
 */
export function ollamaCommand(
  request: PlanRequest,
  _plan: Plan,
  settings: CommandSettings,
): Command {
  const env: Record<string, string> = {
    OLLAMA_HOST: ollamaHost(settings.host, settings.port),
    OLLAMA_NOPRUNE: '1',
    OLLAMA_NO_CLOUD: '1',
    ...keepAliveEnvironment(null),
  };
  const { numCtx, numParallel, kvCacheType, flashAttention } = request.options;
  if (numCtx != null) env.OLLAMA_CONTEXT_LENGTH = String(numCtx);
  if (numParallel != null) env.OLLAMA_NUM_PARALLEL = String(numParallel);
  if (kvCacheType != null) env.OLLAMA_KV_CACHE_TYPE = kvCacheType;
  if (flashAttention != null) env.OLLAMA_FLASH_ATTENTION = flashAttention ? '1' : '0';
  return {
    file: settings.file,
    args: ['serve', ...settings.extraArguments],
    env: { ...env, ...settings.environment },
  };
}

/**
 * Of a daemon: what a model gets that is loaded anew by a request without `keep_alive` of its own (all of /v1), as after
 * a crash of its runner. @param seconds null: for ever.
 */
export function keepAliveEnvironment(seconds: number | null | undefined): Record<string, string> {
  return { OLLAMA_KEEP_ALIVE: String(keepAliveOf(seconds)) };
}

/** As Ollama takes it: seconds, below 0 for ever. */
export const keepAliveOf = (seconds: number | null | undefined): number => seconds ?? -1;

/**
 * The second part of a deploy: load without a prompt. It is answered only when the load has ended, so give it no time-out;
 * leaving early cancels the load.
 * @param keepAlive seconds that it stays loaded while idle; null: for ever. A number in quotes is refused by Ollama.
 */
export function loadRequest(
  model: string,
  options: PlanOptions,
  keepAlive: number | null = null,
): ApiRequest {
  const runner = runnerOptions(options);
  return {
    method: 'POST',
    path: '/api/generate',
    body: {
      model,
      stream: false,
      keep_alive: keepAliveOf(keepAlive),
      ...(Object.keys(runner).length > 0 && { options: runner }),
    },
  };
}

/** Under other ones than a model was loaded with, it is loaded anew. */
export function runnerOptions({ numCtx, numGpu, numBatch }: PlanOptions): Record<string, number> {
  const runner: Record<string, number> = {};
  if (numCtx != null) runner.num_ctx = numCtx;
  if (numGpu != null && numGpu >= 0) runner.num_gpu = numGpu;
  if (numBatch != null) runner.num_batch = numBatch;
  return runner;
}

/** Embedding-only models refuse generate (400 `does not support generate`); this loads them. */
export function loadEmbeddingRequest(model: string, keepAlive: number | null = null): ApiRequest {
  return {
    method: 'POST',
    path: '/api/embed',
    body: { model, keep_alive: keepAliveOf(keepAlive) },
  };
}

/** Answered at once; the memory is back a little later. Harmless for a model that is not loaded. */
export function unloadRequest(model: string): ApiRequest {
  return {
    method: 'POST',
    path: '/api/generate',
    body: { model, stream: false, keep_alive: 0 },
  };
}

/** Value of `OLLAMA_HOST`; always with a port, because `http://h` alone means port 80 to Ollama. */
export function ollamaHost(host: string, port: number | null): string {
  const bare = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return `${bare}:${String(port ?? OLLAMA_DEFAULT_PORT)}`;
}
