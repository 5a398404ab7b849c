/** Recorded vLLM start-ups as plan requests. */
import * as z from 'zod/mini';
import { GIB } from '../../src/shared/units';
import type { PlanRequest } from '../../src/shared/planRequest';
import { readDataJson } from './sharedData';

const known = z.nullable(z.number());
const caseSchema = z.object({
  id: z.string(),
  family: z.string(),
  flags: z.array(z.string()),
  model: z.string(),
  quantization: z.nullable(z.string()),
  dtype: z.nullable(z.string()),
  kv_cache_dtype: z.nullable(z.string()),
  vllm_version: z.nullable(z.string()),
  engine: z.string(),
  gpu_name: z.nullable(z.string()),
  total_gib_per_gpu: known,
  total_gib_hint: known,
  memory_class_gb: known,
  tensor_parallel: z.nullable(z.number()),
  gpu_memory_utilization: known,
  gpu_memory_utilization_version_default: known,
  max_model_len: known,
  max_num_seqs: known,
  max_num_batched_tokens: known,
  max_cudagraph_capture_size: known,
  enforce_eager: z.nullable(z.boolean()),
  prefix_caching: z.nullable(z.boolean()),
  extras: z.record(z.string(), z.unknown()),
  raw_lines: z.array(z.string()),
  non_default_args: z.nullable(z.record(z.string(), z.unknown())),
  model_config: z.nullable(z.record(z.string(), z.unknown())),
  reported: z.object({
    weights_gib: known,
    non_torch_gib: known,
    activation_peak_gib: known,
    cudagraph_gib: known,
    available_kv_gib: known,
    kv_tokens: known,
    num_gpu_blocks: known,
    max_concurrency: known,
    free_gib_at_start: known,
    outcome: z.string(),
  }),
});

export type StartupCase = z.infer<typeof caseSchema>;

export function startupCases(): StartupCase[] {
  return z.object({ cases: z.array(caseSchema) }).parse(readDataJson('vllm-startups.json')).cases;
}

/** Cases ground truth itself leaves out of strict comparisons, and one whose printed utilization does not add up. */
export const isStrict = (one: StartupCase): boolean => one.flags.length === 0 && one.id !== 'd-012';

/** V0 starts whose version is not stated are planned as 0.7, V1 ones as what the data can tell. */
const versionOf = (one: StartupCase): string | null =>
  one.vllm_version ?? (one.engine === 'V0' ? '0.7.3' : null);

function speculativeOf(one: StartupCase): Record<string, unknown> | null {
  const text = one.extras.speculative;
  if (typeof text !== 'string') return null;
  const method = /'method': '(\w+)'/.exec(text)?.[1];
  const count = /'num_speculative_tokens': (\d+)/.exec(text)?.[1];
  return { method: method ?? 'draft_model', num_speculative_tokens: Number(count ?? 1) };
}

function limitsOf(one: StartupCase): Record<string, unknown> | null {
  const text = one.non_default_args?.limit_mm_per_prompt;
  return typeof text === 'string' && /^\{('\w+': 0(, )?)+\}$/.test(text) ? { image: 0 } : null;
}

/** What CUDA reports on cards of a class (ground truth 2.8), for starts that name neither total nor card. */
const CLASS_GIB: ReadonlyMap<number, number> = new Map([
  [8, 7.75],
  [16, 14.7],
  [24, 23.5],
  [40, 39.5],
  [48, 44.5],
  [80, 79.2],
  [96, 94.5],
]);

/** `weights`: what the engine logged is given too, so that only the rest is estimated. */
export function requestOf(
  one: StartupCase,
  weights: 'given' | 'fromConfig',
  pool: 'planned' | 'given' = 'planned',
): PlanRequest {
  const tp = one.tensor_parallel ?? 1;
  const total =
    one.total_gib_per_gpu ?? one.total_gib_hint ?? CLASS_GIB.get(one.memory_class_gb ?? 0) ?? null;
  const lora = one.extras.lora as { max_lora_rank?: number | null } | undefined;
  const length = one.max_model_len;
  return {
    engine: 'vllm',
    engineVersion: versionOf(one),
    model: {
      name: one.model,
      config: one.model_config,
      weightsBytes:
        weights === 'given' && one.reported.weights_gib !== null
          ? Math.round(one.reported.weights_gib * GIB) * tp
          : null,
    },
    gpus: Array.from({ length: total === null ? 0 : tp }, () => ({
      name: one.gpu_name,
      totalBytes: Math.round((total ?? 0) * GIB),
      // Logs print what CUDA sees.
      cudaBytes: Math.round((total ?? 0) * GIB),
      freeBytes:
        one.reported.free_gib_at_start === null
          ? null
          : Math.round(one.reported.free_gib_at_start * GIB),
      memory: 'dedicated' as const,
    })),
    options: {
      gpuMemoryUtilization: one.gpu_memory_utilization,
      kvCacheMemoryBytes:
        pool === 'given' && one.reported.available_kv_gib !== null
          ? Math.max(1, Math.round(one.reported.available_kv_gib * GIB))
          : null,
      maxModelLen: length,
      maxNumSeqs: one.max_num_seqs,
      maxNumBatchedTokens: one.max_num_batched_tokens,
      maxCudagraphCaptureSize: one.max_cudagraph_capture_size,
      tensorParallelSize: tp,
      dtype: one.dtype,
      quantization: quantizationOf(one.quantization),
      kvCacheDtype: one.kv_cache_dtype?.startsWith('fp8 (') === true ? 'fp8' : one.kv_cache_dtype,
      enforceEager: one.enforce_eager,
      enablePrefixCaching: one.prefix_caching,
      speculativeConfig: speculativeOf(one),
      decodeContextParallelSize:
        typeof one.extras.decode_context_parallel === 'number'
          ? one.extras.decode_context_parallel
          : null,
      blockSize: typeof one.extras.block_size === 'number' ? one.extras.block_size : null,
      languageModelOnly: one.non_default_args?.language_model_only === true ? true : null,
      limitMmPerPrompt: limitsOf(one),
      enableLora: lora ? true : null,
      maxLoraRank: lora?.max_lora_rank ?? null,
    },
  };
}

function quantizationOf(text: string | null): string | null {
  if (text === null) return null;
  if (/nvfp4/i.test(text)) return 'nvfp4';
  if (/fp8/i.test(text)) return 'fp8';
  if (/int4|4-bit|awq/i.test(text)) return 'awq';
  return text;
}
