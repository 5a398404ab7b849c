/** What each layer of a model keeps per token and GPU, as `kvCache.ts` wants it (vLLM reference 2.1, 2.5, 2.7). */
import type { HfShape } from '../../models/hfConfig';
import type { LayerRun } from '../../models/hfLayers';
import type { KvKind, KvLayers, KvSettings } from './kvCache';
import type { VllmSettings } from './settings';
import { stateBytesOf } from './stateBytes';

export interface KvModel {
  readonly layers: readonly KvLayers[];
  /** `settings.kv`, complete. */
  readonly settings: KvSettings;
  /** Layers whose layout is only approximated, in words; null: exact. */
  readonly approximation: string | null;
  readonly hasState: boolean;
}

const KINDS: Readonly<Record<LayerRun['kind'], KvKind | null>> = {
  full: 'full',
  sliding: 'sliding',
  chunked: 'chunked',
  mla: 'mla',
  state: 'state',
  cross: 'cross',
  shared: null,
  none: null,
};

/** null: the config does not tell the layout. */
export function kvModelOf(shape: HfShape | null, settings: VllmSettings): KvModel | null {
  if (!shape?.layerKinds || shape.layerKinds.length === 0) return null;
  const runs = [...shape.layerKinds, ...draftRuns(shape, settings)];
  const hasState = runs.some((run) => run.kind === 'state');
  const stateBytes = hasState ? stateBytesOf(shape, settings) : 0;
  if (stateBytes === null) return null;
  const attention = runs.filter((run) => KINDS[run.kind] !== null && run.kind !== 'state');
  const tokens = attention.map((run) => tokenBytes(run, settings));
  if (tokens.some((bytes) => bytes === null)) return null;
  const block = blockOf(shape, settings, stateBytes, tokens);
  const layers: KvLayers[] = [];
  for (const run of runs) {
    const kind = KINDS[run.kind];
    if (kind === null) {
      layers.push({ kind: 'full', count: run.count, blockSize: block.attention, pageBytes: 0 });
    } else if (kind === 'state') {
      layers.push(stateLayers(run.count, stateBytes, block, shape, settings));
    } else {
      const bytes = tokenBytes(run, settings) ?? 0;
      // Window layers keep the smallest kernel block, whatever --block-size says.
      const blockSize = kind === 'sliding' && !hasState ? 16 : block.attention;
      layers.push({
        kind: v0Kind(kind, settings),
        count: run.count,
        blockSize,
        pageBytes: blockSize * bytes,
        window: run.window,
      });
    }
  }
  if (shape.indexer && shape.mla) {
    // DeepSeek sparse attention: one fp8 vector and its scale per token and layer.
    const count = attention.reduce((sum, run) => sum + run.count, 0);
    layers.push({
      kind: 'mla',
      count,
      blockSize: block.attention,
      pageBytes: block.attention * (shape.indexer.headDim + 4),
    });
  }
  return {
    layers,
    settings: kvSettingsOf(shape, settings, runs),
    approximation: shape.compressRatios
      ? 'compressed attention is charged without its own layout'
      : null,
    hasState,
  };
}

const v0Kind = (kind: KvKind, settings: VllmSettings): KvKind =>
  settings.engine === 'v0' && kind === 'cross' ? 'full' : kind;

/** Bytes of one token of one layer on one GPU. */
function tokenBytes(run: LayerRun, settings: VllmSettings): number | null {
  if (run.headDim === null) return null;
  if (run.kind === 'mla') return settings.kvDtype.latentBytes(run.headDim);
  if (run.kvHeads === null) return null;
  const slots = Math.max(1, Math.floor(run.kvHeads / settings.tensorParallel));
  return slots * settings.kvDtype.headBytes(run.headDim, run.valueDim ?? run.headDim);
}

