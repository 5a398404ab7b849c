/** Sorts a model's layers into groups that share block ids, as vLLM does (`get_kv_cache_groups`, reference 2.3). */
import type { KvGroup, KvLayers, KvLayout, KvSettings, WorkerShare } from './kvCache';
import { packedGroups } from './kvPacked';
import { isFull, isLocal, isOneType, layersIn, placedRuns, type PlacedRun } from './kvRuns';

/**
 * `workers` null: one worker (or equal ones) with all layers. No layers at all give a layout without groups; runs
 * without pages cost nothing but keep their place in the pipeline.
 */
export function layoutOf(
  layers: readonly KvLayers[],
  settings: KvSettings,
  workers: readonly WorkerShare[] | null = null,
): KvLayout {
  const all = settings.hybridManager ? layers : promoted(layers);
  const placed = placedRuns(all);
  const shares = workers ?? [{ first: 0, count: Infinity }];
  const runs = placed.map(({ run }) => run);
  if (runs.length === 0) return { groups: [], bytesPerBlock: shares.map(() => 0), runs };
  if (isOneType(runs)) return oneGroup(placed, shares);
  if (settings.blockOutermost === true && runs.some((run) => run.pageBytes !== runs[0]?.pageBytes))
    return packedGroups(placed, shares);
  if (latentBlocksUnifying(runs)) {
    const full = placedRuns(promoted(all));
    if (isOneType(full.map(({ run }) => run))) return oneGroup(full, shares);
  }
  return manyGroups(placed, shares, settings);
}

/** Window and chunk layers beside full ones are charged as full attention, in the blocks of these. */
function promoted(layers: readonly KvLayers[]): readonly KvLayers[] {
  const full = layers.filter((run) => isFull(run) && run.pageBytes > 0);
  if (full.length === 0) return layers;
  const sizes = new Set(full.map((run) => run.blockSize));
  const [only] = sizes.size === 1 ? sizes : [];
  return layers.map((run) => {
    if (!isLocal(run)) return run;
    const blockSize = only ?? run.blockSize;
    return {
      ...run,
      kind: 'full',
      blockSize,
      pageBytes: (run.pageBytes / run.blockSize) * blockSize,
    };
  });
}

/** Pages of latent vectors are addressed by rows and can't be padded: next to a window, all becomes full attention. */
function latentBlocksUnifying(runs: readonly KvLayers[]): boolean {
  const largest = Math.max(...runs.map((run) => run.pageBytes));
  return (
    runs.some((run) => run.kind === 'sliding') &&
    runs.some((run) => run.kind === 'mla' && largest % run.pageBytes !== 0)
  );
}

function oneGroup(placed: readonly PlacedRun[], shares: readonly WorkerShare[]): KvLayout {
  const runs = placed.map(({ run }) => run);
  const [head] = runs;
  if (!head) return { groups: [], bytesPerBlock: [], runs };
  const bytesPerBlock = shares.map((share) =>
    placed.reduce((sum, each) => sum + layersIn(each, share) * each.run.pageBytes, 0),
  );
  const uniform = runs.every((run) => run.pageBytes === head.pageBytes && run.kind === head.kind);
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

interface UnifiedRun extends PlacedRun {
  /** Without the padding; layers that differ in it don't share a group. */
  readonly usedBytes: number;
}

interface Bucket {
  readonly run: KvLayers;
  /** Model index of each layer. */
  readonly members: number[];
}

function manyGroups(
  placed: readonly PlacedRun[],
  shares: readonly WorkerShare[],
  settings: KvSettings,
): KvLayout {
  const buckets = bucketsOf(unifiedPages(placed));
  const sizes = buckets.map((bucket) => bucket.members.length);
  const [min, max] = [Math.min(...sizes), Math.max(...sizes)];
  const groupSize = max < settings.groupSizeRatio * min ? max : min;
  const groups: KvGroup[] = [];
  const runs: KvLayers[] = [];
  const members: { layers: number[]; pageBytes: number }[] = [];
  for (const { run, members: layers } of buckets) {
    const { kind, blockSize, pageBytes } = run;
    const count = Math.ceil(layers.length / groupSize);
    for (let i = 0; i < count; i++) {
      const own = layers.filter((_, at) => at % count === i);
      groups.push({ kind, layers: own.length, blockSize, pageBytes });
      runs.push(run);
      members.push({ layers: own, pageBytes });
    }
  }
  const bytesPerBlock = shares.map(({ first, count }) => {
    const here = members.map(({ layers, pageBytes }) => ({
      layers: layers.filter((layer) => layer >= first && layer < first + count).length,
      pageBytes,
    }));
    if (settings.packedLayout) return Math.max(...here.map((g) => g.layers * g.pageBytes));
    return Math.max(...here.map((g) => g.layers)) * Math.max(...here.map((g) => g.pageBytes));
  });
  return { groups, bytesPerBlock, runs };
}

/** Smaller pages get longer blocks where the ratio is whole, else they are padded to the largest page. */
function unifiedPages(placed: readonly PlacedRun[]): UnifiedRun[] {
  const largest = Math.max(...placed.map(({ run }) => run.pageBytes));
  return placed.map(({ run, first }) => {
    const ratio = largest / run.pageBytes;
    const longer = run.kind === 'state' || !Number.isInteger(ratio) ? 1 : ratio;
    const unified = { ...run, pageBytes: largest, blockSize: run.blockSize * longer };
    return { run: unified, first, usedBytes: run.pageBytes * longer };
  });
}

function bucketsOf(placed: readonly UnifiedRun[]): Bucket[] {
  const buckets = new Map<string, Bucket>();
  for (const { run, first, usedBytes } of placed) {
    const key = [run.kind, run.blockSize, usedBytes, run.window ?? ''].join();
    const bucket = buckets.get(key) ?? { run, members: [] };
    for (let i = 0; i < run.count; i++) bucket.members.push(first + i);
    buckets.set(key, bucket);
  }
  return [...buckets.values()];
}
