/**
 * What to try next after an out-of-memory failure where nothing can be computed (product.md 5): one step at a time, each
 * rung milder than the next. The way back up after a good start takes the same rungs in reverse.
 */
import type { PlanOptions } from '../shared/planRequest';

/** What a launch runs with where its options leave a setting to the engine. */
export interface Defaults {
  readonly utilization: number;
  /** Tokens; null: the model's own, not known. */
  readonly maxModelLen: number | null;
  readonly maxNumSeqs: number;
}

/** One step, and why it helps, in words. */
export interface Rung {
  readonly change: PlanOptions;
  readonly why: string;
}

const UTILIZATIONS = [0.85, 0.8, 0.75];
const CONTEXTS = [4096, 2048, 1024];
const SEQUENCES = [128, 64, 32, 16, 8];
const HIGHEST_UTILIZATION = 0.9;

/** Sampler warm-up, graphs, the profile run: what runs beside the KV pool must get room. */
export function stepsAfterStartFailure(options: PlanOptions, defaults: Defaults): Rung[] {
  const fixedPool = (options.kvCacheMemoryBytes ?? null) !== null;
  const share = options.gpuMemoryUtilization ?? defaults.utilization;
  const lower = fixedPool ? [] : UTILIZATIONS.filter((one) => one < share - 0.001);
  return [
    ...lower.map((gpuMemoryUtilization) => ({
      change: { gpuMemoryUtilization },
      why: `Utilization ${gpuMemoryUtilization.toFixed(2)} instead of ${share.toFixed(2)} leaves more room beside the KV pool.`,
    })),
    ...eagerRung(options),
    ...modelLenRungs(options, defaults),
    ...sequenceRungs(options, defaults),
  ];
}

/** While serving: what grows with the number of requests must shrink first. */
export function stepsAfterServingFailure(
  options: PlanOptions,
  defaults: Defaults,
  fp8Kv: boolean,
): Rung[] {
  const canHalveKv = fp8Kv && !/fp8|int8|u8/.test(options.kvCacheDtype ?? '');
  return [
    ...sequenceRungs(options, defaults),
    ...(canHalveKv
      ? [
          {
            change: { kvCacheDtype: 'fp8' },
            why: 'An fp8 KV cache takes half the memory per token.',
          },
        ]
      : []),
    ...modelLenRungs(options, defaults),
  ];
}

/** A load by Ollama, which sets aside the K/V cache of all parallel requests at once. */
export function stepsAfterLoadFailure({ numCtx, numParallel }: PlanOptions): Rung[] {
  const one: Rung = {
    change: { numParallel: 1 },
    why: 'One KV cache instead of one per request.',
  };
  return [
    ...((numParallel ?? 1) > 1 ? [one] : []),
    ...contextRungs(numCtx ?? null).map(({ tokens, why }) => ({ change: { numCtx: tokens }, why })),
  ];
}

function eagerRung(options: PlanOptions): Rung[] {
  if (options.enforceEager === true) return [];
  return [
    {
      change: { enforceEager: true },
      why: 'Eager mode captures no CUDA graphs: 0.5 to 1 GB less, 10 to 20 % slower.',
    },
  ];
}

function modelLenRungs(options: PlanOptions, { maxModelLen }: Defaults): Rung[] {
  return contextRungs(options.maxModelLen ?? maxModelLen).map(({ tokens, why }) => ({
    change: { maxModelLen: tokens },
    why,
  }));
}

/** @param length in tokens now; null: the model's own, not known */
function contextRungs(length: number | null): { tokens: number; why: string }[] {
  const instead = length === null ? '' : ` instead of ${String(length)}`;
  return CONTEXTS.filter((tokens) => length === null || tokens < length).map((tokens) => ({
    tokens,
    why: `A context of ${String(tokens)} tokens${instead}.`,
  }));
}

function sequenceRungs(options: PlanOptions, { maxNumSeqs }: Defaults): Rung[] {
  const sequences = options.maxNumSeqs ?? maxNumSeqs;
  return SEQUENCES.filter((one) => one < sequences).map((one) => ({
    change: { maxNumSeqs: one },
    why: `At most ${String(one)} requests at once instead of ${String(sequences)}.`,
  }));
}

/**
 * One step up from settings that started well, mildest gain first; empty where nothing is held back.
 * @param longest the model's own context in tokens; null: not known, so the context is left as it is
 */
export function stepsUp(options: PlanOptions, longest: number | null): Rung[] {
  const length = options.maxModelLen ?? null;
  const share = options.gpuMemoryUtilization ?? null;
  const rungs: Rung[] = [];
  if (options.enforceEager === true)
    rungs.push({
      change: { enforceEager: false },
      why: 'With CUDA graphs: 10 to 20 % faster, 0.5 to 1 GB more.',
    });
  if (length !== null && length <= Math.max(...CONTEXTS) && longest !== null && longest > length) {
    const doubled = Math.min(longest, length * 2);
    rungs.push({
      change: { maxModelLen: doubled },
      why: `A context of ${String(doubled)} tokens instead of ${String(length)}.`,
    });
  }
  if (share !== null && share > 0 && share < HIGHEST_UTILIZATION - 0.001) {
    const more = Math.round(Math.min(HIGHEST_UTILIZATION, share + 0.05) * 100) / 100;
    rungs.push({
      change: { gpuMemoryUtilization: more },
      why: `Utilization ${more.toFixed(2)} instead of ${share.toFixed(2)}: a larger KV pool.`,
    });
  }
  return rungs;
}
