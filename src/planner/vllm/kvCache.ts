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
  /** `state` only: `none` one state per request, `align` two, `all` one per block. */
  readonly stateMode?: 'none' | 'align' | 'all';
  readonly speculativeTokens?: number;
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
  readonly blocksOverride?: number | null;
}

export interface KvGroup {
  readonly kind: KvKind;
  readonly layers: number;
  readonly blockSize: number;
  /** Per layer; of a single uniform group with different heads: summed over its layers. */
  readonly pageBytes: number;
}

/** How the layers were grouped. Independent of the pool and of `maxModelLen`. */
export interface KvLayout {
  readonly groups: readonly KvGroup[];
  /** Per worker: bytes that one block id costs there. */
  readonly bytesPerBlock: readonly number[];
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

interface Bucket {
  run: KvLayers;
  /** Model index of each layer. */
  members: number[];
}

/**
 * Groups layers as vLLM does (reference 2.3). `workers` null: one worker (or equal ones) with all layers.
 * No layers at all give a layout without groups.
 */
export function layoutOf(
  layers: readonly KvLayers[],
  settings: KvSettings,
  workers: readonly WorkerShare[] | null = null,
): KvLayout {
  const all = layers
    .filter((run) => run.count > 0)
    .map((run) => (settings.hybridManager ? run : asFullAttention(run)));
  // Layers without KV of their own cost nothing but keep their place in the pipeline.
  const runs = all.filter((run) => run.pageBytes > 0);
  const total = all.reduce((sum, run) => sum + run.count, 0);
  const shares = workers ?? [{ first: 0, count: total }];
  if (runs.length === 0) return { groups: [], bytesPerBlock: shares.map(() => 0), runs };
  return isOneType(runs) ? oneGroup(all, shares) : manyGroups(all, shares, settings);
}

function asFullAttention(run: KvLayers): KvLayers {
  return run.kind === 'sliding' || run.kind === 'chunked' ? { ...run, kind: 'full' } : run;
}

const sameType = (a: KvLayers, b: KvLayers): boolean => {
  const kind = (run: KvLayers) => (run.kind === 'mla' ? 'full' : run.kind);
  if (kind(a) !== kind(b) || a.blockSize !== b.blockSize) return false;
  if (a.kind === 'sliding' || a.kind === 'chunked') return a.window === b.window;
  return a.kind !== 'state' || a.pageBytes === b.pageBytes;
};

function isOneType(runs: readonly KvLayers[]): boolean {
  const [head] = runs;
  return head !== undefined && runs.every((run) => sameType(run, head));
}

function oneGroup(all: readonly KvLayers[], shares: readonly WorkerShare[]): KvLayout {
  const runs = all.filter((run) => run.pageBytes > 0);
  const [head] = runs;
  if (!head) return { groups: [], bytesPerBlock: [], runs };
  const bytesPerBlock = shares.map((share) => {
    let [bytes, index] = [0, 0];
    for (const run of all) {
      const from = Math.max(index, share.first);
      const to = Math.min(index + run.count, share.first + share.count);
      bytes += Math.max(0, to - from) * run.pageBytes;
      index += run.count;
    }
    return bytes;
  });
  const uniform = runs.every((run) => run.pageBytes === head.pageBytes);
  const pageBytes = uniform
    ? head.pageBytes
    : runs.reduce((sum, run) => sum + run.count * run.pageBytes, 0);
  const layers = runs.reduce((sum, run) => sum + run.count, 0);
  return {
    groups: [{ kind: head.kind, layers, blockSize: head.blockSize, pageBytes }],
    bytesPerBlock,
    runs: [{ ...head, count: layers, pageBytes }],
  };
}

function manyGroups(
  runs: readonly KvLayers[],
  shares: readonly WorkerShare[],
  settings: KvSettings,
): KvLayout {
  const buckets = bucketsOf(unifyPages(runs));
  const sizes = buckets.map((bucket) => bucket.members.length);
  const [min, max] = [Math.min(...sizes), Math.max(...sizes)];
  const groupSize = max < settings.groupSizeRatio * min ? max : min;
  const groups: KvGroup[] = [];
  const groupRuns: KvLayers[] = [];
  const members: { layers: number[]; pageBytes: number }[] = [];
  for (const { run, members: layers } of buckets) {
    const count = Math.ceil(layers.length / groupSize);
    for (let i = 0; i < count; i++) {
      const own: number[] = [];
      for (let at = i; at < layers.length; at += count) own.push(layers[at] ?? 0);
      const { kind, blockSize, pageBytes } = run;
      groups.push({ kind, layers: own.length, blockSize, pageBytes });
      groupRuns.push(run);
      members.push({ layers: own, pageBytes });
    }
  }
  const bytesPerBlock = shares.map(({ first, count }) => {
    const isHere = (layer: number) => layer >= first && layer < first + count;
    const here = members.map(({ layers, pageBytes }) => ({
      layers: layers.filter(isHere).length,
      pageBytes,
    }));
    if (settings.packedLayout) return Math.max(...here.map((g) => g.layers * g.pageBytes));
    return Math.max(...here.map((g) => g.layers)) * Math.max(...here.map((g) => g.pageBytes));
  });
  return { groups, bytesPerBlock, runs: groupRuns };
}

/** Smaller pages get longer blocks where the ratio is whole, else they are padded to the largest page. */
function unifyPages(runs: readonly KvLayers[]): KvLayers[] {
  const largest = Math.max(...runs.map((run) => run.pageBytes));
  return runs.map((run) => {
    if (run.pageBytes === largest || run.pageBytes === 0) return run;
    const ratio = largest / run.pageBytes;
    if (run.kind === 'state' || !Number.isInteger(ratio)) return { ...run, pageBytes: largest };
    return { ...run, pageBytes: largest, blockSize: run.blockSize * ratio };
  });
}

function bucketsOf(runs: readonly KvLayers[]): Bucket[] {
  const buckets = new Map<string, Bucket>();
  let index = 0;
  for (const run of runs) {
    if (run.pageBytes === 0) {
      index += run.count;
      continue;
    }
    const key = [run.kind, run.blockSize, run.pageBytes, run.window ?? ''].join();
    const bucket = buckets.get(key) ?? { run, members: [] };
    for (let i = 0; i < run.count; i++) bucket.members.push(index++);
    buckets.set(key, bucket);
  }
  return [...buckets.values()];
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
      return (run.stateMode === 'align' ? 2 : 1) + extra;
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
