/** What each layer of a model keeps per token and GPU, as `kvCache.ts` wants it (vLLM reference 2.1, 2.5, 2.7). */
import type { HfShape } from '../../models/hfConfig';
import type { LayerRun } from '../../models/hfLayers';
import type { KvKind, KvLayers, KvSettings } from './kvCache';
import { deepseekV4Layers } from './kvDeepseekV4';
import { isFp8Kv, kvDtypeOf, type KvDtype } from './kvDtype';
import type { VllmSettings } from './settings';
import { stateBytesOf, typicalStateBytes } from './stateBytes';

export interface KvModel {
  readonly layers: readonly KvLayers[];
  /** `settings.kv`, complete. */
  readonly settings: KvSettings;
  /** Layers whose layout is only approximated, in words; null: exact. */
  readonly approximation: string | null;
  readonly hasState: boolean;
  /** The config does not tell how large a state is: that of a typical one is taken. */
  readonly stateGuessed: boolean;
}

const KINDS: Readonly<Record<LayerRun['kind'], KvKind | null>> = {
  full: 'full',
  sliding: 'sliding',
  chunked: 'chunked',
  mla: 'mla',
  state: 'state',
  cross: 'cross',
  shared: null,
  encoder: null,
  none: null,
};

/** Families whose attention is built without `--kv-cache-dtype`: they stay in the model's own (measured on 0.32). */
const KEEPS_MODEL_DTYPE = new Set(['falcon']);

/** null: the config does not tell the layout. */
export function kvModelOf(shape: HfShape | null, given: VllmSettings): KvModel | null {
  if (!shape?.layerKinds || shape.layerKinds.length === 0) return null;
  const settings = { ...given, kvDtype: kvDtypeFor(shape, given) };
  if (shape.compressRatios) return compressedModel(shape, shape.compressRatios, settings);
  const runs = [...shape.layerKinds, ...draftRuns(shape, settings)];
  const hasState = runs.some((run) => run.kind === 'state');
  const told = hasState ? stateBytesOf(shape, settings) : 0;
  const attention = runs.filter((run) => KINDS[run.kind] !== null && run.kind !== 'state');
  const tokens = attention.map((run) => tokenBytes(run, settings));
  if (tokens.some((bytes) => bytes === null)) return null;
  // A model of states alone has nothing that they could be measured by.
  if (told === null && tokens.length === 0) return null;
  const stateBytes = told ?? typicalStateBytes(shape, settings);
  const block = blockOf(shape, settings, stateBytes, tokens);
  const layers: KvLayers[] = [];
  for (const run of runs) {
    const kind = KINDS[run.kind];
    const beside = run.beside === true;
    if (kind === null) {
      layers.push({
        kind: 'full',
        count: run.count,
        blockSize: block.attention,
        pageBytes: 0,
        beside,
      });
    } else if (kind === 'state') {
      layers.push({ ...stateLayers(run.count, stateBytes, block, shape, settings), beside });
    } else {
      const bytes = tokenBytes(run, settings) ?? 0;
      const blockSize =
        kind === 'sliding' && !hasState ? slidingBlock(block.attention, settings) : block.attention;
      layers.push({
        kind: v0Kind(kind, settings),
        count: run.count,
        blockSize,
        pageBytes: blockSize * bytes,
        window: run.window,
        beside,
      });
    }
    if (kind === 'mla' && shape.indexer && shape.mla)
      layers.push(indexerLayers(run.count, shape.indexer.headDim, block.attention));
  }
  return {
    layers,
    settings: kvSettingsOf(settings, runs),
    approximation: null,
    hasState,
    stateGuessed: told === null,
  };
}

/** DeepSeek-V4; its layout was measured on versions that pack pages, earlier ones are charged the same. */
function compressedModel(
  shape: HfShape,
  ratios: readonly number[],
  settings: VllmSettings,
): KvModel | null {
  const layers = deepseekV4Layers(shape, ratios, settings);
  if (!layers) return null;
  const kv = kvSettingsOf(settings, shape.layerKinds ?? []);
  return {
    layers,
    settings: { ...kv, blockOutermost: true },
    approximation: settings.rules.packedLayout
      ? null
      : 'compressed attention is charged as vLLM 0.29 lays it out',
    hasState: false,
    stateGuessed: false,
  };
}

