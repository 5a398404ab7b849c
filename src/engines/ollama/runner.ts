/** What a runner's arguments tell: which file it holds, and with which settings it really runs. */
import type { PlanOptions } from '../../shared/planRequest';

export interface RunnerSettings {
  /** Hex digest of the model's weights; null: not told (runners of Ollama's own engine). */
  readonly blob: string | null;
  /** null: not told; up to 0.2x the daemon tells its runner over HTTP. */
  readonly options: Pick<PlanOptions, 'numParallel' | 'kvCacheType' | 'flashAttention'> | null;
}

/** `…/blobs/sha256-<hex>` → hex; null where there is none. */
export function blobIn(text: string): string | null {
  return /sha256-([0-9a-f]{64})/.exec(text)?.[1] ?? null;
}

/** The last of several counts, as in llama.cpp. */
export function readRunner(args: readonly string[]): RunnerSettings {
  const value = (...names: string[]): string | null => {
    const at = args.findLastIndex((one) => names.includes(one));
    return at < 0 ? null : (args[at + 1] ?? null);
  };
  const parallel = Number(value('-np', '--parallel'));
  const flash = value('--flash-attn', '-fa');
  const isTold = value('-c', '--ctx-size') !== null;
  return {
    blob: blobIn(value('--model', '-m') ?? ''),
    options: isTold
      ? {
          numParallel: Number.isInteger(parallel) && parallel > 0 ? parallel : null,
          kvCacheType: value('--cache-type-k', '--kv-cache-type') ?? 'f16',
          // `auto`: where the hardware can
          flashAttention: flash === 'on' ? true : flash === 'off' ? false : null,
        }
      : null,
  };
}

/** How a runner differs from what was planned, in words with the variable that sets it; only what is known of both. */
export function runnerDifferences(
  planned: PlanOptions,
  { options }: RunnerSettings,
): readonly string[] {
  if (!options) return [];
  const differs = (a: unknown, b: unknown): boolean => a != null && b != null && a !== b;
  const said: string[] = [];
  if (differs(planned.numParallel, options.numParallel))
    said.push(
      `${String(options.numParallel)} instead of ${String(planned.numParallel)} parallel requests (OLLAMA_NUM_PARALLEL)`,
    );
  if (differs(planned.kvCacheType, options.kvCacheType))
    said.push(
      `a KV cache in ${options.kvCacheType ?? ''} instead of ${planned.kvCacheType ?? ''} (OLLAMA_KV_CACHE_TYPE)`,
    );
  if (differs(planned.flashAttention, options.flashAttention))
    said.push(
      `flash attention ${options.flashAttention === true ? 'on' : 'off'} (OLLAMA_FLASH_ATTENTION)`,
    );
  return said;
}
