/** Which layer goes where: one function per era, each the same algorithm as Ollama's own of that time. */
import { GIB, MIB } from '../../shared/units';

/** Everything in bytes, for one end of the ranges. */
export interface PlacementInput {
  /** Weights, K/V and state of each block, first to last. */
  readonly blockBytes: readonly number[];
  /** Of each block's: routed experts. */
  readonly expertBytes: readonly number[];
  readonly outputBytes: number;
  readonly projectorBytes: number;
  readonly projectorGraphBytes: number;
  readonly graphFullBytes: number;
  readonly graphPartialBytes: number;
  /** Free memory per GPU. */
  readonly freeBytes: readonly number[];
  readonly metal: boolean;
  /** Only for the estimator: order in which blocks are handed out. */
  readonly fillsFromFirstBlock: boolean;
  /** null: automatic. */
  readonly numGpu: number | null;
  /** The server's crude prediction, by which era `fit` chooses between one GPU and all. */
  readonly predictedBytes: number;
}

export interface Placement {
  /** GPU index per block, output last; −1: host. */
  readonly layerGpu: readonly number[];
  /** Per block: on a GPU, but for its experts. */
  readonly withoutExperts: readonly boolean[];
  readonly allOnGpu: boolean;
  /** Layers that are wholly on it per GPU, the output layer included. */
  readonly perGpu: readonly number[];
}

/** Layers on any GPU, the output layer included. */
export const layersOnGpu = (placement: Placement): number =>
  placement.perGpu.reduce((sum, count) => sum + count, 0);

const HOST = -1;
/** Reserve per GPU of the estimator and the layout (`MinimumMemory`). */
const MINIMUM_BYTES = 457 * MIB;
const METAL_MINIMUM_BYTES = 512 * MIB;
/** `LLAMA_ARG_FIT_TARGET`: what llama-server leaves free per device. */
const FIT_TARGET_BYTES = GIB;

const minimumBytes = (input: PlacementInput): number =>
  input.metal ? METAL_MINIMUM_BYTES : MINIMUM_BYTES;

function finish(
  layerGpu: readonly number[],
  gpuCount: number,
  withoutExperts: readonly boolean[] = [],
): Placement {
  const perGpu = new Array<number>(gpuCount).fill(0);
  let whole = 0;
  layerGpu.forEach((gpu, layer) => {
    if (gpu === HOST || withoutExperts[layer] === true) return;
    perGpu[gpu] = (perGpu[gpu] ?? 0) + 1;
    whole++;
  });
  return { layerGpu, withoutExperts, perGpu, allOnGpu: whole === layerGpu.length };
}

const onHost = (input: PlacementInput): Placement =>
  finish(new Array<number>(input.blockBytes.length + 1).fill(HOST), input.freeBytes.length);

/** Indices of GPUs, most free memory first. */
const byFreeMemory = (freeBytes: readonly number[]): number[] =>
  freeBytes.map((_, index) => index).sort((a, b) => (freeBytes[b] ?? 0) - (freeBytes[a] ?? 0));

/** Up to 0.11.10: one GPU if all fits there, else all of them, filled round-robin. */
export function placeByEstimate(input: PlacementInput): Placement {
  const order = byFreeMemory(input.freeBytes);
  const best = order[0];
  if (best === undefined) return onHost(input);
  const single = fillRoundRobin(input, [best]);
  if (single.allOnGpu || order.length === 1) return single;
  return fillRoundRobin(input, order);
}

