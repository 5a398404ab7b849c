/** Which failures teach something about a model on a card; a taken port or a missing tool does not. */
import { ollamaCauseTexts } from '../engines/ollama/causes';
import { vllmCauseTexts } from '../engines/vllm/causes';
import type { EngineId } from '../shared/planRequest';

/** `memory`: it needs more than there was. `settings`: this model, card and version do not take these settings. */
export type LessonKind = 'memory' | 'settings';

const LESSONS: readonly (readonly [RegExp, LessonKind])[] = [
  [/^(gpu_)?oom_/, 'memory'],
  [/^(kv_cache_no_blocks|kv_cache_too_small|mamba_blocks_too_few)$/, 'memory'],
  [/^(free_memory_check|cuda_error_oom|multimodal_reserve_too_large)$/, 'memory'],
  [/^(cpu_fallback_insufficient_vram|partial_offload|vulkan_buffer_limit)$/, 'memory'],
  [
    /^(max_model_len_over_derived|batched_tokens_too_few|pipeline_parallel_unsupported)$/,
    'settings',
  ],
  [/^(tp_heads_not_divisible|tp_not_divisible|bnb_tensor_parallel)$/, 'settings'],
  [/^quant(ization)?_/, 'settings'],
  [/^(bf16_unsupported|fp16_unsupported|gpu_capability_too_low)$/, 'settings'],
  [/^(unsupported_option|kv_type_invalid|kv_type_needs_flash_attention)$/, 'settings'],
];

/** null: nothing is learned from it. */
export function lessonKind(causeId: string): LessonKind | null {
  return LESSONS.find(([pattern]) => pattern.test(causeId))?.[1] ?? null;
}

/** As "Explain Last Failure" heads it. */
export function causeTitle(engine: EngineId, causeId: string): string {
  const texts = engine === 'vllm' ? vllmCauseTexts : ollamaCauseTexts;
  return texts[causeId]?.title ?? causeId.replaceAll('_', ' ');
}
