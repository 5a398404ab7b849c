/** One plan without its advice: demand, utilization, pool, verdict. Advice calls it again for each change it tries. */
import type { GpuPlan, KvCachePlan, Range } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import { amountUnder, budgetBytes, fixedPool, overcharge, poolBytes } from './budget';
import { calibratedDemand, onVisible, type CalibrationOptions } from './calibration';
import { besidesKv, demandUnder, kvNeeded, perTokenBytes, type Demand } from './demand';
import { longestThatFits, type KvCacheAmount } from './kvCache';
import { utilizationOf, type UtilizationChoice } from './utilization';
import { verdictOf, type VerdictReason } from './verdict';

export interface CorePlan {
  /** As asked; the demand's own request has only the GPUs that the server will see. */
  readonly request: PlanRequest;
  readonly demand: Demand;
  readonly choice: UtilizationChoice;
  readonly amount: KvCacheAmount | null;
  readonly outcome: VerdictReason;
}

/** @param given model facts read before, for the many re-plans of advice. */
export function corePlanOf(request: PlanRequest, given: CalibrationOptions = {}): CorePlan {
  return coreOf(request, calibratedDemand(request, given));
}

/** The same plan where another share is asked for or more is free. @param request differs in nothing else */
export function corePlanUnder(core: CorePlan, request: PlanRequest): CorePlan {
  return coreOf(request, demandUnder(core.demand, onVisible(request)));
}

function coreOf(request: PlanRequest, demand: Demand): CorePlan {
  const choice = utilizationOf(demand);
  const amount = amountUnder(demand, choice.used, 'bytes');
  return { request, demand, choice, amount, outcome: verdictOf(demand, choice.used) };
}

/** Bytes a start needs at least on the fullest GPU: everything beside KV, and KV for one request of full length. */
export function neededBytes(core: CorePlan): number {
  const { demand } = core;
  const { settings } = demand;
  const gpus = Math.max(1, settings.cards.length);
  return Math.max(
    ...Array.from(
      { length: gpus },
      (_, gpu) =>
        besidesKv(demand, gpu, 'bytes') +
        (demand.graphsInside ? 0 : demand.graphs.bytes) +
        (fixedPool(demand) ?? kvNeeded(demand, gpu, settings.maxModelLen, 1)),
    ),
  );
}

/**
 * Bytes by part, in rank order. What others hold is in no part: `leftBytes` is free now (or the total, where that is not
 * known) less the budget, and negative where the start check will fail.
 */
export function gpuPlansOf(core: CorePlan): GpuPlan[] {
  const { demand, choice } = core;
  return demand.settings.cards.map((card, index) => {
    const pool = Math.max(0, poolBytes(demand, index, choice.used, 'bytes'));
    const budget =
      fixedPool(demand) === null
        ? budgetBytes(demand, index, choice.used)
        : besidesKv(demand, index, 'bytes') + pool;
    const left = budget - besidesKv(demand, index, 'bytes');
    const extra = fixedPool(demand) === null ? overcharge(demand, left, 'bytes') : 0;
    return {
      index: demand.settings.options.visibleDevices?.[index] ?? index,
      totalBytes: card.totalBytes,
      freeBytes: card.freeBytes,
      budgetBytes: budget,
      weightsBytes: demand.weightsAt[index]?.bytes ?? null,
      nonTorchBytes: demand.nonTorch.bytes,
      activationBytes: demand.activation.bytes,
      graphBytes: demand.graphs.bytes + extra,
      kvCacheBytes: pool,
      leftBytes: (card.freeBytes ?? card.totalBytes) - budget,
    };
  });
}

/** Blocks and tokens as vLLM prints them; rough figures per token where the layout is not known. */
export function kvCachePlanOf(core: CorePlan): KvCachePlan {
  const { demand, amount, choice } = core;
  const { kv, settings } = demand;
  const perToken = perTokenBytes(demand);
  const atLength = settings.maxModelLen;
  if (!kv || !amount) return roughKvPlan(core, perToken, atLength);
  const [perBlock] = kv.layout.bytesPerBlock;
  const full = kv.layout.groups.find((group) => group.kind === 'full' || group.kind === 'mla');
  const limit = Math.max(settings.modelMaxLen ?? 0, atLength);
  return {
    totalBytes: amount.blocks * (perBlock ?? 0),
    bytesPerToken: perToken === null ? null : Math.round(perToken),
    blockSize: (full ?? kv.layout.groups[0])?.blockSize ?? null,
    blocks: amount.blocks,
    tokens: amount.tokens,
    maxConcurrency: choice.used > 0 ? amount.maxConcurrency : null,
    atLength,
    longestThatFits: longestThatFits(kv.layout, kv.settings, amount.blocks, limit),
  };
}

/** Tokens by the rule of thumb; blocks are not claimed. */
function roughKvPlan(core: CorePlan, perToken: number | null, atLength: number): KvCachePlan {
  const { demand, choice } = core;
  const known = demand.settings.cards.length > 0 && perToken !== null && perToken > 0;
  const pool = known ? Math.max(0, poolBytes(demand, 0, choice.used, 'bytes')) : null;
  const tokens = pool === null || perToken === null ? null : Math.floor(pool / perToken);
  return {
    totalBytes: pool,
    bytesPerToken: perToken,
    blockSize: null,
    blocks: null,
    tokens,
    maxConcurrency: tokens === null ? null : tokens / atLength,
    atLength,
    longestThatFits: tokens,
  };
}

/** Bounds of every part that is not exact, for the first GPU. */
export function rangesOf(core: CorePlan): Record<string, Range> {
  const { demand, choice } = core;
  const ranges: Record<string, Range> = {};
  const add = (name: string, low: number, high: number) => {
    if (high > low) ranges[name] = [Math.max(0, low), Math.max(0, high)];
  };
  const weights = demand.weightsAt[0];
  if (weights) add('weightsBytes', weights.low, weights.high);
  add('activationBytes', demand.activation.low, demand.activation.high);
  const [graphsLow, graphsHigh] = graphBounds(core);
  add('graphBytes', graphsLow, graphsHigh);
  add('nonTorchBytes', demand.nonTorch.low, demand.nonTorch.high);
  if (demand.settings.cards.length > 0 && fixedPool(demand) === null)
    add(
      'kvCacheBytes',
      poolBytes(demand, 0, choice.used, 'high'),
      poolBytes(demand, 0, choice.used, 'low'),
    );
  return ranges;
}

/** With what this version takes from the pool on top, as the plan of the first GPU shows it. */
function graphBounds({ demand, choice }: CorePlan): Range {
  const { graphs, settings } = demand;
  if (settings.cards.length === 0 || fixedPool(demand) !== null) return [graphs.low, graphs.high];
  const budget = budgetBytes(demand, 0, choice.used);
  const ends = (['low', 'bytes', 'high'] as const).map(
    (end) => graphs[end] + overcharge(demand, budget - besidesKv(demand, 0, end), end),
  );
  return [Math.min(...ends), Math.max(...ends)];
}
