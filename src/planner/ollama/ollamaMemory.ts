/** All memory of one load, laid out over the GPUs at each end of what is not exact. */
import { GIB, MIB } from '../../shared/units';
import type { GpuRequest } from '../../shared/planRequest';
import { around, exactly, type Bounded, type Scenario } from './bounded';
import { computeBuffers, type ComputeBuffers } from './computeBuffer';
import {
  cacheBytesPerLayer,
  cacheBytesPerToken,
  cacheCells,
  stateBytesPerLayer,
  type CacheSettings,
  type SlidingRule,
} from './keyValueCache';
import type { GgufShape } from './ggufShape';
import type { OllamaModel } from './ollamaModel';
import type { OllamaSettings } from './ollamaSettings';
import type { OllamaRules } from './ollamaVersions';
import {
  placeByEstimate,
  placeByFit,
  placeByLayout,
  type Placement,
  type PlacementInput,
} from './placement';

/** CUDA context per process: 153 MiB in the one measured row, 300 to 600 MiB as a rule; in none of Ollama's figures. */
const CONTEXT_BYTES: Bounded = { low: 153 * MIB, point: 300 * MIB, high: 600 * MIB };

/** Ollama's engine keeps up to 24 copies of a recurrent state to step back to. */
const STATE_CHECKPOINTS = 24;

export interface DeviceUse {
  readonly weightsBytes: number;
  /** K/V and recurrent state. */
  readonly cacheBytes: number;
  readonly graphBytes: number;
  readonly contextBytes: number;
}

export interface Layout {
  readonly placement: Placement;
  readonly perGpu: readonly DeviceUse[];
  readonly hostBytes: number;
  /** No GPU holds more than it has free. */
  readonly within: boolean;
}

export interface OllamaMemory {
  readonly cache: CacheSettings;
  readonly batch: number;
  /** K and V on all devices and the host. */
  readonly keyValueBytes: Bounded;
  readonly bytesPerToken: number;
  readonly compute: ComputeBuffers;
  readonly freeBytes: readonly number[];
  readonly layoutAt: (scenario: Scenario) => Layout;
}

