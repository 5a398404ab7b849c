/** Bytes of weights on each GPU: the best source there is, then quantization, then sharding (reference 3). */
import type { HfShape } from '../../models/hfConfig';
import type { Basis } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import { GIB } from '../../shared/units';
import { parametersInName, type NamedSize } from '../nameSize';
import { draftModelOf, NO_DRAFT } from './draftModel';
import type { Estimate } from './overheads';
import { parametersOf, type Parameters } from './parameters';
import { headerParts, loadsTowers } from './headerWeights';
import { expertPadding, weightFormatOf, type WeightFormat } from './quantization';
import type { BytesByKind } from './quantizedModules';
import { rotaryBytes } from './rotary';
import type { VllmSettings } from './settings';
import { loraBytes, shardWeights, totalOf, type WeightParts } from './sharding';

export interface Weights {
  /** Per GPU in rank order. */
  readonly perGpu: readonly number[];
  /** What the true figure may be, as factors of `perGpu`; null: exact enough to need no range. */
  readonly spread: readonly [number, number] | null;
  readonly basis: Basis;
  readonly format: WeightFormat | null;
  /** Where the figure comes from, for people. */
  readonly source: string;
  /** Most that one GPU holds while loading, where that is more than what stays; null: no more. */
  readonly peakPerGpu: number | null;
  /** A draft model of its own, on each GPU beside `perGpu`; null: it has one whose size can't be told. */
  readonly draft: Estimate | null;
  /** Weights that a conversion to 4 or 8 bit would shrink, before sharding; null: not known. */
  readonly totalBytes: number;
}

interface Found {
  readonly parts: WeightParts;
  readonly basis: Basis;
  readonly spread: readonly [number, number] | null;
  readonly source: string;
  readonly format: WeightFormat | null;
}

/** vLLM without any size to go on (product.md 3). */
const UNKNOWN_SIZE_BYTES = 7e9;
const GIVEN = 'the size given';
/** Towers whose config is silent: 0.25 GiB (2B models) to 2.4 GiB (dots.ocr) in the recorded starts. */
const TOWER_BYTES = { low: 0.2 * GIB, high: 2.6 * GIB };

/** A converted checkpoint is planned under another format than the one its given size was measured in. */
export interface Conversion {
  readonly quantization: string | null;
}

/** @param convertedFrom the format that a given size was measured in, when advice plans another one. */
export function weightsOf(
  request: PlanRequest,
  shape: HfShape | null,
  settings: VllmSettings,
  convertedFrom: Conversion | null = null,
): Weights {
  const found = findParts(request, shape, settings, convertedFrom);
  // A given size already holds the adapters' slots.
  const lora = found.source === GIVEN ? 0 : loraBytes(shape, settings);
  const offload = (settings.options.cpuOffloadGb ?? 0) * GIB;
  const perGpu = shardWeights(found.parts, found.source === GIVEN, shape, settings).map((bytes) =>
    Math.max(0, Math.round(bytes + lora - offload)),
  );
  return {
    perGpu,
    spread: found.spread,
    basis: found.basis,
    format: found.format,
    source: found.source,
    peakPerGpu: loadPeak(found, perGpu, settings),
    // A given size is all that the engine holds, its draft included.
    draft: found.source === GIVEN ? NO_DRAFT : draftModelOf(shape, settings),
    totalBytes: totalOf(found.parts),
  };
}

/** Older versions hold the 16-bit checkpoint before they convert it to FP8. */
function loadPeak(found: Found, perGpu: readonly number[], settings: VllmSettings): number | null {
  const { format } = found;
  if (format?.id !== 'fp8' || format.stored || !settings.rules.onlineFp8LoadsWhole) return null;
  return Math.max(...perGpu) * (settings.elementBytes / format.bytesPerWeight);
}

