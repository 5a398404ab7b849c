/**
 * Groups of unequal pages side by side in one block (vLLM ≥ 0.29, `_get_packed_kv_cache_groups`): where a backend wants
 * blocks outermost in memory, as DeepSeek-V4's does.
 */
import type { KvGroup, KvLayers, KvLayout, WorkerShare } from './kvCache';
import { isOneType, type PlacedRun } from './kvRuns';

interface Layer {
  readonly run: KvLayers;
  readonly index: number;
}

/** Layers that take the same number of blocks, by the bytes of their page. */
interface Bucket {
  readonly layers: readonly Layer[];
  readonly byPage: readonly (readonly Layer[])[];
  /** As many layers of each page size: the layers repeat a pattern. */
  readonly balanced: boolean;
  readonly repeats: number;
}

/** @param shares of each worker, in the order of their ranks. */
export function packedGroups(
  placed: readonly PlacedRun[],
  shares: readonly WorkerShare[],
): KvLayout {
  const buckets = bucketsOf(layersOf(placed));
  const smallestSplit = Math.max(
    0,
    ...buckets.filter((b) => b.balanced && b.byPage.length > 1).map((b) => b.repeats),
  );
  const repeatsPerGroup =
    smallestSplit === 0
      ? null
      : approximateDivisor(
          buckets.filter((b) => b.balanced).map((b) => b.repeats),
          smallestSplit,
        );
  const isState = (bucket: Bucket): boolean => {
    const kind = bucket.layers[0]?.run.kind;
    return kind === 'state' || (repeatsPerGroup === null && kind === 'sliding');
  };
  const wantedGroups = (bucket: Bucket): number =>
    bucket.balanced && repeatsPerGroup !== null ? Math.ceil(bucket.repeats / repeatsPerGroup) : 1;
  const blockBytes = Math.max(
    ...buckets.map((b) => widestGroupBytes(b, isState(b) ? b.layers.length : wantedGroups(b))),
  );
  const split = buckets.flatMap((bucket) => {
    const page = bucket.layers[0]?.run.pageBytes ?? 1;
    // A group of states takes no more than fits the block that the others need anyway.
    const perBlock = Math.max(1, Math.floor(blockBytes / page));
    const forStates = isState(bucket) ? Math.ceil(bucket.layers.length / perBlock) : 1;
    return splitInto(bucket, Math.max(wantedGroups(bucket), forStates));
  });
  return {
    groups: split.map(groupOf),
    bytesPerBlock: shares.map((share) =>
      Math.max(...split.map((layers) => bytesIn(layers, share))),
    ),
    runs: split.flatMap((layers) => layers.slice(0, 1).map(({ run }) => run)),
  };
}

function layersOf(placed: readonly PlacedRun[]): Layer[] {
  return placed
    .flatMap(({ run, first }) =>
      Array.from({ length: run.count }, (_, i): Layer => ({ run, index: first + i })),
    )
    .sort((a, b) => a.index - b.index);
}

function bucketsOf(layers: readonly Layer[]): Bucket[] {
  const found: Layer[][] = [];
  for (const layer of layers) {
    const bucket = found.find(([head]) => head && isOneType([head.run, layer.run]));
    if (bucket) bucket.push(layer);
    else found.push([layer]);
  }
  return found.map((own) => {
    const byPage = new Map<number, Layer[]>();
    for (const layer of own) {
      const { pageBytes } = layer.run;
      byPage.set(pageBytes, [...(byPage.get(pageBytes) ?? []), layer]);
    }
    const counts = [...byPage.values()].map((same) => same.length);
    return {
      layers: own,
      byPage: [...byPage.values()],
      balanced: new Set(counts).size === 1,
      repeats: Math.max(...counts),
    };
  });
}

/** The step to which all counts are rounded up with the least loss, at least `smallest`; the largest of equals. */
function approximateDivisor(counts: readonly number[], smallest: number): number {
  let [best, bestLoss] = [Math.max(1, smallest), Infinity];
  for (let step = best; step <= Math.max(...counts); step++) {
    const loss = counts.reduce((sum, count) => sum + ((step - (count % step)) % step), 0);
    if (loss <= bestLoss) [best, bestLoss] = [step, loss];
  }
  return best;
}

function widestGroupBytes(bucket: Bucket, groups: number): number {
  return bucket.byPage.reduce(
    (sum, same) => sum + Math.ceil(same.length / groups) * (same[0]?.run.pageBytes ?? 0),
    0,
  );
}

function splitInto(bucket: Bucket, groups: number): Layer[][] {
  if (groups === 1) return [[...bucket.layers]];
  return Array.from({ length: groups }, (_, i) =>
    bucket.byPage.flatMap((same) => same.filter((_, at) => at % groups === i)),
  );
}

function groupOf(layers: readonly Layer[]): KvGroup {
  const { kind, blockSize } = layers[0]?.run ?? { kind: 'full', blockSize: 0 };
  const pageBytes = layers.reduce((sum, { run }) => sum + run.pageBytes, 0);
  return { kind, layers: layers.length, blockSize, pageBytes };
}

function bytesIn(layers: readonly Layer[], share: WorkerShare): number {
  return layers
    .filter(({ index }) => index >= share.first && index < share.first + share.count)
    .reduce((sum, { run }) => sum + run.pageBytes, 0);
}
