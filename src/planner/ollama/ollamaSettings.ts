/** What a request leaves open, as that Ollama version would fill it in: context, slots, batch, cache type, flash attention. */
import { GIB } from '../../shared/units';
import type { PlanRequest } from '../../shared/planRequest';
import type { GgufShape } from './ggufShape';
import { CACHE_TYPES } from './keyValueCache';
import { CONTEXT_TIERS, SINGLE_SLOT_ARCHITECTURES, type OllamaRules } from './ollamaVersions';

export interface OllamaSettings {
  /** Tokens of one slot. */
  readonly numCtx: number;
  readonly numParallel: number;
  /** null: the version chooses by context and memory. */
  readonly numBatch: number | null;
  readonly cacheType: string;
  readonly flashAttention: boolean;
  /** null: automatic. */
  readonly numGpu: number | null;
  /** A combination that this version refuses to start with; null where there is none. */
  readonly refusal: string | null;
  /** What was assumed or changed, in words. */
  readonly notes: readonly string[];
}

/** Least memory with which gpt-oss got its larger default context. */
const LOW_VRAM_BYTES = 20 * GIB;

/** Every choice that was not the request's is a note. */
export function ollamaSettings(
  request: PlanRequest,
  rules: OllamaRules,
  shape: GgufShape,
): OllamaSettings {
  const { options } = request;
  const notes: string[] = [];
  const numCtx = contextLength(request, rules, shape, notes);
  const numParallel = slots(request, rules, shape, notes);
  const flashAttention = options.flashAttention ?? flashAttentionByDefault(request, rules);
  if (options.flashAttention === undefined || options.flashAttention === null)
    notes.push(`Flash attention ${flashAttention ? 'on' : 'off'}: the default of this version.`);
  const cache = cacheType(request, rules, shape, flashAttention, notes);
  const numGpu = options.numGpu ?? -1;
  return {
    numCtx,
    numParallel,
    numBatch: options.numBatch ?? null,
    cacheType: cache.type,
    flashAttention,
    numGpu: numGpu < 0 ? null : numGpu,
    refusal: cache.refusal,
    notes,
  };
}

function contextLength(
  request: PlanRequest,
  rules: OllamaRules,
  shape: GgufShape,
  notes: string[],
): number {
  const asked = request.options.numCtx ?? request.options.maxModelLen ?? null;
  const totalBytes = request.gpus.reduce((sum, gpu) => sum + gpu.totalBytes, 0);
  let numCtx = asked ?? defaultContext(rules, totalBytes);
  if (asked === null)
    notes.push(
      `No num_ctx given: Ollama ${rules.version} takes ${String(numCtx)} tokens` +
        (rules.defaultContext === 'tiered' ? ' for this much GPU memory in total.' : '.'),
    );
  if (
    rules.raisesGptOssContext &&
    numCtx < 8192 &&
    totalBytes >= LOW_VRAM_BYTES &&
    /^gpt-?oss$/.test(shape.architecture)
  ) {
    numCtx = 8192;
    notes.push('gpt-oss is raised to 8,192 tokens in this version.');
  }
  if (shape.contextLength !== null && numCtx > shape.contextLength) {
    notes.push(
      `num_ctx ${String(numCtx)} is cut to ${String(shape.contextLength)}, the longest the model was trained for.`,
    );
    numCtx = shape.contextLength;
  }
  return Math.max(4, numCtx);
}

function defaultContext(rules: OllamaRules, totalBytes: number): number {
  if (rules.defaultContext !== 'tiered') return rules.defaultContext;
  const tier = CONTEXT_TIERS.find((row) => totalBytes >= row.fromGib * GIB);
  return tier?.tokens ?? 4096;
}

function slots(
  request: PlanRequest,
  rules: OllamaRules,
  shape: GgufShape,
  notes: string[],
): number {
  const asked = request.options.numParallel ?? rules.firstParallel;
  if (asked > 1 && (shape.embeds || SINGLE_SLOT_ARCHITECTURES.has(shape.architecture))) {
    if (request.options.numParallel != null)
      notes.push(
        `${shape.embeds ? 'An embedding model' : shape.architecture} runs with one slot only, whatever OLLAMA_NUM_PARALLEL says.`,
      );
    return 1;
  }
  return asked;
}

/** From 0.30 on wherever the card can. */
function flashAttentionByDefault(request: PlanRequest, rules: OllamaRules): boolean {
  if (rules.flashByDefault !== null) return rules.flashByDefault;
  // Maxwell and older, and Volta's embedded sibling (7.2), are left out; nothing newer is.
  return !request.gpus.some((gpu) =>
    /GTX (?:9|7|6)\d\d|Tesla [KM]\d+|Xavier/i.test(gpu.name ?? ''),
  );
}

function cacheType(
  request: PlanRequest,
  rules: OllamaRules,
  shape: GgufShape,
  flashAttention: boolean,
  notes: string[],
): { type: string; refusal: string | null } {
  const asked = (request.options.kvCacheType ?? 'f16').trim().toLowerCase() || 'f16';
  const plain = asked === 'f16' || asked === 'bf16' || asked === 'f32';
  if (rules.era === 'fit') {
    if (!CACHE_TYPES.includes(asked))
      return { type: 'f16', refusal: `llama-server knows no KV cache type "${asked}"` };
    if (!plain && !flashAttention)
      return { type: asked, refusal: 'a quantized V cache needs flash attention, which is off' };
    const head = plain ? undefined : [shape.keyLength, shape.valueLength].find((n) => n % 32 > 0);
    if (head !== undefined)
      return {
        type: asked,
        refusal: `${asked} packs K and V in blocks of 32, and this model's heads are ${String(head)} long`,
      };
    return { type: asked, refusal: null };
  }
  if (!['f16', 'q8_0', 'q4_0'].includes(asked)) {
    notes.push(`KV cache type ${asked} is not known to this version: f16 is used.`);
    return { type: 'f16', refusal: null };
  }
  if (!plain && !flashAttention) {
    notes.push(`KV cache type ${asked} is ignored without flash attention: f16 is used.`);
    return { type: 'f16', refusal: null };
  }
  return { type: asked, refusal: null };
}
