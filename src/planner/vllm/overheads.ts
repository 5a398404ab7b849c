/** What a start takes beside weights and KV: activation peak, CUDA graphs, non-torch memory, its own context. */
import type { HfShape } from '../../models/hfConfig';
import { GIB, MIB } from '../../shared/units';
import type { VllmSettings } from './settings';

export interface Estimate {
  readonly bytes: number;
  readonly low: number;
  readonly high: number;
}

const around = (bytes: number, low: number, high: number): Estimate => ({
  bytes: Math.round(bytes),
  low: Math.max(0, Math.round(low)),
  high: Math.round(Math.max(high, bytes)),
});

/**
 * Bytes per logit that the dummy sampling step holds at its peak, over all its buffers: fp32 and 16-bit logits, sorted
 * values, int64 indices, probabilities and their running sum. 38.2 = measured peaks of 14 starts (0.7 to 0.11),
 * vocabularies 128k to 262k, 160 to 1,024 sequences, within 2 %.
 */
const SORTED_SAMPLER = 38.2;
/** FlashInfer samples without sorting: 11.9 to 18 bytes in eight starts (0.10.1 to 0.25). */
const FLASHINFER_SAMPLER = { typical: 14.4, low: 11, high: 18.5 };
/** Vocabulary where no config tells it: what most models since 2024 have, and the largest there is. */
const TYPICAL_VOCAB = 152_064;

/** Peak of the profile run (reference 1.5). The larger of transformer, sampling step and image encoder. */
export function activationOf(shape: HfShape | null, settings: VllmSettings): Estimate {
  const hidden = shape?.hidden ?? 4096;
  const known = shape?.hidden != null && shape.vocab !== null;
  const tokens = settings.maxNumBatchedTokens;
  const transformer = transformerPeak(shape, settings, hidden);
  // Final hidden states live on while sampling: 1.3 × tokens × hidden fits 0.6B to 70B.
  const kept = 1.3 * tokens * hidden * settings.elementBytes;
  const sampler = settings.pooling ? null : samplerPeak(shape, settings);
  const tower = settings.vision ? visionPeak(shape, tokens) : null;
  const bytes = Math.max(transformer, sampler ? sampler.bytes + kept : 0, tower?.bytes ?? 0);
  const low = Math.max(transformer * 0.6, sampler ? sampler.low : 0, tower?.low ?? 0);
  // With images some starts held the encoder's and the sampler's peak together.
  const high = Math.max(
    transformer * 1.7,
    (sampler ? sampler.high + kept * 1.5 : 0) + (tower?.high ?? 0),
  );
  const slack = settings.rules.billsSlack ? 0.1 * GIB : 0;
  return around(bytes + slack, known ? low : low * 0.4, (known ? high : high * 1.8) + 2 * slack);
}

function samplerPeak(shape: HfShape | null, settings: VllmSettings): Estimate {
  const vocab = shape?.vocab ?? TYPICAL_VOCAB;
  const ranks = settings.rules.samplerSharded ? settings.tensorParallel : 1;
  const logitsOf = (seqs: number) => (Math.min(seqs, settings.maxNumBatchedTokens) * vocab) / ranks;
  const [likely, most] = [logitsOf(settings.likelySeqs), logitsOf(settings.maxNumSeqs)];
  const fast = FLASHINFER_SAMPLER;
  if (settings.flashinferSampler === true)
    return around(likely * fast.typical, likely * fast.low, most * fast.high);
  const low = settings.flashinferSampler === null ? fast.low : SORTED_SAMPLER * 0.9;
  return around(likely * SORTED_SAMPLER, likely * low, most * SORTED_SAMPLER * 1.06);
}

/** Gate and up outputs, their product, and a few hidden states, all for one batch (reference 1.5). */
function transformerPeak(shape: HfShape | null, settings: VllmSettings, hidden: number): number {
  const { tensorParallel: tp, maxNumBatchedTokens: tokens, elementBytes } = settings;
  const experts = shape?.experts ?? null;
  const dense = 3 * (shape?.intermediate ?? 4 * hidden);
  const perToken = experts
    ? (experts.perToken ?? 1) * (hidden + (2 * (experts.intermediate ?? hidden)) / tp) +
      (3 * (experts.sharedIntermediate ?? 0)) / tp
    : dense / tp;
  return tokens * elementBytes * (perToken + 3.5 * hidden);
}

