/** Changes worth trying for a start that does not fit well, least harm first. Only what version, card and checkpoint can do. */
import type { PlanOptions, PlanRequest } from '../../shared/planRequest';
import { formatCount, formatGib } from '../../shared/units';
import { amountUnder, keptForOllama } from './budget';
import type { CorePlan } from './corePlan';
import { longestThatFits } from './kvCache';
import { isFp8Kv } from './kvDtype';

export interface Remedy {
  readonly id: string;
  readonly change: PlanOptions;
  readonly why: string;
  /** Among remedies that help alike the one with the least comes first; see `HARM`. */
  readonly harm: number;
  /** Not to be combined with others. */
  readonly alone?: boolean;
}

/**
 * What a change takes from the user, in steps of 10: nothing, then waiting, then other GPUs, then speed, then quality,
 * then what was asked for (a context, images).
 */
const HARM = {
  utilization: 0,
  otherGpu: 5,
  fewerSequences: 10,
  smallerBatches: 12,
  contextNotAsked: 15,
  parallel: 20,
  fp8KvCache: 25,
  eager: 30,
  fp8Weights: 35,
  context: 45,
  fourBit: 50,
  halfTheContext: 60,
  textOnly: 70,
} as const;

type Source = (core: CorePlan) => Remedy | null;

const SOURCES: readonly Source[] = [
  otherUtilization,
  otherGpu,
  fewerSequences,
  smallerBatches,
  tensorParallel,
  pipelineParallel,
  fp8KvCache,
  eager,
  fp8Weights,
  shorterContext,
  bitsandbytes,
  textOnly,
];

/** Least harm first. */
export function remedies(core: CorePlan): Remedy[] {
  return SOURCES.map((source) => source(core))
    .filter((remedy) => remedy !== null)
    .toSorted((a, b) => a.harm - b.harm);
}

function otherUtilization(core: CorePlan): Remedy | null {
  const { recommended, used, auto, named, largest } = core.choice;
  // what the exact rule chose is recommended; the rule for names knows nothing of the check at the start
  if ((auto && named === null) || recommended === null || recommended <= 0) return null;
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
    harm: HARM.utilization,
    alone: true,
  };
}

function otherGpu(core: CorePlan): Remedy | null {
  const { request } = core;
  const { settings } = core.demand;
  const isChosen = request.options.visibleDevices != null;
  if (isChosen || settings.cards.length !== 1) return null;
  const room = (gpu: PlanRequest['gpus'][number]) =>
    (gpu.freeBytes ?? gpu.totalBytes) - keptForOllama(request, request.gpus.indexOf(gpu));
  const [first, ...others] = request.gpus;
  const best = others.toSorted((a, b) => room(b) - room(a))[0];
  if (!first || !best || room(best) <= room(first)) return null;
  const index = request.gpus.indexOf(best);
  return {
    id: `use-gpu-${String(index)}`,
    change: { visibleDevices: [index] },
    why: `GPU ${String(index)} (${best.name ?? 'unnamed'}) has ${formatGib(room(best))} to offer. Costs nothing.`,
    harm: HARM.otherGpu,
    alone: true,
  };
}

/** How often the GPUs present hold the server as it is; the most ranks a change may ask for. */
function ranksPossible(core: CorePlan, beside: number): number {
  return Math.floor(core.demand.request.gpus.length / Math.max(1, beside));
}

function tensorParallel(core: CorePlan): Remedy | null {
  const { settings, weights } = core.demand;
  // vLLM refuses tensor parallel for a checkpoint that bitsandbytes has quantized already.
  if (weights.format?.id === 'bitsandbytes' && weights.format.stored) return null;
  const size = headsDivisor(
    core,
    ranksPossible(core, settings.pipelineParallel * settings.dataParallel),
  );
  if (size <= settings.tensorParallel) return null;
  return {
    id: 'tensor-parallel',
    change: { tensorParallelSize: size },
    why: `Weights and KV are split over ${String(size)} GPUs. Needs them all, and traffic between them.`,
    harm: HARM.parallel,
    alone: true,
  };
}

/** Largest size up to `most` that the attention heads can be divided by; heads not known: a power of two. */
function headsDivisor(core: CorePlan, most: number): number {
  const heads = core.demand.shape?.heads ?? null;
  if (most < 1) return 0;
  if (heads === null) return 2 ** Math.floor(Math.log2(most));
  let size = most;
  while (size > 1 && heads % size !== 0) size--;
  return size;
}

