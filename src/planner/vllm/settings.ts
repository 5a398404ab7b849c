/** What vLLM makes of a request before it loads anything: version defaults, limits, parallel sizes, dtypes. */
import type { HfShape } from '../../models/hfConfig';
import type { PlanOptions, PlanRequest } from '../../shared/planRequest';
import { GIB } from '../../shared/units';
import { cardOf, type Card } from '../cards';
import { captureSizesOf } from './captures';
import { kvDtypeOf, type KvDtype } from './kvDtype';
import { rulesOf } from './versions';
import type { VllmRules } from './rules';

export interface VllmSettings {
  readonly version: string;
  readonly versionGiven: boolean;
  readonly rules: VllmRules;
  readonly engine: 'v0' | 'v1';
  /** Model Runner V2, which takes no graph estimate from the budget before 0.29. */
  readonly runnerV2: boolean;
  /** One per GPU in use, in rank order (pipeline stage by stage). */
  readonly cards: readonly Card[];
  /** GPUs that this launch needs but the request does not have. */
  readonly missingGpus: number;
  readonly tensorParallel: number;
  readonly pipelineParallel: number;
  readonly dataParallel: number;
  readonly decodeContextParallel: number;
  readonly maxModelLen: number;
  /** Tokens the model itself allows; null: not known. */
  readonly modelMaxLen: number | null;
  readonly maxNumSeqs: number;
  /**
   * vLLM derives the largest capture from the sequences. One that is given alone and below the default most likely comes
   * from a log, and tells them; the unfavourable end stays with `maxNumSeqs`.
   */
  readonly likelySeqs: number;
  readonly maxNumBatchedTokens: number;
  readonly elementBytes: number;
  readonly kvDtype: KvDtype;
  readonly eager: boolean;
  readonly prefixCaching: boolean;
  readonly speculativeTokens: number;
  readonly speculativeLayers: number;
  /** A draft model of its own, whose weights and KV the request does not tell. */
  readonly foreignDraft: boolean;
  readonly asyncScheduling: boolean;
  /** Batches that may be in flight, for what window layers reserve. */
  readonly batchesInFlight: number;
  readonly captureSizes: number;
  readonly largestCapture: number;
  readonly flashinferSampler: boolean | null;
  /** Images are profiled. */
  readonly vision: boolean;
  readonly pooling: boolean;
  readonly options: PlanOptions;
}

const BIG_CARD_BYTES = 70 * GIB;
const HUGE_CARD_BYTES = 160 * GIB;
const POOLING_NAME = /embed|rerank|\bbge\b|\be5\b|\bgte\b/i;
const POOLING_ARCHITECTURE = /ForSequenceClassification|ForReward|^(?!ChatGLM)\w+Model$/;

