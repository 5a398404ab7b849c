/** "What must stop so that this fits": the smallest set of our own servers, idle first, pinned never (product.md 4). */
import type { MustStop, Verdict } from '../shared/planAnswer';
import type { PlanRequest, RunningServer } from '../shared/planRequest';
import { formatGib, MIB } from '../shared/units';

const RANK: Readonly<Record<Verdict, number>> = { fits: 3, tight: 2, unknown: 1, doesNotFit: 0 };

/** More servers than this are taken by size, not by trying every set. */
const MOST_TRIED = 12;

/**
 * @param verdict of the request as it stands
 * @param verdictOf of the same request under other free memory
 * @returns null: it fits, nobody is named, free memory is not known, or more of it would not help
 */
export function mustStopFor(
  request: PlanRequest,
  verdict: Verdict,
  verdictOf: (request: PlanRequest) => Verdict,
): MustStop | null {
  const running = (request.running ?? []).filter((one) => (one.usedBytes ?? 0) > 0);
  const used = usedGpus(request);
  const free = used.map((gpu) => request.gpus[gpu]?.freeBytes ?? null);
  if (verdict === 'fits' || running.length === 0 || free.some((bytes) => bytes === null))
    return null;
  const known = free.map((bytes) => bytes ?? 0);
  const withLevel = (bytes: number): Verdict => verdictOf(atLeastFree(request, used, bytes));
  const all = Math.max(...used.map((gpu) => request.gpus[gpu]?.totalBytes ?? 0));
  const verdictAfter = withLevel(all);
  if (RANK[verdictAfter] <= RANK[verdict]) return null;
  const needed = leastLevel(Math.min(...known), all, (bytes) => withLevel(bytes) === verdictAfter);
  const candidates = running.filter((one) => one.ours && one.pinned !== true);
  const freedOn = (set: readonly RunningServer[], place: number): number =>
    set.reduce((sum, one) => sum + bytesOn(one, used[place] ?? 0, request.gpus.length), 0);
  const isEnough = (set: readonly RunningServer[]): boolean =>
    known.every((bytes, place) => bytes + freedOn(set, place) >= needed);
  // No set of that size can be enough where its largest are not on one of the GPUs.
  const couldBeEnough = (size: number): boolean =>
    known.every((bytes, place) => {
      const most = candidates.map((one) => freedOn([one], place)).toSorted((a, b) => b - a);
      return bytes + most.slice(0, size).reduce((sum, one) => sum + one, 0) >= needed;
    });
  const servers = smallestSet(candidates, isEnough, couldBeEnough) ?? [];
  const freesBytes = servers.reduce((sum, one) => sum + (one.usedBytes ?? 0), 0);
  const others = running
    .filter((one) => !one.ours || one.pinned === true)
    .map(({ title, usedBytes }) => ({ title, usedBytes: usedBytes ?? 0 }))
    .toSorted((a, b) => b.usedBytes - a.usedBytes);
  const answer = {
    servers: servers.map(({ id, title, usedBytes, idle }) => ({
      id,
      title,
      usedBytes: usedBytes ?? 0,
      idle: idle ?? null,
    })),
    freesBytes,
    verdictAfter,
    neededFreeBytes: needed,
    others,
  };
  return { ...answer, text: textOf(answer, Math.min(...known)) };
}

/** Places of the GPUs that the plan is about. */
function usedGpus(request: PlanRequest): readonly number[] {
  const places = request.options.visibleDevices ?? [...request.gpus.keys()];
  if (request.engine === 'ollama') return places;
  const { tensorParallelSize, pipelineParallelSize, dataParallelSize } = request.options;
  const ranks = (tensorParallelSize ?? 1) * (pipelineParallelSize ?? 1) * (dataParallelSize ?? 1);
  return places.slice(0, ranks);
}

function atLeastFree(request: PlanRequest, used: readonly number[], bytes: number): PlanRequest {
  const gpus = request.gpus.map((gpu, index) =>
    used.includes(index)
      ? { ...gpu, freeBytes: Math.min(gpu.totalBytes, Math.max(gpu.freeBytes ?? 0, bytes)) }
      : gpu,
  );
  return { ...request, gpus };
}

