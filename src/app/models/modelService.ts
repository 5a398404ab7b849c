/** Reads the model that is wished for and puts it into the state; a folder or file once, until it changes. */
import { daemonUrl } from '../../engines/ollama/address';
import { ollamaShowRequest } from '../../engines/ollama/api';
import { readOllamaShow } from '../../models/ollamaShow';
import { fail, ok, type Result } from '../../shared/failure';
import type { EngineId } from '../../shared/planRequest';
import type { AppContext } from '../appContext';
import { completeFromHub, HUB_NEEDS, hubModelFor } from './completeFromHub';
import type { Hub } from './hub';
import { readModel } from './modelReader';
import type { ModelReading } from './modelReading';

/** Somebody who types is asked about only once they rest: a hub is not here to complete names. */
const REST_MS = 600;

export interface ModelService {
  read(engine: EngineId, model: string): Promise<Result<ModelReading>>;
  /** Reads what the state wishes for, if it isn't there yet. */
  follow(): () => void;
  /** Reads the wished one again: what may be asked, or with which token, has changed. */
  readAgain(): void;
}

/** Without a hub, names stay names. */
export function createModelService(context: AppContext, hub: Hub | null = null): ModelService {
  const { store, files, clock, log } = context;
  const cache = new Map<string, { stamp: string; reading: Promise<Result<ModelReading>> }>();
  let wished = new AbortController();

  /** Without a network, Ollama's daemon aside. */
  async function readHere(engine: EngineId, model: string): Promise<Result<ModelReading>> {
    if (model === '') return fail('invalid', 'No model is chosen.');
    const facts = await files.stat(model);
    const stamp = `${String(facts?.modifiedMs)}:${String(facts?.sizeBytes)}`;
    const key = `${engine}:${model}`;
    const cached = cache.get(key);
    if (cached?.stamp === stamp) return cached.reading;
    const reading =
      engine === 'ollama' && !facts
        ? readTag(context, model)
        : readModel(files, model, { cacheFolders: context.hubCacheFolders() });
    cache.set(key, { stamp, reading });
    const result = await reading;
    // nothing tells when a file may be read again, or that a name stands for more by now: downloaded, pulled anew
    if (!result.ok || !facts) cache.delete(key);
    return result;
  }

  async function complete(
    engine: EngineId,
    model: string,
    reading: Result<ModelReading>,
    signal?: AbortSignal,
  ): Promise<Result<ModelReading>> {
    if (!hub || !reading.ok) return reading;
    return ok(await completeFromHub(hub, engine, model, reading.value, HUB_NEEDS, signal));
  }

  async function readWished(engine: EngineId, id: string, signal: AbortSignal): Promise<void> {
    if (id === '') return;
    const here = await readHere(engine, id);
    const asksHub = hub?.isAllowed() === true && here.ok && hubModelFor(engine, id, here.value);
    if (asksHub) {
      show(engine, id, here);
      await clock.sleep(REST_MS, signal);
      if (signal.aborted) return;
    }
    const result = await complete(engine, id, here, signal);
    if (signal.aborted) return;
    if (!result.ok) log.info('models', 'could not read', { model: id, why: result.failure.detail });
    show(engine, id, result);
  }

  function show(engine: EngineId, id: string, result: Result<ModelReading>): void {
    // the same name means another model to the other engine, and that one is being read by now
    if (store.state().wish.engine !== engine) return;
    const reading = result.ok ? result.value : null;
    store.dispatch({
      type: 'modelRead',
      model: {
        id,
        facts: reading?.facts ?? { name: id },
        longestContext: reading?.longestContext ?? null,
        problem: result.ok ? null : result.failure.detail,
        notes: reading?.notes ?? [],
        needsToken: reading?.hubFailure?.reason === 'needsToken',
      },
    });
  }

  function readNow(): void {
    wished.abort();
    wished = new AbortController();
    const { wish } = store.state();
    void readWished(wish.engine, wish.model, wished.signal);
  }

  return {
    read: async (engine, model) => complete(engine, model, await readHere(engine, model)),
    follow() {
      const readIfNew = () => {
        const { wish, model } = store.state();
        if (model?.id !== wish.model) readNow();
      };
      readIfNew();
      const unwatch = store.watch((state) => `${state.wish.engine}:${state.wish.model}`, readIfNew);
      return () => {
        unwatch();
        wished.abort();
      };
    },
    readAgain() {
      hub?.forgetFailures();
      readNow();
    },
  };
}

/** Ollama's own answer about a tag; its name alone where the daemon doesn't answer. */
async function readTag(context: AppContext, tag: string): Promise<Result<ModelReading>> {
  const base = daemonUrl(context.settings()['ollama.host']);
  const answer = await context.http.request({
    ...ollamaShowRequest(base, tag),
    timeoutMs: 10_000,
  });
  if (!answer.ok || answer.value.status === 404) {
    return readModel(context.files, tag, { cacheFolders: context.hubCacheFolders() });
  }
  const shown = readOllamaShow(answer.value.body);
  if (!shown) return fail('badOutput', `Ollama's answer about ${tag} could not be read.`);
  return ok({
    facts: { name: tag, gguf: shown.gguf },
    basis: 'gguf',
    longestContext: shown.longestContext,
    notes: [],
  });
}
