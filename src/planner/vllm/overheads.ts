/** What a start takes beside weights and KV: activation peak, CUDA graphs, non-torch memory, its own context. */
import type { HfShape } from '../../models/hfConfig';
import { GIB, MIB } from '../../shared/units';
import type { FittedNumber, FittedNumbers, FittedRange } from './fittedNumbers';
import type { VllmSettings } from './settings';
import { outerFamily } from './towers';

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

/** Vocabulary where no config tells it: what most models since 2024 have, and the largest there is. */
const TYPICAL_VOCAB = 152_064;

/** Qwen3-VL hands on the outputs of three inner layers as well. */
const DEEP_STACK = 4;

/** Peak of the profile run (reference 1.5). The larger of transformer, sampling step and image encoder. */
export function activationOf(
  shape: HfShape | null,
  settings: VllmSettings,
  numbers: FittedNumbers,
): Estimate {
  const hidden = shape?.hidden ?? 4096;
  const known = shape?.hidden != null && shape.vocab !== null;
  const tokens = settings.maxNumBatchedTokens;
  const transformer = transformerPeak(shape, settings, hidden, numbers);
  const kept = numbers.keptHidden.value * tokens * hidden * settings.elementBytes;
  const sampler = settings.pooling ? null : samplerPeak(shape, settings, numbers);
  const tower = settings.vision ? visionPeak(shape, settings, numbers) : null;
  const bytes = Math.max(transformer, sampler ? sampler.bytes + kept : 0, tower?.bytes ?? 0);
  const low = Math.max(transformer * 0.6, sampler ? sampler.low : 0, tower?.low ?? 0);
  // What the encoder made of the images may live on until the last step.
  const encoded = tower ? encodedTokens(shape, tokens) * hidden * settings.elementBytes : 0;
  const high = Math.max(
    transformer * 1.7,
    sampler ? sampler.high + kept * 1.5 + encoded * DEEP_STACK : 0,
    tower?.high ?? 0,
  );
  const slack = settings.rules.billsSlack ? numbers.slack.value * GIB : 0;
  return around(bytes + slack, known ? low : low * 0.4, (known ? high : high * 1.8) + 2 * slack);
}

function samplerPeak(
  shape: HfShape | null,
  settings: VllmSettings,
  numbers: FittedNumbers,
): Estimate {
  const vocab = shape?.vocab ?? TYPICAL_VOCAB;
  const ranks = settings.rules.samplerSharded ? settings.tensorParallel : 1;
  const logitsOf = (seqs: number) => (Math.min(seqs, settings.maxNumBatchedTokens) * vocab) / ranks;
  const [likely, most] = [logitsOf(settings.likelySeqs), logitsOf(settings.maxNumSeqs)];
  const { flashinferSampler: fast, sortedSampler: sorted, leanSampler: lean } = numbers;
  if (settings.rules.leanSampler && settings.runnerV2) {
    // The counts are whole on every rank.
    const [likelyWhole, mostWhole] = [likely * ranks, most * ranks];
    return around(
      likelyWhole * lean.value,
      likelyWhole * lean.low,
      mostWhole * lean.value + most * (lean.high - lean.value),
    );
  }
  if (settings.flashinferSampler === true)
    return around(likely * fast.value, likely * fast.low, most * fast.high);
  const low = settings.flashinferSampler === null ? fast.low : sorted.low;
  return around(likely * sorted.value, likely * low, most * sorted.high);
}

/** Gate and up outputs, their product, and a few hidden states, all for one batch (reference 1.5). */
function transformerPeak(
  shape: HfShape | null,
  settings: VllmSettings,
  hidden: number,
  numbers: FittedNumbers,
): number {
  const { tensorParallel: tp, maxNumBatchedTokens: tokens, elementBytes } = settings;
  const experts = shape?.experts ?? null;
  const dense = 3 * (shape?.intermediate ?? 4 * hidden);
  const perToken = experts
    ? (experts.perToken ?? 1) * (hidden + (2 * (experts.intermediate ?? hidden)) / tp) +
      (3 * (experts.sharedIntermediate ?? 0)) / tp
    : dense / tp;
  return tokens * elementBytes * (perToken + numbers.transformerHidden.value * hidden);
}

/** Encoders that see every image at one size. */
const FIXED_RESOLUTION = /^(gemma|llava|paligemma|idefics|llama4|phi|internvl|minicpm)/;

/** Sounds, too, come in chunks of one length. */
const isFixed = (shape: HfShape | null): boolean =>
  shape !== null && (!shape.hasVision || FIXED_RESOLUTION.test(outerFamily(shape)));

/** Tokens of the largest image that the family's preprocessor lets through; others have about as many as dots.ocr. */
const LARGEST_IMAGE: readonly (readonly [RegExp, number])[] = [
  [/^qwen/, 16_384],
  [/^(mistral3|pixtral|ministral)/, 3080],
];
const TYPICAL_IMAGE = 14_400;

