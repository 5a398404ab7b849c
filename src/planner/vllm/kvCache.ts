/**
 * KV-cache blocks, tokens and concurrency exactly as vLLM computes them (`v1/core/kv_cache_utils.py`,
 * `kv_cache_interface.py`): pages, groups, one pool of block ids.
 */

/** How many blocks one request takes depends on the kind; the bytes of a page do not. */
export type KvKind = 'full' | 'mla' | 'sliding' | 'chunked' | 'cross' | 'state';

/** A run of equal layers as one GPU holds them (after tensor parallel), in model order. */
export interface KvLayers {
  readonly kind: KvKind;
  readonly count: number;
  /** Tokens per block; `state`: tokens one state block stands for. */
  readonly blockSize: number;
  /** Bytes of one block of one layer. */
  readonly pageBytes: number;
  /** Tokens: window of `sliding`, chunk of `chunked`. */
  readonly window?: number | null;
  /** Sits in the same model layers as the run before it (Falcon-H1's state and attention). */
  readonly beside?: boolean;
  /** `state` only: `none` one state per request, `align` two, `all` one per block. */
  readonly stateMode?: 'none' | 'align' | 'all';
  readonly speculativeTokens?: number;
  /** `state` in `align`: a block more for the state that a prefill leaves at a block's end. */
  readonly checkpointBlocks?: number;
}

export interface KvSettings {
  readonly maxModelLen: number;
  /** Tokens that window and chunk layers reserve beyond their window. */
  readonly inFlightTokens: number;
  /** Encoder tokens one request may bring, for cross attention. */
  readonly encoderTokens?: number;
  readonly decodeContextParallel?: number;
  /** False: window and chunk layers are charged as full attention. */
  readonly hybridManager: boolean;
  readonly groupSizeRatio: number;
  readonly tokensShown: 'blocks' | 'concurrency';
  readonly nullBlock: boolean;
  readonly packedLayout: boolean;
  /** Blocks lie outermost in memory and pack pages of unequal size (DeepSeek-V4), see `kvPacked.ts`. */
  readonly blockOutermost?: boolean;
  readonly blocksOverride?: number | null;
}

export interface KvGroup {
  readonly kind: KvKind;
  readonly layers: number;
  readonly blockSize: number;
  /** Per layer; of a group with unequal pages: summed over its layers. */
  readonly pageBytes: number;
}

/** How the layers were grouped (`kvGroups.ts`). Independent of the pool and of `maxModelLen`. */
export interface KvLayout {
  readonly groups: readonly KvGroup[];
  /** Per worker: bytes that one block id costs there. */
  readonly bytesPerBlock: readonly number[];
  /** What a request takes in each group. */
  readonly runs: readonly KvLayers[];
}

export interface KvCacheAmount {
  readonly blocks: number;
  readonly tokens: number;
  readonly maxConcurrency: number;
  readonly blocksPerRequest: number;
  /** Bytes for one request of `maxModelLen`, per worker. */
  readonly neededBytes: readonly number[];
  /** One request of full length fits on every worker. */
  readonly fits: boolean;
}

/** Which of the model's layers a worker holds. */
export interface WorkerShare {
  readonly first: number;
  readonly count: number;
}

/** Blocks one request of `length` tokens takes in one group. */
function blocksNeeded(run: KvLayers, length: number, settings: KvSettings): number {
  const { blockSize } = run;
  const inFlight = settings.inFlightTokens;
  const window = run.window ?? length;
  const extra = run.speculativeTokens ?? 0;
  switch (run.kind) {
    case 'full':
    case 'mla':
      return Math.ceil(Math.ceil(length / (settings.decodeContextParallel ?? 1)) / blockSize);
    case 'sliding':
      return Math.ceil(Math.min(window - 1 + inFlight, length) / blockSize) + 1;
    case 'chunked':
      return Math.ceil(Math.min(window + inFlight, length) / blockSize);
    case 'cross':
      return Math.ceil((settings.encoderTokens ?? inFlight) / blockSize);
    case 'state':
      if (run.stateMode === 'all') return Math.ceil(length / blockSize) + extra;
      return run.stateMode === 'align' ? 2 + extra + (run.checkpointBlocks ?? 0) : 1 + extra;
  }
}