/** Encoders that see every image at one size; the others take up to 16,384 tokens of one. */
const FIXED_RESOLUTION = /^(gemma|llava|paligemma|idefics|llama4|phi)/;

/** Encoder run on the largest item: 0.2 GiB (2B) to 5 GiB in the recorded starts; its config seldom tells. */
function visionPeak(shape: HfShape | null, tokens: number): Estimate {
  const batches = Math.min(4, Math.max(1, tokens / 16_384));
  const typical = FIXED_RESOLUTION.test(shape?.family ?? '') ? 1.2 : 3.6;
  return around(typical * GIB * batches, 0.2 * GIB, 5 * GIB * batches);
}

/** MiB per layer for the full list of sizes up to 512 on one GPU, dense: 0.46 to 0.70 GiB for 28 to 48 layers. */
const GRAPH_MIB_PER_LAYER = 12.8;
const GRAPH_BASE_MIB = 50;

/** CUDA graphs as captured (reference 1.6, measured starts): grows with layers and captured sizes. */
export function graphsOf(shape: HfShape | null, settings: VllmSettings): Estimate {
  if (settings.captureSizes === 0) return around(0, 0, 0);
  const layers = shape?.layers ?? 36;
  const full = settings.rules.captureStep === 'fine' ? 67 : 51;
  const kinds = shape?.experts || shape?.mla ? 1.6 : 1;
  const parallel = settings.tensorParallel > 1 ? 1.4 : 1;
  const lora = settings.options.enableLora === true ? 2 : 1;
  const factor = kinds * parallel * lora * (settings.engine === 'v0' ? 0.75 : 1);
  const bytes =
    (GRAPH_BASE_MIB + (layers * GRAPH_MIB_PER_LAYER * settings.captureSizes) / full) * factor * MIB;
  // Plain dense models were within a quarter; quantized ones, experts, towers and adapters up to twice as much.
  const isPlain =
    kinds === 1 &&
    lora === 1 &&
    !shape?.state &&
    !shape?.hasVision &&
    !isQuantized(shape, settings);
  return around(bytes, bytes * 0.1, Math.max(bytes * (isPlain ? 1.4 : 2.2), 0.3 * GIB));
}

function isQuantized(shape: HfShape | null, settings: VllmSettings): boolean {
  return shape?.quantization !== null || settings.options.quantization != null;
}

/** Are the graphs taken from the budget before the KV pool is sized? */
export function graphsInBudget(settings: VllmSettings): boolean {
  const { rules } = settings;
  if (settings.engine === 'v0') return false;
  return settings.runnerV2 ? rules.runnerV2GraphsInBudget : rules.graphsInBudget;
}

/** Inside the budget: library workspaces 0.03 to 0.14 GiB on one GPU, communication buffers on several. */
export function nonTorchOf(settings: VllmSettings): Estimate {
  const dataCentre = settings.cards[0]?.dataCentre ?? false;
  const single = dataCentre ? 0.13 : 0.05;
  if (settings.tensorParallel * settings.pipelineParallel === 1)
    return around(single * GIB, 0.02 * GIB, 0.25 * GIB);
  const shared = dataCentre ? 0.41 : 0.25;
  return around((single + shared) * GIB, 0.2 * GIB, 1.2 * GIB);
}

/** CUDA context and early NCCL buffers: gone from free memory before the start check, never inside the budget. */
export function contextOf(settings: VllmSettings): Estimate {
  if (settings.cards.every((card) => card.unified)) return around(0.3 * GIB, 0.1 * GIB, 0.6 * GIB);
  const parallel = settings.tensorParallel > 1 ? 0.2 : 0;
  return around((0.45 + parallel) * GIB, 0.3 * GIB, (0.6 + 3 * parallel) * GIB);
}
