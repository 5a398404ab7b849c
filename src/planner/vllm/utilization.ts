/**
 * The utilization values a plan marks: smallest that starts, recommended, largest that leaves others theirs, largest that
 * the start check passes; and the one in effect.
 */
import type { UtilizationPlan } from '../../shared/planAnswer';
import { nameRule, type NameRuleInput, type NameRuleResult } from '../nameRule';
import { freeFor, overchargeShare, reservation } from './budget';
import { failedAlike } from './pastFailure';
import { besidesKv, kvNeeded, othersOf, stageOf, type Demand, type End } from './demand';

export interface UtilizationChoice extends UtilizationPlan {
  /** Always a number: the version's default where nothing better is known. */
  readonly used: number;
  readonly auto: boolean;
  readonly named: NameRuleResult | null;
}

const up2 = (value: number): number => Math.ceil(value * 100 - 1e-9) / 100;
const down2 = (value: number): number => Math.floor(value * 100 + 1e-9) / 100;

/**
 * Shares of the memory CUDA sees, in hundredths: the smallest rounded up, the others down. By exact facts where the layout
 * is known, else by the rule for names (`nameRule.ts`).
 */
export function utilizationOf(demand: Demand): UtilizationChoice {
  const { settings, request, basis } = demand;
  const asked = settings.options.gpuMemoryUtilization ?? null;
  const auto = asked === 0;
  const exact = demand.kv !== null && basis !== 'name' && basis !== 'default';
  if (settings.cards.length === 0) {
    const used = asked !== null && asked > 0 ? asked : settings.rules.defaultUtilization;
    const effective = auto ? null : used;
    return {
      effective,
      smallest: null,
      largest: null,
      recommended: null,
      beside: null,
      rule: exact ? 'exact' : 'name',
      used,
      auto,
      named: null,
    };
  }
  const smallest = exact ? smallestFor(demand, 1, 'bytes') : null;
  const largest = largestNow(demand);
  const ceiling = Math.min(largest ?? 1, runningCeiling(demand));
  const beside = largest === null || ceiling <= 0 ? null : ceiling;
  const byName = exact ? null : nameRule(nameInput(demand));
  const recommended = exact
    ? recommendedFor(demand, ceiling, smallest)
    : byName && Math.min(byName.utilization, beside ?? 1);
  const capped =
    recommended === null
      ? null
      : untried(demand, Math.min(recommended, largest ?? 1), smallest ?? 0.01, largest ?? 1);
  // Where what is free now cannot start the model, no share is worth recommending.
  const startable = capped !== null && capped >= (smallest ?? 0.01);
  const effective = auto
    ? exact
      ? (capped ?? Math.max(0.01, ceiling))
      : (byName?.utilization ?? null)
    : (asked ?? settings.rules.defaultUtilization);
  return {
    effective,
    smallest,
    largest,
    recommended: startable ? capped : null,
    beside,
    rule: exact ? 'exact' : 'name',
    used: effective ?? request.options.gpuMemoryUtilization ?? settings.rules.defaultUtilization,
    auto,
    named: auto ? byName : null,
  };
}

/** Down before up, the nearest first. */
const STEPS = Array.from({ length: 10 }, (_, i) => i * 0.05).flatMap((step) => [-step, step]);

/** The nearest step of 0.05 from a share with which nothing like it failed here; null: they all did. */
function untried(demand: Demand, share: number, least: number, most: number): number | null {
  if (!demand.learned?.lessons.failed.length) return share;
  for (const step of STEPS) {
    const tried = Number((share + step).toFixed(2));
    if (tried >= least && tried <= most && failedAlike(demand, tried) === null) return tried;
  }
  return null;
}

function nameInput(demand: Demand): NameRuleInput {
  const { request, settings } = demand;
  return {
    name: request.model.name ?? request.model.path ?? null,
    weightsBytes: request.model.weightsBytes ?? request.model.weights?.totalBytes ?? null,
    maxModelLen: settings.options.maxModelLen ?? null,
    tensorParallelSize: settings.tensorParallel,
    gpus: settings.cards.map(({ totalBytes, cudaBytes }, gpu) => {
      const kept = reservation(demand, gpu);
      const left = kept > 0 ? Math.max(0, cudaBytes - kept) : null;
      return { totalBytes, freeBytes: freeFor(demand, gpu) ?? left };
    }),
  };
}

/** Smallest two-digit value whose pool holds `requests` full-length requests; null: none up to 1. */
function smallestFor(demand: Demand, requests: number, end: End): number | null {
  const { settings } = demand;
  let share = 0;
  for (const [gpu, card] of settings.cards.entries()) {
    const wish = kvNeeded(demand, gpu, settings.maxModelLen, requests, end);
    const kv =
      Math.max(1, wish, stateBlocksBytes(demand, gpu)) / (1 - overchargeShare(demand, end));
    share = Math.max(share, (besidesKv(demand, gpu, end) + kv) / card.cudaBytes);
  }
  const value = Math.max(0.01, up2(share));
  return value > 1 ? null : value;
}

/** Models with recurrent state need a block per sequence as well (reference 2.5). */
function stateBlocksBytes(demand: Demand, gpu: number): number {
  const { settings, kv } = demand;
  if (!kv?.hasState || !settings.rules.mambaSeqsCheck || settings.captureSizes === 0) return 0;
  const perBlock = kv.layout.bytesPerBlock[stageOf(settings, gpu)] ?? 0;
  return settings.maxNumSeqs * perBlock;
}

/** Largest two-digit value that passes the check with the memory free now, Ollama's kept; null: free is not known. */
function largestNow(demand: Demand): number | null {
  let share: number | null = null;
  for (const [gpu, card] of demand.settings.cards.entries()) {
    const free = freeFor(demand, gpu);
    if (free === null) return null;
    const own = (free + othersOf(demand, gpu) - demand.context.bytes) / card.cudaBytes;
    share = Math.min(share ?? 1, own);
  }
  return share === null ? null : Math.max(0, down2(share));
}

/** Largest value that runs beside its own context, uncounted graphs, the reservation and the head room. */
function runningCeiling(demand: Demand): number {
  const { settings, request } = demand;
  const beside =
    demand.context.high +
    (demand.graphsInside ? 0 : demand.graphs.high) +
    (request.coexistence?.safetyBufferBytes ?? 0);
  const shares = settings.cards.map((card, gpu) => {
    const free = freeFor(demand, gpu) ?? card.cudaBytes - reservation(demand, gpu);
    return (free + othersOf(demand, gpu) - beside) / card.cudaBytes;
  });
  return Math.max(0, down2(Math.min(1, ...shares)));
}

/** Smallest value that meets the wish at the unfavourable end, plus the head room; never above what is free. */
function recommendedFor(demand: Demand, ceiling: number, smallest: number | null): number | null {
  const wanted = demand.settings.options.maxNumSeqs ?? 1;
  const wish = smallestFor(demand, wanted, 'high') ?? smallestFor(demand, 1, 'high') ?? smallest;
  if (wish === null) return null;
  return ceiling > 0 ? Math.min(wish, Math.max(ceiling, 0.01)) : wish;
}