/** Smallest free memory that is enough, to 16 MiB. `enough` holds at `high`. */
function leastLevel(low: number, high: number, enough: (bytes: number) => boolean): number {
  let [below, above] = [low, high];
  while (above - below > 16 * MIB) {
    const middle = Math.round((below + above) / 2);
    if (enough(middle)) above = middle;
    else below = middle;
  }
  return above;
}

/** A server on several GPUs holds as much on each; one whose GPU is not known counts only where there is but one. */
function bytesOn(server: RunningServer, gpu: number, gpuCount: number): number {
  const { gpus, usedBytes } = server;
  if (gpus == null) return gpuCount === 1 ? (usedBytes ?? 0) : 0;
  return gpus.includes(gpu) ? (usedBytes ?? 0) / gpus.length : 0;
}

/** The fewest servers that are enough; among sets of one size the one with most idle ones, then the least bytes. */
function smallestSet(
  candidates: readonly RunningServer[],
  isEnough: (set: readonly RunningServer[]) => boolean,
  couldBeEnough: (size: number) => boolean,
): readonly RunningServer[] | null {
  // Idle first, then large: so the first set found is a good one, and a long list is cut at its end.
  const ordered = candidates.toSorted(
    (a, b) => busyness(a) - busyness(b) || (b.usedBytes ?? 0) - (a.usedBytes ?? 0),
  );
  if (!isEnough(ordered)) return null;
  const tried = ordered.length <= MOST_TRIED ? ordered : enoughInOrder(ordered, isEnough);
  if (tried.length > MOST_TRIED) return tried;
  for (let size = 1; size < tried.length; size++) {
    if (!couldBeEnough(size)) continue;
    const found = setsOf(tried, size).filter(isEnough);
    const [best] = found.toSorted((a, b) => costOf(a) - costOf(b) || bytesOf(a) - bytesOf(b));
    if (best) return best;
  }
  return tried;
}

/** Idle 0, unknown 1, busy 2. */
const busyness = ({ idle }: RunningServer): number => (idle == null ? 1 : idle ? 0 : 2);
const costOf = (set: readonly RunningServer[]): number =>
  set.reduce((sum, one) => sum + busyness(one), 0);
const bytesOf = (set: readonly RunningServer[]): number =>
  set.reduce((sum, one) => sum + (one.usedBytes ?? 0), 0);

/** The first that are enough, less those that were not needed. */
function enoughInOrder(
  ordered: readonly RunningServer[],
  isEnough: (set: readonly RunningServer[]) => boolean,
): readonly RunningServer[] {
  const size = ordered.findIndex((_, index) => isEnough(ordered.slice(0, index + 1))) + 1;
  let set = ordered.slice(0, size);
  for (const one of set.toReversed()) {
    const without = set.filter((other) => other !== one);
    if (isEnough(without)) set = without;
  }
  return set;
}

function setsOf<T>(list: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return list.flatMap((one, index) =>
    setsOf(list.slice(index + 1), size - 1).map((rest) => [one, ...rest]),
  );
}

function textOf(answer: Omit<MustStop, 'text'>, freeBytes: number): string {
  const { servers, freesBytes, neededFreeBytes, others, verdictAfter } = answer;
  const lack = `${formatGib(neededFreeBytes)} must be free, ${formatGib(freeBytes)} is`;
  const named = others
    .slice(0, 3)
    .map(({ title, usedBytes }) => `${title} (${formatGib(usedBytes)})`)
    .join(', ');
  if (servers.length === 0)
    return `Stopping our own servers is not enough: ${lack}${named ? `. Others hold ${named}` : ''}`;
  const list = servers
    .map(
      ({ title, usedBytes, idle }) =>
        `${title} (${formatGib(usedBytes)}${idle === true ? ', idle' : ''})`,
    )
    .join(' and ');
  const after = verdictAfter === 'fits' ? 'it fits' : 'it may start';
  return `Stop ${list} and ${after}: ${lack}, that frees ${formatGib(freesBytes)}`;
}
