/** Everything a start takes on each GPU, at its favourable, likely and unfavourable end. */
import type { HfShape } from '../../models/hfConfig';
import type { Basis } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import { freeBytesOf } from '../cards';
import {
  blocksPerRequest,
  bytesPerToken,
  type KvLayout,
  type KvSettings,
  type WorkerShare,
} from './kvCache';
import type { Lessons } from './calibration';
import { NO_DRAFT } from './draftModel';
import { FITTED, type FittedNumbers } from './fittedNumbers';
import { layoutOf } from './kvGroups';
import { kvModelOf } from './kvLayers';
import { shapeOf } from './modelShape';
import {
  activationOf,
  contextOf,
  graphsInBudget,
  graphsOf,
  nonTorchOf,
  type Estimate,
} from './overheads';
import { settingsOf, type VllmSettings } from './settings';
import { stageCounts } from './sharding';
import { weightsOf, type Conversion, type Weights } from './weights';

/** Which end of the ranges is looked at. */
export type End = 'low' | 'bytes' | 'high';

export interface KvDemand {
  readonly settings: KvSettings;
  readonly layout: KvLayout;
  readonly hasState: boolean;
  readonly approximation: string | null;
  readonly stateGuessed: boolean;
}

export interface Demand {
  readonly request: PlanRequest;
  readonly shape: HfShape | null;
  readonly settings: VllmSettings;
  readonly basis: Basis;
  readonly weights: Weights;
  /** Per GPU in rank order. */
  readonly weightsAt: readonly Estimate[];
  readonly activation: Estimate;
  readonly graphs: Estimate;
  readonly graphsInside: boolean;
  readonly nonTorch: Estimate;
  readonly context: Estimate;
  /** null: the layout is not known; `roughPerToken` stands in. */
  readonly kv: KvDemand | null;
  /** Bytes per token and GPU where the layout is not known. */
  readonly roughPerToken: Estimate | null;
  /** What `calibration.ts` put in place of estimates; null: all is estimated. */
  readonly learned: Learned | null;
  readonly numbers: FittedNumbers;
}

export interface Learned {
  readonly lessons: Lessons;
  /** The same demand without what was learned. */
  readonly estimated: Demand;
  readonly measured: ReadonlySet<'weights' | 'activation' | 'graphs' | 'nonTorch'>;
}

export interface DemandOptions {
  readonly convertedFrom?: Conversion | null;
  /** Other fitted numbers than the planner's own: to score what it makes of models they were not fitted to. */
  readonly numbers?: FittedNumbers;
}

/** Everything but KV is per GPU and per rank; estimates carry their range. Nothing learned is in it (`calibration.ts`). */
export function demandOf(request: PlanRequest, given: DemandOptions = {}): Demand {
  const shape = shapeOf(request.model);
  const settings = settingsOf(request, shape);
  const weights = weightsOf(request, shape, settings, given.convertedFrom ?? null);
  const model = kvModelOf(shape, settings);
  const kv = model && {
    settings: model.settings,
    layout: layoutOf(model.layers, model.settings, sharesOf(shape, settings)),
    hasState: model.hasState,
    approximation: model.approximation,
    stateGuessed: model.stateGuessed,
  };
  const numbers = given.numbers ?? FITTED;
  return {
    request,
    shape,
    settings,
    basis: weights.basis,
    weights,
    weightsAt: weightEstimates(weights, settings),
    activation: activationOf(shape, settings, numbers),
    graphs: graphsOf(shape, settings, numbers),
    graphsInside: graphsInBudget(settings),
    nonTorch: nonTorchOf(settings, numbers),
    context: contextOf(settings, numbers),
    kv: kv && kv.layout.groups.length > 0 ? kv : null,
    roughPerToken: kv ? null : roughKv(weights, settings),
    learned: null,
    numbers,
  };
}

/**
 * The same start where another share is asked for or more is free: what it takes follows from neither.
 * @param request differs from the demand's own in nothing else
 */
export function demandUnder(demand: Demand, request: PlanRequest): Demand {
  const { settings, learned } = demand;
  const cards = settings.cards.map((card, rank) => {
    const gpu = request.gpus[rank];
    return gpu ? { ...card, freeBytes: freeBytesOf(gpu) } : card;
  });
  return {
    ...demand,
    request,
    settings: { ...settings, cards, options: request.options },
    learned: learned && { ...learned, estimated: demandUnder(learned.estimated, request) },
  };
}