/** Tokens that the profile encodes at once: as many of the largest image as fit the batched tokens, one at least. */
export function encodedTokens(shape: HfShape | null, batchedTokens: number): number {
  const family = shape ? outerFamily(shape) : '';
  const image = LARGEST_IMAGE.find(([families]) => families.test(family))?.[1] ?? TYPICAL_IMAGE;
  return Math.min(4 * 16_384, Math.max(1, Math.floor(batchedTokens / image)) * image);
}

/** Encoder run on the largest items, split over the TP group as its layers are; its config seldom tells. */
function visionPeak(
  shape: HfShape | null,
  settings: VllmSettings,
  numbers: FittedNumbers,
): Estimate {
  const { maxNumBatchedTokens: tokens, tensorParallel: tp } = settings;
  const fixed = isFixed(shape);
  const { value, low, high } = fixed ? numbers.encoderFixed : numbers.encoderPerToken;
  const unit = fixed
    ? GIB * Math.min(4, Math.max(1, tokens / 16_384))
    : MIB * encodedTokens(shape, tokens);
  // Starts under TP 2 and 4 show no part that is held whole; pixels and hidden states could be.
  return around((value * unit) / tp, (low * unit) / tp, high * unit * (0.25 + 0.75 / tp));
}

/** CUDA graphs as captured (reference 1.6, measured starts): grows with layers and captured sizes. */
export function graphsOf(
  shape: HfShape | null,
  settings: VllmSettings,
  numbers: FittedNumbers,
): Estimate {
  if (settings.captureSizes === 0) return around(0, 0, 0);
  const layers = shape?.layers ?? 36;
  const full = settings.rules.captureStep === 'fine' ? 67 : 51;
  const perLayer = (numbers.graphPerLayer.value * settings.captureSizes) / full;
  const factor = graphFactor(shape, settings, numbers);
  const lora = settings.options.enableLora === true && settings.engine === 'v1';
  const adapters = lora ? numbers.graphLoraBase.value : 0;
  const kernels = (numbers.graphBase.value + layers * perLayer) * factor * MIB;
  const bytes = kernels + adapters * MIB;
  const isPlain =
    !hasManyKernels(shape) &&
    settings.options.enableLora !== true &&
    !shape?.state &&
    !shape?.hasVision &&
    !isQuantized(shape, settings);
  const spread = isPlain ? numbers.graphSpreadPlain : numbers.graphSpread;
  // Static buffers vary less than kernels do.
  const high = kernels * spread.high + adapters * MIB * numbers.graphSpreadPlain.high;
  return around(bytes, bytes * spread.low, Math.max(high, 0.3 * GIB));
}

/** How much more than a plain dense model on one GPU the graphs take. */
export function graphFactor(
  shape: HfShape | null,
  settings: VllmSettings,
  numbers: FittedNumbers,
): number {
  const when = (condition: boolean, number: FittedNumber) => (condition ? number.value : 1);
  return (
    when(hasManyKernels(shape), numbers.graphExperts) *
    when(settings.tensorParallel > 1, numbers.graphParallel) *
    when(
      settings.options.enableLora === true,
      settings.engine === 'v0' ? numbers.graphLoraV0 : numbers.graphLora,
    )
  );
}

const hasManyKernels = (shape: HfShape | null): boolean =>
  Boolean(shape?.experts) || Boolean(shape?.mla);

function isQuantized(shape: HfShape | null, settings: VllmSettings): boolean {
  return shape?.quantization !== null || settings.options.quantization != null;
}

/** Are the graphs taken from the budget before the KV pool is sized? */
export function graphsInBudget(settings: VllmSettings): boolean {
  const { rules } = settings;
  if (settings.engine === 'v0') return false;
  return settings.runnerV2 ? rules.runnerV2GraphsInBudget : rules.graphsInBudget;
}

const gibOf = (...numbers: readonly FittedRange[]): Estimate => {
  const sum = (end: keyof FittedRange) =>
    numbers.reduce((total, number) => total + number[end], 0) * GIB;
  return around(sum('value'), sum('low'), sum('high'));
};

/** Inside the budget: library workspaces on one GPU, communication buffers on several. */
export function nonTorchOf(settings: VllmSettings, numbers: FittedNumbers): Estimate {
  const dataCentre = settings.cards[0]?.dataCentre ?? false;
  const single = dataCentre ? numbers.nonTorchDataCentre : numbers.nonTorchOther;
  if (settings.tensorParallel * settings.pipelineParallel === 1) return gibOf(single);
  return gibOf(single, dataCentre ? numbers.nonTorchLinked : numbers.nonTorchBus);
}

/** CUDA context and early NCCL buffers: gone from free memory before the start check, never inside the budget. */
export function contextOf(settings: VllmSettings, numbers: FittedNumbers): Estimate {
  if (settings.cards.every((card) => card.unified)) return around(0.3 * GIB, 0.1 * GIB, 0.6 * GIB);
  return settings.tensorParallel > 1 && settings.rules.linksBeforeSnapshot
    ? gibOf(numbers.context, numbers.contextParallel)
    : gibOf(numbers.context);
}
