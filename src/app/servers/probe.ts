/** What answers at an address: looked at until it has proved to be the engine it is taken for. */
import {
  ollamaPsRequest,
  ollamaVersionRequest,
  readOllamaPs,
  readOllamaVersion,
} from '../../engines/ollama/api';
import type { EndpointRequest } from '../../engines/endpoint';
import { healthRequest } from '../../engines/vllm/api';
import {
  modelsRequest,
  readServedModels,
  readVllmVersion,
  versionRequest,
} from '../../engines/vllm/served';
import { fail, ok, type Result } from '../../shared/failure';
import type { Http, HttpAnswer } from '../ports';

const TIMEOUT_MS = 3_000;
/** Lists of models are short; what streams for ever is something else. */
const MAX_BYTES = 1_000_000;

export interface Answering {
  readonly version: string | null;
  /** What clients ask for; null where it wants a key that we don't have. */
  readonly models:
    | readonly {
        readonly name: string;
        /** What was loaded, where that is told. */
        readonly root: string | null;
        /** Tokens; null: not told. */
        readonly maxModelLen: number | null;
      }[]
    | null;
}

/** Fails with words for people where it is no vLLM, or none that works. */
export async function probeVllm(http: Http, base: string): Promise<Result<Answering>> {
  const [health, version, models] = await Promise.all(
    [healthRequest(base), versionRequest(base), modelsRequest(base)].map((request) =>
      ask(http, request),
    ),
  );
  if (!health?.ok || !version || !models) return fail('refused', 'It does not answer yet.');
  if (health.value.status === 503)
    return fail('failed', 'It answers, but its engine is dead (HTTP 503).');
  const told =
    version.ok && version.value.status === 200 ? readVllmVersion(version.value.body) : null;
  const listed =
    models.ok && models.value.status === 200 ? readServedModels(models.value.body) : null;
  const wantsKey = models.ok && models.value.status === 401 && told !== null;
  if (health.value.status !== 200 || (listed === null && !wantsKey))
    return fail('badOutput', 'Something answers there, but not as vLLM does.');
  return ok({
    version: told,
    models: listed?.map(({ id, root, maxModelLen }) => ({ name: id, root, maxModelLen })) ?? null,
  });
}

/** The models that are loaded now. */
export async function probeOllama(http: Http, base: string): Promise<Result<Answering>> {
  const [version, loaded] = await Promise.all([
    ask(http, ollamaVersionRequest(base)),
    ask(http, ollamaPsRequest(base)),
  ]);
  if (!version.ok) return fail('refused', 'It does not answer.');
  const told = version.value.status === 200 ? readOllamaVersion(version.value.body) : null;
  const models = loaded.ok && loaded.value.status === 200 ? readOllamaPs(loaded.value.body) : null;
  if (told === null || models === null)
    return fail('badOutput', 'Something answers there, but not as Ollama does.');
  return ok({
    version: told,
    models: models.map(({ name, contextLength }) => ({
      name,
      root: null,
      maxModelLen: contextLength,
    })),
  });
}

function ask(http: Http, request: EndpointRequest): Promise<Result<HttpAnswer>> {
  return http.request({ ...request, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES });
}