/** All figures in bytes. Free memory that is not known is taken as the total. */
export function ollamaMemory(
  model: OllamaModel,
  rules: OllamaRules,
  settings: OllamaSettings,
  gpus: readonly GpuRequest[],
  /** Compute buffer that an earlier load under the same options had; null: by formula. */
  measuredGraphBytes: number | null = null,
): OllamaMemory {
  const { shape, weights } = model;
  const freeBytes = gpus.map(freeBytesOf);
  const predictedBytes = predict(model, settings);
  const batch =
    settings.numBatch ?? defaultBatch(rules, settings, shape, predictedBytes, freeBytes, gpus);
  const cache: CacheSettings = {
    numCtx: settings.numCtx,
    numParallel: settings.numParallel,
    // An encoder's batch is no part of a context.
    batch: shape.encodes
      ? batch
      : Math.min(
          batch,
          rules.era === 'fit' ? settings.numCtx * settings.numParallel : settings.numCtx,
        ),
    cacheType: settings.cacheType,
    sliding: slidingRule(rules, shape.architecture),
    padCells: rules.era === 'fit' || rules.ownEngine ? (rules.era === 'estimate' ? 1 : 256) : 1,
    equalValues: rules.era === 'fit' && !settings.flashAttention,
  };
  const perLayer = cacheBytesPerLayer(shape, cache);
  const keyValue = sum(perLayer);
  const state = stateBytesPerLayer(shape, settings.numParallel);
  const checkpointed = rules.era === 'layout' && rules.ownEngine ? 1 + STATE_CHECKPOINTS : 1;
  const stateScale: Bounded = { low: 1, point: checkpointed, high: checkpointed };
  const cacheScale = shape.typical ? around(1, 0.4, 2) : exactly(1);
  const allCells = shape.encodes ? cache.batch : cacheCells(shape, 'full', cache);
  const hasSliding = shape.layers.some((layer) => layer.kind === 'sliding');
  const byFormula = computeBuffers({
    shape,
    rules,
    flashAttention: settings.flashAttention,
    cacheType: settings.cacheType,
    batch: cache.batch,
    numParallel: settings.numParallel,
    slotCells: allCells / settings.numParallel,
    allCells,
    slidingCells: hasSliding ? cacheCells(shape, 'sliding', cache) : 0,
    cacheBytes: keyValue,
    fullCacheBytes: sum(cacheBytesPerLayer(shape, { ...cache, sliding: 'ignored' })),
    largestLayerBytes: Math.max(...weights.blockBytes),
    gpuCount: gpus.length,
  });
  const compute = measuredGraphBytes === null ? byFormula : measured(byFormula, measuredGraphBytes);
  const layouts: Partial<Record<Scenario, Layout>> = {};
  const layoutAt = (scenario: Scenario): Layout => {
    const weightScale = weights.scale[scenario];
    const trunk = shape.blockCount - shape.draftBlocks;
    const drafts = scenario === 'high' ? 1 : 0;
    const layerWeights = [
      ...weights.blockBytes.map(
        (bytes, block) => bytes * weightScale * (block < trunk ? 1 : drafts),
      ),
      weights.outputBytes * weightScale + weights.projectorBytes,
    ];
    const layerCache = perLayer.map(
      (bytes, layer) => bytes * cacheScale[scenario] + (state[layer] ?? 0) * stateScale[scenario],
    );
    const input: PlacementInput = {
      blockBytes: layerCache.map((bytes, layer) => bytes + (layerWeights[layer] ?? 0)),
      expertBytes: weights.expertBytes.map((bytes) => bytes * weightScale),
      outputBytes: weights.outputBytes * weightScale,
      projectorBytes: weights.projectorBytes,
      projectorGraphBytes: compute.estimate ? weights.projectorGraphBytes : 0,
      graphFullBytes: compute.estimate?.fullBytes ?? compute.full[scenario],
      graphPartialBytes: compute.estimate?.partialBytes ?? compute.partial[scenario],
      freeBytes,
      metal: gpus.some(isApple),
      fillsFromFirstBlock: rules.fillsFromFirstBlock,
      numGpu: settings.numGpu,
      predictedBytes,
    };
    const placement = place(rules, input);
    const graph = (placement.allOnGpu ? compute.full : compute.partial)[scenario];
    return takeStock(placement, layerWeights, input.expertBytes, layerCache, graph, scenario, {
      freeBytes,
      hostBytes: weights.embeddingBytes + compute.hostBytes,
    });
  };
  return {
    cache,
    batch,
    keyValueBytes: around(keyValue, keyValue * cacheScale.low, keyValue * cacheScale.high),
    bytesPerToken: cacheBytesPerToken(shape, cache),
    compute,
    freeBytes,
    layoutAt: (scenario) => (layouts[scenario] ??= layoutAt(scenario)),
  };
}

/** Loads of the same kind differ by a few MiB. */
function measured(compute: ComputeBuffers, bytes: number): ComputeBuffers {
  return { ...compute, full: around(bytes, 0.97 * bytes, 1.03 * bytes) };
}

function place(rules: OllamaRules, input: PlacementInput): Placement {
  switch (rules.era) {
    case 'estimate':
      return placeByEstimate(input);
    case 'layout':
      return placeByLayout(input);
    case 'fit':
      return placeByFit(input);
  }
}