/** Absent options as that version of vLLM fills them in, by card (`environment.usage`: the API server's defaults, unless told). */
export function settingsOf(request: PlanRequest, shape: HfShape | null): VllmSettings {
  const { options } = request;
  const { version, rules, given } = rulesOf(request.engineVersion);
  const tensorParallel = options.tensorParallelSize ?? 1;
  const pipelineParallel = options.pipelineParallelSize ?? 1;
  const dataParallel = options.dataParallelSize ?? 1;
  const needed = tensorParallel * pipelineParallel * dataParallel;
  const cards = request.gpus
    .slice(0, needed)
    .map((gpu) => cardOf(gpu, request.environment?.platform));
  const engine = engineOf(rules, cards[0] ?? null, pipelineParallel);
  const modelMaxLen = shape?.maxLength ?? null;
  const maxModelLen = options.maxModelLen ?? modelMaxLen ?? (shape ? 2048 : 4096);
  const speculative = readSpeculative(options, shape);
  const tier = tierOf(rules, engine, cards[0] ?? null, request.environment?.usage ?? 'server');
  const batched =
    options.maxNumBatchedTokens ??
    (engine === 'v0'
      ? v0BatchedTokens(maxModelLen)
      : rules.limitsTokensToSeqs
        ? Math.min(tier.tokens, (options.maxNumSeqs ?? tier.seqs) * maxModelLen)
        : tier.tokens);
  const seqs = options.maxNumSeqs ?? seqsByDefault(rules, tier.seqs, batched);
  const runnerV2 = usesRunnerV2(rules, shape, speculative.method);
  const async = schedulesAsync(rules, speculative.method, pipelineParallel, runnerV2);
  const elementBytes = elementBytesOf(options.dtype);
  // V0 captured up to the sequences themselves.
  const perSequence = engine === 'v0' ? 1 : 2 * (1 + speculative.tokens);
  const captures = captureSizesOf({
    rules,
    engine,
    asked: options.enforceEager === true ? 0 : (options.maxCudagraphCaptureSize ?? null),
    maxNumSeqs: seqs,
    maxNumBatchedTokens: batched,
    speculativeTokens: speculative.tokens,
    isGptOss: shape?.family === 'gptoss',
    isDataCentreBlackwell: cards[0]?.capability === 10,
  });
  return {
    version,
    versionGiven: given,
    rules,
    engine,
    runnerV2,
    cards,
    missingGpus: request.gpus.length === 0 ? 0 : Math.max(0, needed - request.gpus.length),
    tensorParallel,
    pipelineParallel,
    dataParallel,
    decodeContextParallel: options.decodeContextParallelSize ?? 1,
    maxModelLen,
    modelMaxLen,
    maxNumSeqs: seqs,
    likelySeqs: likelySeqs(options, seqs, perSequence),
    maxNumBatchedTokens: batched,
    elementBytes,
    kvDtype: kvDtypeOf(
      options.kvCacheDtype,
      elementBytes,
      shape?.quantization?.kvCacheFp8 ?? false,
    ),
    eager: options.enforceEager === true,
    prefixCaching:
      options.enablePrefixCaching ?? (shape?.state ? rules.hybridPrefixCaching : engine === 'v1'),
    speculativeTokens: speculative.tokens,
    speculativeLayers: speculative.layers,
    foreignDraft: speculative.method !== null && !/mtp|ngram/.test(speculative.method),
    asyncScheduling: async,
    batchesInFlight: !rules.reservesInFlightBatches
      ? 1
      : inFlight(async, runnerV2, pipelineParallel),
    captureSizes: captures.length,
    largestCapture: captures.at(-1) ?? 0,
    // FlashInfer is for NVIDIA only.
    flashinferSampler:
      request.environment?.flashinferSampler ??
      (cards[0]?.amd === true ? false : rules.flashinferSampler),
    vision: profilesVision(options, shape),
    pooling:
      POOLING_NAME.test(request.model.name ?? '') ||
      (shape?.architectures.some((name) => POOLING_ARCHITECTURE.test(name)) ?? false),
    options,
  };
}

function engineOf(rules: VllmRules, card: Card | null, pipelines: number): 'v0' | 'v1' {
  if (rules.pipelinesOnV0 && pipelines > 1) return 'v0';
  if (rules.engine !== 'v0OnOldGpus') return rules.engine;
  return card?.capability != null && card.capability < 8 ? 'v0' : 'v1';
}

/** Defaults by GPU 0 (reference 1.2). */
function tierOf(
  rules: VllmRules,
  engine: 'v0' | 'v1',
  card: Card | null,
  usage: 'server' | 'library',
): { seqs: number; tokens: number } {
  if (engine === 'v0') return { seqs: 256, tokens: 2048 };
  const library = usage === 'library';
  const total = card?.cudaBytes ?? 0;
  if (rules.hugeCardTier && total >= HUGE_CARD_BYTES) return { seqs: 1024, tokens: 16384 };
  const isHeldSmall = card?.isA100 === true || (rules.gb10IsSmall && card?.capability === 12.1);
  if (total >= BIG_CARD_BYTES && !isHeldSmall)
    return { seqs: 1024, tokens: library ? 16384 : 8192 };
  return { seqs: rules.seqsOnSmallCards, tokens: library ? 8192 : 2048 };
}