function fillRoundRobin(input: PlacementInput, gpus: readonly number[]): Placement {
  const { blockBytes, freeBytes } = input;
  const count = blockBytes.length;
  const layerGpu = new Array<number>(count + 1).fill(HOST);
  // Several GPUs always reserve the partial graph, each; Metal has no overhead for a partial offload.
  const partial = input.metal ? input.graphFullBytes : input.graphPartialBytes;
  const graph = Math.max(partial, gpus.length > 1 ? partial : input.graphFullBytes);
  const first = blockBytes[0] ?? 0;
  const used = new Map<number, number>();
  let open: number[] = [];
  for (const gpu of gpus) {
    const free = freeBytes[gpu] ?? 0;
    if (free < graph + minimumBytes(input) + 2 * first) continue;
    open.push(gpu);
    used.set(gpu, minimumBytes(input) + first);
  }
  let placed = 0;
  const limit = input.numGpu ?? Infinity;
  const fits = (gpu: number, bytes: number): boolean =>
    (freeBytes[gpu] ?? 0) > (used.get(gpu) ?? 0) + graph + bytes;
  const put = (gpu: number, layer: number, bytes: number): void => {
    used.set(gpu, (used.get(gpu) ?? 0) + bytes);
    layerGpu[layer] = gpu;
    placed++;
  };
  for (let turn = 0; turn < count && placed < limit; turn++) {
    const layer = input.fillsFromFirstBlock ? turn : count - 1 - turn;
    const bytes = blockBytes[layer] ?? 0;
    while (open.length > 0) {
      const gpu = open[layer % open.length] ?? HOST;
      if (fits(gpu, bytes)) {
        put(gpu, layer, bytes);
        break;
      }
      open = open.filter((candidate) => candidate !== gpu);
    }
  }
  const last = input.outputBytes + input.projectorBytes + input.projectorGraphBytes;
  if (placed < limit)
    for (let tries = open.length; tries > 0; tries--) {
      const gpu = open[placed % tries] ?? HOST;
      if (!fits(gpu, last)) continue;
      put(gpu, count, last);
      break;
    }
  return finish(layerGpu, freeBytes.length);
}

/** 0.11.11 to 0.24: as few GPUs as hold everything, evenly filled; the output layer is the first to be left out. */
export function placeByLayout(input: PlacementInput): Placement {
  const order = byFreeMemory(input.freeBytes);
  const reserve = minimumBytes(input);
  const last = input.outputBytes + input.projectorBytes;
  const graph = input.graphFullBytes;
  const partialGraph = Math.max(graph, input.graphPartialBytes);
  const room = (gpus: readonly number[], graphBytes: number): number[] =>
    gpus.map((gpu) =>
      Math.max(
        0,
        (input.freeBytes[gpu] ?? 0) -
          reserve -
          graphBytes -
          (gpu === gpus[0] ? input.projectorGraphBytes : 0),
      ),
    );
  const wanted = [...input.blockBytes, last];
  const requested = input.numGpu;
  if (requested !== null && requested < wanted.length)
    return spread(input, wanted, order, room(order, graph), requested);
  for (let used = 1; used <= order.length; used++) {
    const gpus = order.slice(0, used);
    const placed = spread(input, wanted, gpus, room(gpus, graph), null);
    if (placed.allOnGpu) return placed;
  }
  const blocks = spread(input, input.blockBytes, order, room(order, partialGraph), null);
  return finish([...blocks.layerGpu.slice(0, input.blockBytes.length), HOST], order.length);
}

/** The smallest share of each GPU's room that still places as many layers: that is what makes the split even. */
function spread(
  input: PlacementInput,
  layers: readonly number[],
  gpus: readonly number[],
  room: readonly number[],
  requested: number | null,
): Placement {
  // With a number requested, all of it is placed, in proportion to the room, whether it fits or not.
  let high = requested === null ? 1 : 1000;
  let best = fillInOrder(layers, room, high, requested);
  const most = best.placed;
  let low = 0;
  for (let step = 0; step < 16 && gpus.length > 1; step++) {
    const middle = (low + high) / 2;
    const tried = fillInOrder(layers, room, middle, requested);
    if (tried.placed === most) {
      high = middle;
      best = tried;
    } else low = middle;
  }
  const missing = input.blockBytes.length + 1 - layers.length;
  const layerGpu = best.slots.map((slot) => (slot === HOST ? HOST : (gpus[slot] ?? HOST)));
  return finish([...layerGpu, ...new Array<number>(missing).fill(HOST)], input.freeBytes.length);
}

/** Last layer first, onto the last GPU of the list until it is full, then the one before. */
function fillInOrder(
  layers: readonly number[],
  room: readonly number[],
  share: number,
  requested: number | null,
): { slots: number[]; placed: number } {
  const slots = new Array<number>(layers.length).fill(HOST);
  let slot = room.length - 1;
  let left = (room[slot] ?? 0) * share;
  let placed = 0;
  for (let layer = layers.length - 1; layer >= 0; layer--) {
    if (requested !== null && placed >= requested) break;
    const bytes = layers[layer] ?? 0;
    while (slot >= 0 && bytes > left) {
      slot--;
      left = (room[slot] ?? 0) * share;
    }
    if (slot < 0) break;
    slots[layer] = slot;
    left -= bytes;
    placed++;
  }
  return { slots, placed };
}