/** Where the heads can't be divided any further: layers can. */
function pipelineParallel(core: CorePlan): Remedy | null {
  const { settings, shape } = core.demand;
  const most = ranksPossible(core, settings.tensorParallel * settings.dataParallel);
  const size = Math.min(most, shape?.layers ?? 0);
  if (size <= settings.pipelineParallel || settings.tensorParallel * size <= 1) return null;
  if (tensorParallel(core) !== null || settings.speculativeTokens > 0) return null;
  return {
    id: 'pipeline-parallel',
    change: { pipelineParallelSize: size },
    why: `Layers are dealt out to ${String(size)} GPUs, which tensor parallel can't do here. One request is no faster than on one of them.`,
    harm: HARM.parallel,
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
    harm: HARM.fewerSequences,
  };
}

/** Below this a long prompt takes many steps. */
const SMALL_BATCH_TOKENS = 2048;

function smallerBatches(core: CorePlan): Remedy | null {
  const { maxNumBatchedTokens, maxNumSeqs, engine, vision } = core.demand.settings;
  // V0 takes a prompt as one batch, and an image has to fit one as well.
  if (engine === 'v0' || vision || maxNumBatchedTokens < 2 * SMALL_BATCH_TOKENS) return null;
  const target = Math.max(SMALL_BATCH_TOKENS, maxNumSeqs);
  if (target >= maxNumBatchedTokens) return null;
  return {
    id: 'smaller-batches',
    change: { maxNumBatchedTokens: target },
    why: `Batches of ${formatCount(target)} tokens instead of ${formatCount(maxNumBatchedTokens)}: less for activations; long prompts are read in more steps.`,
    harm: HARM.smallerBatches,
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
    harm: HARM.fp8KvCache,
  };
}

function eager(core: CorePlan): Remedy | null {
  const { settings, graphs } = core.demand;
  if (settings.captureSizes === 0) return null;
  return {
    id: 'enforce-eager',
    change: { enforceEager: true },
    why: `No CUDA graphs: about ${formatGib(graphs.bytes)} less, 10 to 20 % slower.`,
    harm: HARM.eager,
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
    harm: contextHarm(core, length / current),
  };
}

/** Nobody misses a length that nobody asked for. */
function contextHarm(core: CorePlan, share: number): number {
  if (core.request.options.maxModelLen == null) return HARM.contextNotAsked;
  return share >= 0.5 ? HARM.context : HARM.halfTheContext;
}

function textOnly(core: CorePlan): Remedy | null {
  if (!core.demand.settings.vision) return null;
  return {
    id: 'text-only',
    change: { limitMmPerPrompt: { image: 0, video: 0 } },
    why: 'No images: their encoder is not profiled. Text requests only.',
    harm: HARM.textOnly,
  };
}

/** A 16-bit checkpoint that nothing else quantizes. */
function isPlain(core: CorePlan): boolean {
  const { weights, settings, basis } = core.demand;
  return weights.format === null && settings.elementBytes === 2 && basis !== 'default';
}

function fp8Weights(core: CorePlan): Remedy | null {
  const card = core.demand.settings.cards[0];
  const capability = card?.capability ?? null;
  if (!isPlain(core) || capability === null || capability < 8.9) return null;
  return {
    id: 'quantize-fp8',
    change: { quantization: 'fp8' },
    why: 'Weights in FP8 on the fly: about half the size, hardly any loss, this card computes in it.',
    harm: HARM.fp8Weights,
  };
}

const BNB_WORDS = {
  withLoadFormat: 'This version needs the load format as well.',
  builtIn: '',
  plugin:
    'From 0.28 this needs a package of its own (pip install vllm-bnb-plugin); without it take the next remedy.',
} as const;

function bitsandbytes(core: CorePlan): Remedy | null {
  const change = fourBitChange(core);
  if (!change) return null;
  const words = BNB_WORDS[core.demand.settings.rules.bitsandbytes];
  return {
    id: 'quantize-bitsandbytes',
    change,
    why: `Linear layers in 4 bit while loading, embedding and head stay 16 bit: about 1 to 3 % worse perplexity. ${words}`.trim(),
    harm: HARM.fourBit,
  };
}

/** 4 bit while loading, in the words of the version; null where card or checkpoint can't. */
export function fourBitChange(core: CorePlan): PlanOptions | null {
  const { cards, rules } = core.demand.settings;
  const [card] = cards;
  // bitsandbytes asks for 7.0, and is for CUDA.
  if (!isPlain(core) || card?.amd === true || (card?.capability ?? 8) < 7) return null;
  return rules.bitsandbytes === 'withLoadFormat'
    ? { quantization: 'bitsandbytes', loadFormat: 'bitsandbytes' }
    : { quantization: 'bitsandbytes' };
}
