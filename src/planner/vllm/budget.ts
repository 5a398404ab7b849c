/** What a utilization leaves for the KV pool, and whether a start under it goes through. */
import type { PlanRequest } from '../../shared/planRequest';
import { formatGib } from '../../shared/units';
import { amountIn, type KvCacheAmount } from './kvCache';
import { besidesKv, kvNeeded, othersOf, stageOf, type Demand, type End } from './demand';

/** Bytes vLLM claims of a card: `ceil(total × utilization)`, the floor before 0.14. */
export function budgetBytes(demand: Demand, gpu: number, utilization: number): number {
  const total = demand.settings.cards[gpu]?.cudaBytes ?? 0;
  const exact = total * utilization;
  // 0.1 + 0.2 must not cost a byte.
  return demand.settings.rules.roundsBudgetUp ? Math.ceil(exact - 1e-6) : Math.floor(exact + 1e-6);
}

/** Bytes for KV on one GPU; negative where even the rest does not fit. `kvCacheMemoryBytes` is taken as it is. */
export function poolBytes(demand: Demand, gpu: number, utilization: number, end: End): number {
  const fixed = fixedPool(demand);
  if (fixed !== null) return fixed;
  const left = budgetBytes(demand, gpu, utilization) - besidesKv(demand, gpu, end);
  return left - overcharge(demand, left, end);
}

/** Part of `left` that this version takes away again. */
export function overcharge(demand: Demand, left: number, end: End): number {
  return left <= 0 ? 0 : Math.round(left * overchargeShare(demand, end));
}

/** Share of the pool that 0.26 to 0.28 bill to the graphs of Gated-DeltaNet models; with no version given it may be one of those that do it. */
export function overchargeShare(demand: Demand, end: End): number {
  const { settings, shape } = demand;
  if (shape?.state?.kind !== 'gdn' || settings.captureSizes === 0) return 0;
  const unsure = !settings.versionGiven && end === 'high';
  const does = settings.rules.overchargesGdn && !settings.runnerV2;
  return does || unsure ? demand.numbers.gdnOvercharge[end === 'bytes' ? 'value' : end] : 0;
}

/** The pool the user fixed, where the version has that flag. */
export function fixedPool(demand: Demand): number | null {
  const { kvCacheMemoryBytes } = demand.settings.options;
  return kvCacheMemoryBytes != null && kvCacheMemoryBytes > 0 ? kvCacheMemoryBytes : null;
}

/** Smallest pool of each pipeline stage. */
function stagePools(demand: Demand, utilization: number, end: End): number[] {
  const { settings } = demand;
  const pools = new Array<number>(settings.pipelineParallel).fill(Infinity);
  settings.cards.forEach((_, gpu) => {
    const stage = stageOf(settings, gpu);
    pools[stage] = Math.min(pools[stage] ?? Infinity, poolBytes(demand, gpu, utilization, end));
  });
  // A fixed pool needs no card to be counted in blocks.
  const smallest = Math.min(...pools, fixedPool(demand) ?? Infinity);
  return pools.map((pool) => (Number.isFinite(pool) ? pool : smallest));
}

/** Blocks, tokens and concurrency under a utilization; null where the layout is not known. */
export function amountUnder(demand: Demand, utilization: number, end: End): KvCacheAmount | null {
  const { kv } = demand;
  if (!kv || (demand.settings.cards.length === 0 && fixedPool(demand) === null)) return null;
  return amountIn(kv.layout, kv.settings, stagePools(demand, utilization, end));
}

/** The check at the start compares with a share given beside a fixed pool, else with the version's default. */
export function checkedUtilization(demand: Demand, utilization: number): number {
  if (fixedPool(demand) === null) return utilization;
  const { options, rules } = demand.settings;
  const asked = options.gpuMemoryUtilization ?? 0;
  return asked > 0 ? asked : rules.defaultUtilization;
}

/** Free for this start: what the sample says, less what is kept for Ollama. null: not known. */
export function freeFor(demand: Demand, gpu: number): number | null {
  const free = demand.settings.cards[gpu]?.freeBytes ?? null;
  return free === null ? null : Math.max(0, free - reservation(demand, gpu));
}

/** Kept for Ollama on a card of this server. */
export function reservation(demand: Demand, gpu: number): number {
  return keptForOllama(demand.request, demand.settings.options.visibleDevices?.[gpu] ?? gpu);
}

