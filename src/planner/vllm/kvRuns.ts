/** Runs of equal layers and their places in the model. */
import type { KvLayers, WorkerShare } from './kvCache';

/** A run and where its first layer stands in the model. */
export interface PlacedRun {
  readonly run: KvLayers;
  readonly first: number;
}

/** In model order. Runs without pages are left out, their places are not. */
export function placedRuns(layers: readonly KvLayers[]): PlacedRun[] {
  const placed: PlacedRun[] = [];
  let [first, next] = [0, 0];
  for (const run of layers) {
    if (run.beside !== true) first = next;
    next = Math.max(next, first + run.count);
    if (run.count > 0 && run.pageBytes > 0) placed.push({ run, first });
  }
  return placed;
}

/** Its pages are given back once the window has passed. */
export const isLocal = (run: KvLayers): boolean => run.kind === 'sliding' || run.kind === 'chunked';
/** It keeps every token. */
export const isFull = (run: KvLayers): boolean => run.kind === 'full' || run.kind === 'mla';

function sameType(a: KvLayers, b: KvLayers): boolean {
  if (isFull(a) ? !isFull(b) : a.kind !== b.kind) return false;
  if (a.blockSize !== b.blockSize) return false;
  if (isLocal(a)) return a.window === b.window;
  return a.kind !== 'state' || a.pageBytes === b.pageBytes;
}

/** All layers take the same number of blocks, whatever their pages hold. */
export function isOneType(runs: readonly KvLayers[]): boolean {
  const [head] = runs;
  return head !== undefined && runs.every((run) => sameType(run, head));
}

/** How many of the run a worker holds. */
export function layersIn(placed: PlacedRun, share: WorkerShare): number {
  const { run, first } = placed;
  const from = Math.max(first, share.first);
  return Math.max(0, Math.min(first + run.count, share.first + share.count) - from);
}
