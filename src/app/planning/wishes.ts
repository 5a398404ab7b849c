/** What a new wish starts with, and how a partial one is completed: Deploy always holds an explicit utilization. */
import type { EngineId } from '../../shared/planRequest';
import type { Wish } from '../../shared/wish';
import type { ModelService } from '../models/modelService';
import type { Settings } from '../settings';

const DEFAULT_CONTEXT_TOKENS = 8192;

export function emptyWish(settings: Settings): Wish {
  return {
    engine: 'vllm',
    model: '',
    options: { gpuMemoryUtilization: settings['vllm.defaultUtilization'] },
    extraArguments: [],
    port: null,
  };
}

/** For a model just chosen: default utilization, a context of 8192 or the model's own if that is smaller. */
export async function defaultWish(
  models: ModelService,
  settings: Settings,
  engine: EngineId,
  model: string,
): Promise<Wish> {
  const reading = await models.read(engine, model);
  const longest = reading.ok ? reading.value.longestContext : null;
  const context = Math.min(DEFAULT_CONTEXT_TOKENS, longest ?? DEFAULT_CONTEXT_TOKENS);
  return {
    ...emptyWish(settings),
    engine,
    model,
    options:
      engine === 'vllm'
        ? { gpuMemoryUtilization: settings['vllm.defaultUtilization'], maxModelLen: context }
        : { numCtx: context },
  };
}

/** Fills in what a caller of the API left out; what was given stays as it is. */
export function completeWish(settings: Settings, wish: Wish): Wish {
  if (wish.engine !== 'vllm' || wish.options.kvCacheMemoryBytes != null) return wish;
  const { gpuMemoryUtilization, ...rest } = wish.options;
  return {
    ...wish,
    options: {
      ...rest,
      gpuMemoryUtilization: gpuMemoryUtilization ?? settings['vllm.defaultUtilization'],
    },
  };
}