/** @param place of the GPU among all there are */
export function keptForOllama({ coexistence }: PlanRequest, place: number): number {
  const { ollamaReservationBytes, ollamaBytesPerGpu } = coexistence ?? {};
  return (ollamaBytesPerGpu ? ollamaBytesPerGpu[place] : ollamaReservationBytes) ?? 0;
}

/** Bytes the server holds on a card once it runs: budget (or parts), its context, graphs captured outside the budget. */
export function heldBytes(demand: Demand, gpu: number, utilization: number, end: End): number {
  const outside = demand.graphsInside ? 0 : demand.graphs[end];
  const fixed = fixedPool(demand);
  const claimed =
    fixed === null
      ? Math.max(budgetBytes(demand, gpu, utilization), besidesKv(demand, gpu, end))
      : besidesKv(demand, gpu, end) + fixed;
  // Where others are billed to the budget (0.8.0 to 0.9.0), they hold that part, not this server.
  return claimed - othersOf(demand, gpu) + demand.context[end] + outside;
}

export interface StartProblem {
  readonly id: 'gpus' | 'heads' | 'startCheck' | 'memory' | 'kvCache' | 'stateBlocks';
  readonly text: string;
}

/** First reason why a start at this end of the ranges would fail; null: it goes through. */
export function startProblem(demand: Demand, utilization: number, end: End): StartProblem | null {
  const { settings, shape } = demand;
  if (settings.missingGpus > 0) {
    const needed = settings.tensorParallel * settings.pipelineParallel * settings.dataParallel;
    return {
      id: 'gpus',
      text: `${needed} GPUs are needed, ${needed - settings.missingGpus} given`,
    };
  }
  if (shape?.heads != null && shape.heads % settings.tensorParallel !== 0)
    return {
      id: 'heads',
      text: `${shape.heads} attention heads can't be divided by tensor parallel ${settings.tensorParallel}`,
    };
  return memoryProblem(demand, utilization, end) ?? kvProblem(demand, utilization, end);
}

function memoryProblem(demand: Demand, utilization: number, end: End): StartProblem | null {
  for (const [gpu, card] of demand.settings.cards.entries()) {
    const free = freeFor(demand, gpu);
    const wanted = budgetBytes(demand, gpu, checkedUtilization(demand, utilization));
    if (demand.settings.rules.freeCheck && free !== null && free - demand.context[end] < wanted)
      return {
        id: 'startCheck',
        text: `GPU ${gpu}: ${formatGib(wanted)} wanted at the start, ${formatGib(free - demand.context[end])} free after the server's own context${keptWords(demand, gpu)}`,
      };
    const available = free ?? card.cudaBytes - reservation(demand, gpu);
    const held = Math.max(heldBytes(demand, gpu, utilization, end), loadingBytes(demand, end));
    if (held > available)
      return {
        id: 'memory',
        text: `GPU ${gpu}: ${formatGib(held)} held while running, ${formatGib(available)} there${keptWords(demand, gpu)}`,
      };
  }
  return null;
}

function keptWords(demand: Demand, gpu: number): string {
  const bytes = reservation(demand, gpu);
  return bytes > 0 ? ` beside ${formatGib(bytes)} kept for Ollama` : '';
}

/** While loading; left out at the favourable end, because the boundary of the change is not certain. */
function loadingBytes(demand: Demand, end: End): number {
  const peak = demand.weights.peakPerGpu;
  return peak === null || end === 'low' ? 0 : peak + demand.context[end];
}

function kvProblem(demand: Demand, utilization: number, end: End): StartProblem | null {
  const { settings, kv } = demand;
  for (const gpu of settings.cards.keys()) {
    const pool = poolBytes(demand, gpu, utilization, end);
    const needed = kvNeeded(demand, gpu, settings.maxModelLen, 1, end);
    if (pool < needed || pool <= 0)
      return {
        id: 'kvCache',
        text: `GPU ${gpu}: ${formatGib(Math.max(0, pool))} left for KV, one request of ${settings.maxModelLen} tokens needs ${formatGib(needed)}`,
      };
  }
  const amount = amountUnder(demand, utilization, end);
  const checksState = settings.rules.mambaSeqsCheck && settings.captureSizes > 0;
  if (kv?.hasState && amount && checksState && settings.maxNumSeqs > amount.blocks)
    return {
      id: 'stateBlocks',
      text: `${settings.maxNumSeqs} sequences need a state block each, ${amount.blocks} there`,
    };
  return null;
}