function takeStock(
  placement: Placement,
  layerWeights: readonly number[],
  expertBytes: readonly number[],
  layerCache: readonly number[],
  graphBytes: number,
  scenario: Scenario,
  around: { readonly freeBytes: readonly number[]; readonly hostBytes: number },
): Layout {
  const weights = placement.perGpu.map(() => 0);
  const cache = placement.perGpu.map(() => 0);
  let hostBytes = around.hostBytes;
  placement.layerGpu.forEach((gpu, layer) => {
    const layerBytes = layerWeights[layer] ?? 0;
    const cacheBytes = layerCache[layer] ?? 0;
    if (gpu < 0) {
      hostBytes += layerBytes + cacheBytes;
      return;
    }
    const left = placement.withoutExperts[layer] === true ? (expertBytes[layer] ?? 0) : 0;
    hostBytes += left;
    weights[gpu] = (weights[gpu] ?? 0) + layerBytes - left;
    cache[gpu] = (cache[gpu] ?? 0) + cacheBytes;
  });
  const perGpu = placement.perGpu.map((count, gpu) => ({
    weightsBytes: weights[gpu] ?? 0,
    cacheBytes: cache[gpu] ?? 0,
    graphBytes: count > 0 ? graphBytes : 0,
    contextBytes: count > 0 ? CONTEXT_BYTES[scenario] : 0,
  }));
  const within = perGpu.every(
    (use, gpu) =>
      use.weightsBytes + use.cacheBytes + use.graphBytes + use.contextBytes <=
      (around.freeBytes[gpu] ?? 0),
  );
  return { placement, perGpu, hostBytes, within };
}

/** Sliding windows are saved only by code that knows them; Ollama's engine keeps Llama 4's chunks in full. */
function slidingRule(rules: OllamaRules, architecture: string): SlidingRule {
  if (rules.era === 'fit') return 'perSlot';
  if (!rules.ownEngine || architecture === 'llama4') return 'ignored';
  if (rules.era === 'layout') return 'engine';
  return rules.estimatesWindows ? 'estimated' : 'ignored';
}

/** The server's own prediction before a load (0.30 on): every layer full, f16, heads as wide as the embedding allows. */
function predict(model: OllamaModel, settings: OllamaSettings): number {
  const { shape, weights } = model;
  const head = shape.embeddingLength / shape.headCount;
  return (
    weights.gpuBytes +
    weights.draftBytes +
    weights.embeddingBytes +
    4 *
      shape.blockCount *
      shape.smallestKeyValueHeads *
      head *
      settings.numCtx *
      settings.numParallel
  );
}

/** Batch by total context, lowered while the prediction leaves too little (0.30 on); 512 before. */
const BATCHES: readonly {
  readonly aboveTokens: number;
  readonly batch: number;
  readonly share: number;
  readonly surcharge: number;
}[] = [
  { aboveTokens: 32768, batch: 2048, share: 0.6, surcharge: 2 * GIB },
  { aboveTokens: 4096, batch: 1024, share: 0.75, surcharge: 768 * MIB },
];

function defaultBatch(
  rules: OllamaRules,
  settings: OllamaSettings,
  shape: GgufShape,
  predictedBytes: number,
  freeBytes: readonly number[],
  gpus: readonly GpuRequest[],
): number {
  if (rules.era !== 'fit') return 512;
  const cells = settings.numCtx * settings.numParallel;
  if (shape.embeds) return Math.min(2048, cells);
  if (!settings.flashAttention)
    return cells > 4096 && gpus.some((gpu) => gpu.totalBytes <= 8 * GIB) ? 256 : 512;
  const largest = Math.max(0, ...freeBytes);
  const alone = predictedBytes <= 0.8 * largest;
  const free = alone ? largest : sum(freeBytes);
  for (const row of BATCHES)
    if (
      cells > row.aboveTokens &&
      predictedBytes <= row.share * free &&
      predictedBytes + row.surcharge <= 0.8 * free
    )
      return row.batch;
  return 512;
}

const isApple = (gpu: GpuRequest): boolean => /apple/i.test(gpu.name ?? '');

/** What Ollama may take: free now, else all of the card; on Apple the system lets a GPU have about two thirds to three quarters. */
function freeBytesOf(gpu: GpuRequest): number {
  const limit = isApple(gpu)
    ? gpu.totalBytes * (gpu.totalBytes <= 36 * GIB ? 2 / 3 : 3 / 4)
    : gpu.totalBytes;
  return Math.min(gpu.freeBytes ?? limit, limit);
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