/** Block ids that one request of `length` tokens takes, over all groups. */
export function blocksPerRequest(layout: KvLayout, settings: KvSettings, length: number): number {
  return layout.runs.reduce((sum, run) => sum + blocksNeeded(run, length, settings), 0);
}

/** Bytes one request of `length` tokens takes on each worker, the null block (≥ 0.29) included. */
export function neededBytes(layout: KvLayout, settings: KvSettings, length: number): number[] {
  const blocks = blocksPerRequest(layout, settings, length) + (settings.nullBlock ? 1 : 0);
  return layout.bytesPerBlock.map((bytes) => bytes * blocks);
}

/** What a pool of bytes (one per worker, or the same on all) holds. A pool of 0 or less holds nothing. */
export function amountIn(
  layout: KvLayout,
  settings: KvSettings,
  pools: readonly number[],
): KvCacheAmount {
  const blocksOf = (bytes: number, worker: number): number =>
    bytes <= 0 ? Infinity : Math.max(0, Math.floor(poolOf(pools, worker) / bytes));
  const counted = Math.min(...layout.bytesPerBlock.map(blocksOf));
  const blocks = settings.blocksOverride ?? (Number.isFinite(counted) ? counted : 0);
  const perRequest = blocksPerRequest(layout, settings, settings.maxModelLen);
  const needed = layout.bytesPerBlock.map((bytes) => bytes * perRequest);
  const maxConcurrency = perRequest > 0 ? blocks / perRequest : 0;
  return {
    blocks,
    tokens: tokensShown(layout, settings, blocks, maxConcurrency),
    maxConcurrency,
    blocksPerRequest: perRequest,
    neededBytes: needed,
    fits: perRequest > 0 && blocks - (settings.nullBlock ? 1 : 0) >= perRequest,
  };
}

function poolOf(pools: readonly number[], worker: number): number {
  return pools[worker] ?? pools[0] ?? 0;
}

/** "GPU KV cache size" as the version logs it; its meaning changed in 0.21. */
function tokensShown(
  layout: KvLayout,
  settings: KvSettings,
  blocks: number,
  maxConcurrency: number,
): number {
  if (settings.tokensShown === 'concurrency')
    return Math.floor(maxConcurrency * settings.maxModelLen);
  const smallest = Math.min(...layout.groups.map((group) => group.blockSize));
  const groups = Math.max(1, layout.groups.length);
  if (!Number.isFinite(smallest)) return 0;
  return Math.floor(blocks / groups) * smallest * (settings.decodeContextParallel ?? 1);
}

/** Longest context of which one request fits in `blocks`, at most `limit`; 0 where not even one token does. */
export function longestThatFits(
  layout: KvLayout,
  settings: KvSettings,
  blocks: number,
  limit: number,
): number {
  const usable = blocks - (settings.nullBlock ? 1 : 0);
  const fits = (length: number) => blocksPerRequest(layout, settings, length) <= usable;
  if (layout.groups.length === 0 || limit < 1 || !fits(1)) return 0;
  let [low, high] = [1, Math.floor(limit)];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Bytes that one more token of one request costs on the worker with the largest blocks; window layers cost none. */
export function bytesPerToken(layout: KvLayout, decodeContextParallel = 1): number {
  const perBlock = Math.max(0, ...layout.bytesPerBlock);
  const growing = layout.runs.filter(
    (run) =>
      run.kind === 'full' ||
      run.kind === 'mla' ||
      (run.kind === 'state' && run.stateMode === 'all'),
  );
  return growing.reduce((sum, run) => sum + perBlock / run.blockSize / decodeContextParallel, 0);
}
