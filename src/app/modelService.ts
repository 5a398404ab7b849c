/** Reads the model that is wished for, once per model and change of its folder, and puts it into the state. */
import { daemonUrl } from '../engines/ollama/address';
import { ollamaShowRequest } from '../engines/ollama/api';
import { readOllamaShow } from '../models/ollamaShow';
import { fail, ok, type Result } from '../shared/failure';
import type { EngineId } from '../shared/planRequest';
import type { AppContext } from './appContext';
import { readModel } from './modelReader';
import type { ModelReading } from './modelReading';

export interface ModelService {
  read(engine: EngineId, model: string): Promise<Result<ModelReading>>;
  /** Reads what the state wishes for, if it isn't there yet. */
  follow(): () => void;
}

export function createModelService(context: AppContext): ModelService {
  const { store, files, log } = context;
  const cache = new Map<string, { stamp: string; reading: Promise<Result<ModelReading>> }>();

  async function read(engine: EngineId, model: string): Promise<Result<ModelReading>> {
    if (model === '') return fail('invalid', 'No model is chosen.');
    const facts = await files.stat(model);
    const stamp = `${String(facts?.modifiedMs)}:${String(facts?.sizeBytes)}`;
    const key = `${engine}:${model}`;
    const cached = cache.get(key);
    if (cached?.stamp === stamp) return cached.reading;
    const reading =
      engine === 'ollama' && !facts
        ? readTag(context, model)
        : readModel(files, model, { cacheFolders: context.hubCacheFolders });
    cache.set(key, { stamp, reading });
    const result = await reading;
    // a daemon that was down, a file that was busy: ask again next time
    if (!result.ok) cache.delete(key);
    return result;
  }

  async function readWished(engine: EngineId, id: string): Promise<void> {
    if (id === '') return;
    const result = await read(engine, id);
    if (!result.ok) log.info('models', 'could not read', { model: id, why: result.failure.detail });
    // the same name means another model to the other engine, and that one is being read by now
    if (store.state().wish.engine !== engine) return;
    store.dispatch({
      type: 'modelRead',
      model: {
        id,
        facts: result.ok ? result.value.facts : { name: id },
        longestContext: result.ok ? result.value.longestContext : null,
        problem: result.ok ? null : result.failure.detail,
      },
    });
  }

  return {
    read,
    follow() {
      const wished = () => {
        const { wish, model } = store.state();
        if (model?.id !== wish.model) void readWished(wish.engine, wish.model);
      };
      wished();
      const unwatch = store.watch((state) => `${state.wish.engine}:${state.wish.model}`, wished);
      return unwatch;
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
    return readModel(context.files, tag, { cacheFolders: context.hubCacheFolders });
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