function findParts(
  request: PlanRequest,
  shape: HfShape | null,
  settings: VllmSettings,
  convertedFrom: Conversion | null,
): Found {
  const { model, options } = request;
  const format = weightFormatOf(shape, options.quantization, model.name);
  const parameters = parametersOf(shape);
  if (model.weights && model.weights.groups.length > 0) {
    const parts = headerParts(model.weights.groups, shape, format, settings, parameters);
    return { parts, basis: 'headers', spread: null, format, source: 'tensor headers' };
  }
  const given = model.weightsBytes ?? null;
  if (given !== null && given > 0) {
    const stored = weightFormatOf(shape, null, model.name);
    const isStored =
      model.weightsAsStored ??
      (!convertedFrom && isUnconverted(given, parameters, shape, stored, format, settings));
    const before = isStored
      ? stored
      : convertedFrom
        ? weightFormatOf(shape, convertedFrom.quantization, model.name)
        : format;
    return {
      ...givenParts(given, parameters, shape, before, format, settings),
      basis: 'headers',
      spread: null,
      format,
      source: GIVEN,
    };
  }
  const fileBytes = model.gguf?.fileBytes;
  if (typeof fileBytes === 'number' && fileBytes > 0) {
    const { parts } = givenParts(fileBytes, null, shape, format, format, settings);
    // The embedding is unpacked where the file has it quantized.
    return { parts, basis: 'gguf', spread: [0.98, 1.1], format, source: 'the GGUF file' };
  }
  if (parameters) {
    const counted = countedParts(parameters, shape, format, settings);
    // What a recipe leaves alone is only usual where the config does not tell.
    const isUsual = format?.source !== 'config' && format?.byKind != null;
    const least = isUsual
      ? totalOf(countedParts(parameters, shape, { ...format, byKind: null }, settings))
      : Infinity;
    return {
      parts: counted,
      basis: 'config',
      spread: configSpread(counted, parameters, format, least),
      format,
      source: format ? `the config, ${format.id}` : 'the config',
    };
  }
  return { ...sizedBy(request, format, settings), format };
}

/** A size that is nearer to the checkpoint's than to what a conversion leaves of it is the checkpoint's. */
function isUnconverted(
  given: number,
  parameters: Parameters | null,
  shape: HfShape | null,
  stored: WeightFormat | null,
  format: WeightFormat | null,
  settings: VllmSettings,
): boolean {
  if (!parameters || format === null || format.stored) return false;
  const bytesIn = (one: WeightFormat | null) =>
    totalOf(countedParts(parameters, shape, one, settings));
  return given > Math.sqrt(bytesIn(stored) * bytesIn(format));
}

/** Without headers, size or config: the number of parameters, the name, or nothing. */
function sizedBy(
  request: PlanRequest,
  format: WeightFormat | null,
  settings: VllmSettings,
): Omit<Found, 'format'> {
  const count = request.model.parameterCount ?? 0;
  if (count > 0)
    return {
      parts: sizedParts(count, format, settings),
      basis: 'config',
      spread: [0.95, 1.08],
      source: 'the number of parameters',
    };
  const named = parametersInName(request.model.name ?? request.model.path);
  if (named)
    return {
      parts: sizedParts(named.parameters, format, settings),
      basis: 'name',
      spread: nameSpread(named, format),
      source: 'the size in the name',
    };
  return {
    parts: sizedParts(UNKNOWN_SIZE_BYTES / 2, format, settings),
    basis: 'default',
    spread: [0.05, 10],
    source: 'nothing: 7 GB taken',
  };
}

/**
 * Of published models, what they hold to what they are called: 0.93 (stablelm-3b) to 1.31 below 4B (gemma-2-2b, for its
 * embedding), 1.22 below 10B (gemma-7b), 1.08 above (InternVL3-14B); `8x22B` 0.80, `17B-16E` 6.4 (Llama 4 Scout), `17B-128E`
 * 23.5. A quantized one may leave more in 16 bit than most (gpt-oss-20b: its attention).
 */
function nameSpread(
  { parameters, experts, activeOf }: NamedSize,
  format: WeightFormat | null,
): readonly [number, number] {
  const usual = parameters < 4e9 ? 1.32 : parameters < 10e9 ? 1.22 : 1.12;
  const high = usual + (format === null ? 0 : 0.06);
  return [experts === null ? 0.93 : 0.78, activeOf === null ? high : Math.max(high, activeOf / 2)];
}

/**
 * A recipe that the config spells out is exact but for scales; a bare method leaves open what stays in 16 bit, which is
 * less in 8 bit than in 4.
 */
function storedSpread(format: WeightFormat | null): readonly [number, number] {
  if (format?.stored !== true) return [0.99, 1.015];
  if (format.detailed) return [0.97, 1.05];
  return format.bytesPerWeight < 0.9 ? [0.93, 1.18] : [0.96, 1.1];
}