function weightEstimates(weights: Weights, settings: VllmSettings): Estimate[] {
  const count = Math.max(settings.cards.length, 1);
  return Array.from({ length: count }, (_, index) => {
    const bytes = weights.perGpu[index] ?? weights.perGpu[0] ?? 0;
    // Headers are exact; what vLLM adds (rotary tables, padding of the vocabulary) is 0 to 0.2 GiB.
    const [low, high] = weights.spread ?? [0.995, 1.01];
    const draft = weights.draft ?? NO_DRAFT;
    return {
      bytes: Math.round(bytes + draft.bytes),
      low: Math.round(bytes * low + draft.low),
      high: Math.round(bytes * high + draft.high),
    };
  });
}

/** One share per pipeline stage; null where all workers hold all layers. */
function sharesOf(shape: HfShape | null, settings: VllmSettings): WorkerShare[] | null {
  const counts = stageCounts(shape?.layers ?? null, settings.pipelineParallel);
  if (!counts || counts.length === 1) return null;
  let first = 0;
  return counts.map((count, stage) => {
    const share = { first, count: stage === counts.length - 1 ? Infinity : count };
    first += count;
    return share;
  });
}

/**
 * KV per token when only the size is known. 16-bit bytes of published models: with grouped queries, as nearly all have
 * them since 2023, 128 KiB (Llama 3.1 8B) and with the size to the power of 0.42 (70B: 320 KiB, 405B: 504); with a pair of
 * heads for each query up to 0.62 MB at 6.7B and with the power of 2/3, as layers × width grow (Llama 2 7B: 0.52 MB, OPT
 * 175B: 4.7); hybrids of few attention layers down to 6 KiB (Nemotron 3 Nano 30B).
 */
function roughKv(weights: Weights, settings: VllmSettings): Estimate {
  const parameters = weights.totalBytes / (weights.format?.bytesPerWeight ?? settings.elementBytes);
  const ranks = settings.tensorParallel * settings.pipelineParallel;
  const share = settings.kvDtype.elementBytes / 2 / ranks;
  const grouped = 131_072 * (parameters / 8e9) ** 0.42;
  const perHead = 620_000 * (parameters / 6.7e9) ** (2 / 3);
  return {
    bytes: Math.round(grouped * share),
    low: Math.round(grouped * 0.02 * share),
    high: Math.round(Math.max(grouped, perHead) * share),
  };
}

/** Bytes beside the KV pool that count against the budget of one GPU. */
export function besidesKv(demand: Demand, gpu: number, end: End): number {
  const weights = demand.weightsAt[gpu]?.[end] ?? 0;
  const graphs = demand.graphsInside ? demand.graphs[end] : 0;
  return weights + demand.nonTorch[end] + demand.activation[end] + graphs + othersOf(demand, gpu);
}

/** 0.8.0 to 0.9.0 bill to this server whatever others hold. */
export function othersOf(demand: Demand, gpu: number): number {
  const card = demand.settings.cards[gpu];
  if (!demand.settings.rules.chargesOthers || card?.freeBytes == null) return 0;
  return Math.max(0, card.cudaBytes - card.freeBytes);
}

/** Pipeline stage of a GPU in rank order. */
export function stageOf(settings: VllmSettings, gpu: number): number {
  return Math.floor(gpu / settings.tensorParallel) % settings.pipelineParallel;
}

/** KV bytes on one GPU for `requests` requests of `length` tokens, the null block included. */
export function kvNeeded(
  demand: Demand,
  gpu: number,
  length: number,
  requests: number,
  end: End = 'bytes',
): number {
  const { kv, roughPerToken, settings } = demand;
  if (!kv) return (roughPerToken?.[end] ?? 0) * length * requests;
  const stage = stageOf(settings, gpu);
  const perBlock = kv.layout.bytesPerBlock[stage] ?? kv.layout.bytesPerBlock[0] ?? 0;
  const blocks = blocksPerRequest(kv.layout, kv.settings, length) * requests;
  return (blocks + (kv.settings.nullBlock ? 1 : 0)) * perBlock;
}

/** Bytes one more token costs per rank; null where not known. */
export function perTokenBytes(demand: Demand): number | null {
  return demand.kv
    ? bytesPerToken(demand.kv.layout, demand.settings.decodeContextParallel)
    : (demand.roughPerToken?.bytes ?? null);
}