function kvDtypeFor(shape: HfShape, settings: VllmSettings): KvDtype {
  const asked = settings.kvDtype;
  if (KEEPS_MODEL_DTYPE.has(shape.family)) return kvDtypeOf('auto', settings.elementBytes, false);
  // Sparse attention has one fp8 format, whatever fp8 is asked for.
  return shape.indexer && shape.mla && isFp8Kv(asked)
    ? kvDtypeOf('fp8_ds_mla', settings.elementBytes, false)
    : asked;
}

/** DeepSeek sparse attention: one fp8 vector and its scale per token and layer. */
function indexerLayers(count: number, headDim: number, blockSize: number): KvLayers {
  const pageBytes = blockSize * (headDim + 4);
  return { kind: 'mla', count, blockSize, pageBytes, beside: true };
}

/** Kernels of windows read multiples of 16 tokens. */
function slidingBlock(primary: number, settings: VllmSettings): number {
  if (settings.rules.slidingBlock === 'kernel') return 16;
  return Math.max(16, Math.floor(primary / 16) * 16);
}

/** V0 kept all tokens of every layer. */
const v0Kind = (kind: KvKind, settings: VllmSettings): KvKind =>
  settings.engine === 'v0' && kind !== 'mla' ? 'full' : kind;

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
  if (!like || settings.speculativeLayers <= 0) return [];
  const { kind, kvHeads, headDim, valueDim, window } = like;
  return [{ kind, kvHeads, headDim, valueDim, window, count: settings.speculativeLayers }];
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

/** Block size the attention backend prefers (reference 1.2; since 0.18 the smallest above 16 that it reads). */
function kernelBlock(shape: HfShape, settings: VllmSettings): number {
  if (!shape.mla) return readsFp8Pages(shape, settings) ? 64 : 16;
  if (shape.indexer) return 64;
  const capability = settings.cards[0]?.capability ?? null;
  if (settings.rules.latentKernel === 'flashAttention') return capability === 10 ? 32 : 16; // FlashInfer-MLA
  if (capability === null || capability === 9) return 64; // FlashMLA
  if (capability === 10) return settings.rules.asyncScheduling ? 64 : 128; // FlashInfer-MLA, CUTLASS_MLA
  return 16; // Triton
}

/** FlashAttention 4 on Hopper reads fp8 heads of 512 in pages of 64 tokens (`_get_sm90_fa4_fp8_kv_block_size`). */
function readsFp8Pages(shape: HfShape, settings: VllmSettings): boolean {
  return (
    settings.rules.widePagesForFp8 &&
    settings.cards[0]?.capability === 9 &&
    (settings.kvDtype.id === 'fp8' || settings.kvDtype.id === 'fp8_e4m3') &&
    (shape.layerKinds?.some((run) => run.headDim === 512 && run.kind !== 'mla') ?? false)
  );
}

/** Up to 0.27 Mamba-2 kept a state for every block when prefixes are cached; else the last two (reference 2.5). */
function stateModeOf(shape: HfShape, settings: VllmSettings): 'none' | 'align' | 'all' {
  if (!settings.prefixCaching) return 'none';
  // A model of nothing but states caches no prefixes unless told to.
  const isPure = shape.layerKinds?.every((run) => run.kind === 'state' || run.kind === 'none');
  if (isPure === true && settings.options.enablePrefixCaching !== true) return 'none';
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
    checkpointBlocks: settings.rules.stateCheckpoints && shape.state?.kind === 'mamba2' ? 1 : 0,
  };
}

function kvSettingsOf(settings: VllmSettings, runs: readonly LayerRun[]): KvSettings {
  const { rules } = settings;
  const chunked = runs.some((run) => run.kind === 'chunked');
  return {
    maxModelLen: settings.maxModelLen,
    inFlightTokens: settings.maxNumBatchedTokens * settings.batchesInFlight,
    // What one batch may hold, not what the encoder makes (CrossAttentionSpec).
    encoderTokens: settings.maxNumBatchedTokens,
    decodeContextParallel: settings.decodeContextParallel,
    // Until 0.13 chunked attention switched the hybrid manager off unless an environment variable said otherwise.
    hybridManager:
      rules.hybridManager && settings.engine === 'v1' && (rules.chunkedGroups || !chunked),
    groupSizeRatio: rules.groupSizeRatio,
    tokensShown: rules.tokensShown,
    nullBlock: rules.nullBlock,
    packedLayout: rules.packedLayout,
  };
}