/** MTP and EAGLE layers add full attention of the model's own shape. */
function draftRuns(shape: HfShape, settings: VllmSettings): LayerRun[] {
  const like = shape.layerKinds?.find((run) => run.kind === 'full' || run.kind === 'mla');
  return like && settings.speculativeLayers > 0
    ? [{ ...like, count: settings.speculativeLayers }]
    : [];
}

interface Blocks {
  readonly attention: number;
  readonly statePage: number;
}

function blockOf(
  shape: HfShape,
  settings: VllmSettings,
  stateBytes: number,
  tokens: readonly (number | null)[],
): Blocks {
  const own = settings.options.blockSize ?? kernelBlock(shape, settings);
  const largest = Math.max(0, ...tokens.map((bytes) => bytes ?? 0));
  if (stateBytes === 0 || largest === 0) return { attention: own, statePage: stateBytes };
  const kernel = Math.max(shape.mla ? 128 : 16, settings.options.blockSize ?? 16);
  const chunk = stateModeOf(shape, settings) === 'all' ? chunkOf(shape) : 1;
  const step = (kernel * chunk) / greatestCommonDivisor(kernel, chunk);
  const attention = step * Math.ceil(stateBytes / (step * largest));
  return { attention, statePage: attention * largest };
}

/** Block size the attention backend prefers (reference 1.2). */
function kernelBlock(shape: HfShape, settings: VllmSettings): number {
  if (!shape.mla) return 16;
  if (shape.indexer) return 64;
  const capability = settings.cards[0]?.capability ?? null;
  if (capability === null || capability === 9) return 64; // FlashMLA
  if (capability === 10) return settings.rules.asyncScheduling ? 64 : 128; // FlashInfer-MLA, CUTLASS_MLA
  return 16; // Triton
}

/** Up to 0.27 Mamba-2 kept a state for every block when prefixes are cached; else the last two (reference 2.5). */
function stateModeOf(shape: HfShape, settings: VllmSettings): 'none' | 'align' | 'all' {
  if (!settings.prefixCaching) return 'none';
  const keepsAll = shape.state?.kind === 'mamba2' && !settings.rules.hybridPrefixCaching;
  return keepsAll ? 'all' : 'align';
}

function chunkOf(shape: HfShape): number {
  const named = shape.text.mamba_chunk_size ?? shape.text.chunk_size;
  return typeof named === 'number' && Number.isInteger(named) && named > 0 && named <= 65_536
    ? named
    : 256;
}

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? a : greatestCommonDivisor(b, a % b);

function stateLayers(
  count: number,
  stateBytes: number,
  block: Blocks,
  shape: HfShape,
  settings: VllmSettings,
): KvLayers {
  const mode = stateModeOf(shape, settings);
  return {
    kind: 'state',
    count,
    blockSize: mode === 'none' ? settings.maxModelLen : block.attention,
    pageBytes: Math.max(stateBytes, block.statePage),
    stateMode: mode,
    speculativeTokens: settings.speculativeTokens,
  };
}

function kvSettingsOf(
  shape: HfShape,
  settings: VllmSettings,
  runs: readonly LayerRun[],
): KvSettings {
  const { rules } = settings;
  const encoder = shape.text.max_source_positions;
  return {
    maxModelLen: settings.maxModelLen,
    inFlightTokens: settings.maxNumBatchedTokens * settings.batchesInFlight,
    encoderTokens: typeof encoder === 'number' ? encoder : settings.maxNumBatchedTokens,
    decodeContextParallel: settings.decodeContextParallel,
    // Chunked attention switches the hybrid manager off unless an environment variable says otherwise (reference 2.3).
    hybridManager:
      rules.hybridManager &&
      settings.engine === 'v1' &&
      !runs.some((run) => run.kind === 'chunked'),
    groupSizeRatio: rules.groupSizeRatio,
    tokensShown: rules.tokensShown,
    nullBlock: rules.nullBlock,
    packedLayout: rules.packedLayout,
  };
}