/** A stored format mostly leaves more layers in 16 bit than its name tells; a tower's size is a guess. */
function configSpread(
  counted: WeightParts,
  parameters: Parameters,
  format: WeightFormat | null,
  least: number,
): readonly [number, number] {
  const total = Math.max(1, totalOf(counted));
  const [usualLow, high] = storedSpread(format);
  const low = Math.min(usualLow, (0.98 * least) / total);
  if (!parameters.towerGuessed || counted.tower === 0) return [low, high];
  return [
    low - Math.max(0, counted.tower - TOWER_BYTES.low) / total,
    high + Math.max(0, TOWER_BYTES.high - counted.tower) / total,
  ];
}

/** Bytes of a weight of each kind under a format. */
function kindsOf(format: WeightFormat | null, settings: VllmSettings): BytesByKind {
  if (format?.byKind) {
    // Experts alone are MXFP4's matter, whatever the list of exceptions says.
    return format.scope === 'experts'
      ? { ...allAlike(settings.elementBytes), expert: format.byKind.expert }
      : format.byKind;
  }
  const plain = settings.elementBytes;
  const linear = format?.scope === 'linears' ? format.bytesPerWeight : plain;
  const kinds = allAlike(linear);
  // In-flight bitsandbytes quantizes the towers' linear layers as well; stored formats mostly leave them alone.
  const tower = format?.id === 'bitsandbytes' && !format.stored ? linear : plain;
  return { ...kinds, tower, head: plain, expert: format ? format.bytesPerWeight : plain };
}

const allAlike = (bytes: number): BytesByKind => ({
  attention: bytes,
  mlp: bytes,
  shared: bytes,
  expert: bytes,
  tower: bytes,
  head: bytes,
  draft: bytes,
});

function countedParts(
  parameters: Parameters,
  shape: HfShape | null,
  format: WeightFormat | null,
  settings: VllmSettings,
): WeightParts {
  const plain = settings.elementBytes;
  const kinds = kindsOf(format, settings);
  const mlp = parameters.linear - parameters.attention - parameters.shared;
  return {
    embedding: parameters.embedding * plain,
    head: settings.pooling ? 0 : parameters.head * kinds.head,
    linear:
      parameters.attention * kinds.attention +
      mlp * kinds.mlp +
      parameters.shared * kinds.shared +
      (settings.speculativeLayers > 0 ? parameters.draft * kinds.draft : 0),
    keyValue: parameters.keyValue * kinds.attention,
    expert: parameters.expert * kinds.expert * expertPadding(shape, format, settings),
    replicated:
      (parameters.replicated - parameters.down) * plain +
      parameters.down * kinds.attention +
      rotaryBytes(shape, settings),
    tower: loadsTowers(shape, settings) ? parameters.tower * kinds.tower : 0,
  };
}

/** A size that was given is taken as it is; under another format its shrinking share follows the config's. */
function givenParts(
  given: number,
  parameters: Parameters | null,
  shape: HfShape | null,
  before: WeightFormat | null,
  after: WeightFormat | null,
  settings: VllmSettings,
): { parts: WeightParts } {
  const nothing = { embedding: 0, head: 0, keyValue: 0, expert: 0, replicated: 0, tower: 0 };
  if (before?.id === after?.id) return { parts: { ...nothing, linear: given } };
  if (parameters) {
    const ratio =
      totalOf(countedParts(parameters, shape, after, settings)) /
      Math.max(1, totalOf(countedParts(parameters, shape, before, settings)));
    return { parts: { ...nothing, linear: given * ratio } };
  }
  // Without a config: nine tenths of a model are linear layers.
  const from = kindsOf(before, settings).expert;
  const to = kindsOf(after, settings).expert;
  return { parts: { ...nothing, linear: given * (0.1 + (0.9 * to) / from) } };
}

function sizedParts(
  count: number,
  format: WeightFormat | null,
  settings: VllmSettings,
): WeightParts {
  // Embedding and head: a third of the smallest models, 1.05 billion parameters of Llama 3.1 8B, 2.1 of its 70B, 4.2 of 405B.
  const embedding = Math.min(count / 3, 1.05e9 * (count / 8e9) ** 0.42);
  return {
    embedding: embedding * settings.elementBytes,
    head: 0,
    linear: (count - embedding) * kindsOf(format, settings).expert,
    keyValue: 0,
    expert: 0,
    replicated: 0,
    tower: 0,
  };
}
