/** Changes worth trying for a start that does not fit well, least harm first. Only what version, card and checkpoint can do. */
import type { PlanOptions, PlanRequest } from '../../shared/planRequest';
import { formatCount, formatGib } from '../../shared/units';
import { amountUnder } from './budget';
import type { CorePlan } from './corePlan';
import { longestThatFits } from './kvCache';
import { isFp8Kv } from './kvDtype';

export interface Remedy {
  readonly id: string;
  readonly change: PlanOptions;
  readonly why: string;
  /** Other cards than the request's, in the order to use them. */
  readonly gpus?: PlanRequest['gpus'];
  /** Not to be combined with others. */
  readonly alone?: boolean;
}

type Source = (core: CorePlan) => Remedy | null;

/** In the order of harm. */
const SOURCES: readonly Source[] = [
  otherUtilization,
  otherGpu,
  tensorParallel,
  fewerSequences,
  fp8KvCache,
  eager,
  shorterContext,
  textOnly,
  fp8Weights,
  bitsandbytes,
];

export function remedies(core: CorePlan): Remedy[] {
  return SOURCES.map((source) => source(core)).filter((remedy) => remedy !== null);
}

function otherUtilization(core: CorePlan): Remedy | null {
  const { recommended, used, auto, largest } = core.choice;
  if (auto || recommended === null || recommended <= 0) return null;
  if (core.demand.settings.options.kvCacheMemoryBytes != null) return null;
  if (Math.abs(recommended - used) < 0.005) return null;
  const isLower = recommended < used;
  const [card] = core.demand.settings.cards;
  const freed = formatGib((used - recommended) * (card?.cudaBytes ?? 0));
  const limit =
    largest === null || largest >= used
      ? ''
      : `What is free now allows ${largest.toFixed(2)} at most. `;
  const reason = isLower
    ? `${limit}${freed} less for KV; one request of full length still fits.`
    : 'The pool then holds one request of full length.';
  return {
    id: isLower ? 'lower-utilization' : 'raise-utilization',
    change: { gpuMemoryUtilization: recommended },
    why: `Utilization ${recommended.toFixed(2)} instead of ${used.toFixed(2)}. ${reason}`,
    alone: true,
  };
}

function otherGpu(core: CorePlan): Remedy | null {
  const { settings, request } = core.demand;
  if (settings.cards.length !== 1) return null;
  const room = (gpu: PlanRequest['gpus'][number]) => gpu.freeBytes ?? gpu.totalBytes;
  const [first, ...others] = request.gpus;
  const best = others.toSorted((a, b) => room(b) - room(a))[0];
  if (!first || !best || room(best) <= room(first)) return null;
  const index = request.gpus.indexOf(best);
  return {
    id: `use-gpu-${String(index)}`,
    change: {},
    gpus: [best],
    why: `GPU ${String(index)} (${best.name ?? 'unnamed'}) has ${formatGib(room(best))} to offer. Costs nothing.`,
    alone: true,
  };
}

function tensorParallel(core: CorePlan): Remedy | null {
  const { settings, request, shape } = core.demand;
  const ranks = settings.tensorParallel * settings.pipelineParallel * settings.dataParallel;
  const most = Math.floor(
    request.gpus.length / (settings.pipelineParallel * settings.dataParallel),
  );
  if (request.gpus.length <= ranks) return null;
  const heads = shape?.heads ?? null;
  let size = most;
  while (size > settings.tensorParallel && heads !== null && heads % size !== 0) size--;
  if (heads === null) size = 2 ** Math.floor(Math.log2(most));
  if (size <= settings.tensorParallel) return null;
  return {
    id: 'tensor-parallel',
    change: { tensorParallelSize: size },
    why: `Weights and KV are split over ${String(size)} GPUs. Needs them all, and traffic between them.`,
    alone: true,
  };
}