/** From 0.30: one GPU if the prediction is at most 80 % of its free memory, else all; then `--fit` leaves 1 GiB free on each, by taking whole layers off a dense model and experts off a mixture. */
export function placeByFit(input: PlacementInput): Placement {
  const order = byFreeMemory(input.freeBytes);
  const best = order[0];
  if (best === undefined || input.numGpu === 0) return onHost(input);
  const alone = order.length === 1 || input.predictedBytes <= 0.8 * (input.freeBytes[best] ?? 0);
  // llama.cpp numbers devices as they are; splits follow that order.
  const gpus = alone ? [best] : input.freeBytes.map((_, index) => index);
  const layers = [...input.blockBytes, input.outputBytes + input.projectorBytes];
  const requested = input.numGpu !== null && input.numGpu > 0 ? input.numGpu : null;
  const split = splitByFreeMemory(input, layers.length, gpus, requested);
  if (requested !== null || leavesTarget(input, layers, gpus, split)) return split;
  const room = (graph: number): number[] =>
    gpus.map((gpu) => Math.max(0, (input.freeBytes[gpu] ?? 0) - FIT_TARGET_BYTES - graph));
  const full = spread(input, layers, gpus, room(input.graphFullBytes), null);
  if (full.allOnGpu) return full;
  const left = room(input.graphPartialBytes);
  return input.expertBytes.some((bytes) => bytes > 0)
    ? placeExpertsLast(input, layers, gpus, left)
    : spread(input, layers, gpus, left, null);
}

/** Mixtures of experts: everything else first; where all of that fits, experts come back, the first block's first. */
function placeExpertsLast(
  input: PlacementInput,
  layers: readonly number[],
  gpus: readonly number[],
  room: readonly number[],
): Placement {
  const experts = layers.map((_, layer) => input.expertBytes[layer] ?? 0);
  const bare = layers.map((bytes, layer) => bytes - (experts[layer] ?? 0));
  const { layerGpu, allOnGpu } = spread(input, bare, gpus, room, null);
  const left = new Map(gpus.map((gpu, slot) => [gpu, room[slot] ?? 0]));
  const take = (gpu: number, bytes: number): void => {
    left.set(gpu, (left.get(gpu) ?? 0) - bytes);
  };
  layerGpu.forEach((gpu, layer) => {
    take(gpu, bare[layer] ?? 0);
  });
  const withoutExperts = layerGpu.map((gpu, layer) => {
    const bytes = experts[layer] ?? 0;
    if (gpu === HOST || bytes === 0) return false;
    if (!allOnGpu || bytes > (left.get(gpu) ?? 0)) return true;
    take(gpu, bytes);
    return false;
  });
  return finish(layerGpu, input.freeBytes.length, withoutExperts);
}

/** llama.cpp's default: layers in proportion to the free memory of the devices; the last `requested` layers of the model. */
function splitByFreeMemory(
  input: PlacementInput,
  layerCount: number,
  gpus: readonly number[],
  requested: number | null,
): Placement {
  const wanted = Math.min(requested ?? layerCount, layerCount);
  const total = gpus.reduce((sum, gpu) => sum + (input.freeBytes[gpu] ?? 0), 0);
  const layerGpu = new Array<number>(layerCount).fill(HOST);
  let slot = 0;
  let share = (input.freeBytes[gpus[0] ?? 0] ?? 0) / total;
  for (let i = 0; i < wanted; i++) {
    while (slot < gpus.length - 1 && i / wanted >= share) {
      slot++;
      share += (input.freeBytes[gpus[slot] ?? 0] ?? 0) / total;
    }
    layerGpu[layerCount - wanted + i] = gpus[slot] ?? HOST;
  }
  return finish(layerGpu, input.freeBytes.length);
}

function leavesTarget(
  input: PlacementInput,
  layers: readonly number[],
  gpus: readonly number[],
  split: Placement,
): boolean {
  return gpus.every((gpu) => {
    let used = input.graphFullBytes;
    split.layerGpu.forEach((on, layer) => {
      if (on === gpu) used += layers[layer] ?? 0;
    });
    return used + FIT_TARGET_BYTES <= (input.freeBytes[gpu] ?? 0);
  });
}