function seqsByDefault(rules: VllmRules, seqs: number, batched: number): number {
  return rules.limitsTokensToSeqs ? Math.min(seqs, Math.max(1, batched)) : seqs;
}

function likelySeqs(options: PlanOptions, seqs: number, perSequence: number): number {
  const capture = options.maxCudagraphCaptureSize ?? 0;
  if (options.maxNumSeqs != null || capture <= 0 || capture >= 512) return seqs;
  return Math.min(seqs, Math.max(1, Math.floor(capture / perSequence)));
}

/** V0 had no chunked prefill below 32K: a whole prompt had to fit one batch. */
function v0BatchedTokens(maxModelLen: number): number {
  return maxModelLen > 32_768 ? 2048 : Math.max(maxModelLen, 2048);
}

function schedulesAsync(
  rules: VllmRules,
  method: string | null,
  pipeline: number,
  runnerV2: boolean,
): boolean {
  if (!rules.asyncScheduling || (method === 'ngram' && !rules.asyncNgrams)) return false;
  if (pipeline === 1) return true;
  return rules.asyncPipelines === 'all' || (rules.asyncPipelines === 'runnerV2' && runnerV2);
}

function inFlight(async: boolean, runnerV2: boolean, pipeline: number): number {
  if (!async) return pipeline;
  if (runnerV2) return pipeline + 1;
  return pipeline === 1 ? 2 : pipeline;
}

/** fp32 checkpoints are cast down unless float32 is asked for by name. */
function elementBytesOf(dtype: string | null | undefined): number {
  return dtype === 'float32' || dtype === 'float' ? 4 : 2;
}

interface Speculative {
  method: string | null;
  tokens: number;
  layers: number;
}

function readSpeculative(options: PlanOptions, shape: HfShape | null): Speculative {
  const config = options.speculativeConfig;
  if (!config) return { method: null, tokens: 0, layers: 0 };
  const method = typeof config.method === 'string' ? config.method.toLowerCase() : 'draft_model';
  const count = config.num_speculative_tokens;
  const tokens =
    typeof count === 'number' && Number.isInteger(count) && count > 0 && count < 1000 ? count : 1;
  const ownLayers = method.includes('mtp')
    ? (shape?.draftLayers ?? 1)
    : /eagle|medusa|dflash/.test(method)
      ? 1
      : 0;
  return { method, tokens, layers: ownLayers };
}

const V2_FIRST = new Set(['qwen3']);
const V2_FEW = new Set(['qwen3', 'llama', 'mistral']);
const V2_MORE = new Set([...V2_FEW, 'deepseekv2', 'deepseekv3', 'qwen2moe', 'granitemoe']);
const V2_MOE = /^(deepseek|qwen2moe|granitemoe|kimi|inkling|longcat)/;

/** Which model runner runs (reference 1.6); decides whether graphs are inside the budget. */
function usesRunnerV2(rules: VllmRules, shape: HfShape | null, method: string | null): boolean {
  if (rules.runnerV2 === 'all') return true;
  if (rules.runnerV2 === 'none' || method === 'ngram' || !shape) return false;
  const { family } = shape;
  const quantized = shape.quantization !== null;
  switch (rules.runnerV2) {
    case 'qwen3Dense':
      return V2_FIRST.has(family) && !quantized;
    case 'fewDense':
      return V2_FEW.has(family) && !quantized;
    case 'moreDense':
      return V2_MORE.has(family);
    case 'dense':
      return V2_MOE.test(family) || (shape.experts === null && shape.state === null);
  }
}

function profilesVision(options: PlanOptions, shape: HfShape | null): boolean {
  if (!shape || (!shape.hasVision && !shape.hasAudio)) return false;
  if (options.languageModelOnly === true) return false;
  const limits = options.limitMmPerPrompt;
  if (!limits) return true;
  const values = Object.values(limits);
  return values.length === 0 || values.some((value) => value !== 0);
}