function fewerSequences(core: CorePlan): Remedy | null {
  const { maxNumSeqs } = core.demand.settings;
  const target = [64, 8].find((count) => count * 2 <= maxNumSeqs);
  if (target === undefined) return null;
  return {
    id: 'fewer-sequences',
    change: { maxNumSeqs: target },
    why: `At most ${String(target)} requests at once instead of ${formatCount(maxNumSeqs)}: the sampling step and the graphs shrink; more wait in line.`,
  };
}

function fp8KvCache(core: CorePlan): Remedy | null {
  const { settings } = core.demand;
  const capability = settings.cards[0]?.capability ?? null;
  // Below 8.9 another attention backend is needed and may not be found.
  if (capability === null || capability < 8.9 || isFp8Kv(settings.kvDtype)) return null;
  if (settings.kvDtype.elementBytes < 2) return null;
  return {
    id: 'fp8-kv-cache',
    change: { kvCacheDtype: 'fp8' },
    why: 'Half the KV memory per token; a slight loss of quality.',
  };
}

function eager(core: CorePlan): Remedy | null {
  const { settings, graphs } = core.demand;
  if (settings.captureSizes === 0) return null;
  return {
    id: 'enforce-eager',
    change: { enforceEager: true },
    why: `No CUDA graphs: about ${formatGib(graphs.bytes)} less, 10 to 20 % slower.`,
  };
}

function shorterContext(core: CorePlan): Remedy | null {
  const { demand, choice } = core;
  const { settings, kv } = demand;
  const current = settings.maxModelLen;
  const amount = amountUnder(demand, choice.used, 'high');
  const fitting =
    kv && amount ? longestThatFits(kv.layout, kv.settings, amount.blocks, current - 1) : 0;
  const step = fitting >= 8192 ? 1024 : 256;
  const rounded = Math.floor(fitting / step) * step;
  // Where nothing fits yet, what product.md names for a thin card.
  const length = rounded >= 512 ? rounded : Math.min(2048, Math.floor(current / 2));
  if (length < 512 || length >= current) return null;
  return {
    id: 'shorter-context',
    change: { maxModelLen: length },
    why: `${formatCount(length)} tokens of context instead of ${formatCount(current)}.`,
  };
}

function textOnly(core: CorePlan): Remedy | null {
  if (!core.demand.settings.vision) return null;
  return {
    id: 'text-only',
    change: { limitMmPerPrompt: { image: 0, video: 0 } },
    why: 'No images: their encoder is not profiled. Text requests only.',
  };
}

/** A 16-bit checkpoint that nothing else quantizes. */
function isPlain(core: CorePlan): boolean {
  const { weights, settings, basis } = core.demand;
  return weights.format === null && settings.elementBytes === 2 && basis !== 'default';
}

function fp8Weights(core: CorePlan): Remedy | null {
  const capability = core.demand.settings.cards[0]?.capability ?? null;
  if (!isPlain(core) || capability === null || capability < 8.9) return null;
  return {
    id: 'quantize-fp8',
    change: { quantization: 'fp8' },
    why: 'Weights in FP8 on the fly: about half the size, hardly any loss, this card computes in it.',
  };
}

const BNB_WORDS = {
  withLoadFormat: 'This version needs the load format as well.',
  builtIn: '',
  plugin:
    'From 0.28 this needs a package of its own (pip install vllm-bnb-plugin); without it take the next remedy.',
} as const;

function bitsandbytes(core: CorePlan): Remedy | null {
  const { settings } = core.demand;
  const capability = settings.cards[0]?.capability ?? 8;
  if (!isPlain(core) || capability < 7) return null;
  const how = settings.rules.bitsandbytes;
  const change: PlanOptions =
    how === 'withLoadFormat'
      ? { quantization: 'bitsandbytes', loadFormat: 'bitsandbytes' }
      : { quantization: 'bitsandbytes' };
  return {
    id: 'quantize-bitsandbytes',
    change,
    why: `Linear layers in 4 bit while loading, embedding and head stay 16 bit: about 1 to 3 % worse perplexity. ${BNB_WORDS[how]}`.trim(),
  };
}
