/** The arithmetic in words, in the order it was done. */
import { formatBytes, formatCount, formatGib } from '../../shared/units';
import type { PlanRequest } from '../../shared/planRequest';
import type { OllamaEra } from './ollamaVersions';
import { layersOnGpu } from './placement';
import type { OllamaCase } from './workOut';

const ERA_WORDS: Readonly<Record<OllamaEra, string>> = {
  estimate: 'an estimate before the load decides how many layers go to the GPU',
  layout: 'the server lays the layers out over the memory that is free',
  fit: 'llama-server moves layers to the CPU until 1 GiB stays free on each GPU',
};

/** One sentence a step, the verdict last. @param longest as in `adviseOllama`. */
export function ollamaSteps(
  request: PlanRequest,
  worked: OllamaCase,
  longest: number | null,
): string[] {
  const { model, rules, settings, memory } = worked;
  const { shape, weights } = model;
  const { cache } = memory;
  const layout = memory.layoutAt('point');
  const steps = [
    `Ollama ${rules.version}${rules.versionKnown ? '' : ' (no version given: the newest known)'}: ${ERA_WORDS[rules.era]}.`,
    ...(rules.ownEngineGuessed
      ? [
          `That ${rules.ownEngine ? "Ollama's own engine runs" : 'llama.cpp still runs'} ${shape.architecture} in this version is a guess.`,
        ]
      : []),
    ...model.notes,
    ...settings.notes,
    `Weights: ${formatGib(weights.gpuBytes)} for ${String(shape.blockCount)} blocks and the output layer` +
      `${weights.projectorBytes > 0 ? `, ${formatBytes(weights.projectorBytes)} of it for images` : ''}, from ${weights.source}; ` +
      `the embedding (${formatBytes(weights.embeddingBytes)}) always stays in RAM.`,
    shape.encodes
      ? 'KV cache: none, an encoder keeps nothing of what it has read.'
      : `KV cache: ${formatCount(cache.numCtx)} tokens × ${String(cache.numParallel)} slot${cache.numParallel === 1 ? '' : 's'} ` +
        `in ${cache.cacheType}, ${layerWords(worked)}: ${formatGib(memory.keyValueBytes.point)}.`,
  ];
  const stateBytes = shape.layers.reduce((sum, layer) => sum + layer.stateBytes, 0);
  if (stateBytes > 0)
    steps.push(
      `State that ${String(shape.layers.filter((layer) => layer.stateBytes > 0).length)} layers keep whatever the context: ` +
        `${formatBytes(stateBytes * settings.numParallel)}; counted with each GPU's KV cache.`,
    );
  const compute = layout.placement.allOnGpu ? memory.compute.full : memory.compute.partial;
  steps.push(
    `Compute buffer for batches of ${String(cache.batch)}, flash attention ${settings.flashAttention ? 'on' : 'off'}: ` +
      `${formatBytes(compute.point)} per GPU (${formatBytes(compute.low)} to ${formatBytes(compute.high)}).`,
  );
  if (weights.draftBytes > 0)
    steps.push(
      `${formatBytes(weights.draftBytes)} of the file draft tokens ahead: left out, because they are loaded only where drafting is on; ` +
        `the bad end of the ranges has them.`,
    );
  if (worked.learned?.graphBytes)
    steps.push('That buffer is what an earlier load under these options took.');
  if (memory.compute.estimate)
    steps.push(
      `This version places layers by its estimate of that buffer (${formatBytes(memory.compute.estimate.fullBytes)}; ` +
        `${formatBytes(memory.compute.estimate.partialBytes)} with layers on the CPU), which ignores flash attention.`,
    );
  if (request.gpus.some((gpu) => gpu.freeBytes == null))
    steps.push('Free memory is not known for every GPU: the whole card is taken as free.');
  if (settings.refusal !== null) steps.push(`It would not start: ${settings.refusal}.`);
  steps.push(placementWords(request, worked, layersOnGpu(layout.placement)));
  const cost = offloadCost(worked);
  if (cost !== null) steps.push(cost);
  if (longest !== null)
    steps.push(
      longest > 0
        ? `Longest context with every layer on a GPU: ${formatCount(longest)} tokens per slot.`
        : 'No context is short enough for every layer to be on a GPU.',
    );
  return steps;
}

/** Bytes a second that desktop memory reads: two channels of DDR4-3200 to DDR5-6400, less what is lost. */
const RAM_BYTES_PER_SECOND = { slow: 40e9, fast: 80e9 };

/** The same for the memory of cards, an RTX 3050's to an RTX 4090's. */
const GPU_BYTES_PER_SECOND = { slow: 200e9, fast: 1000e9 };

/** Each token reads every weight once; on the CPU that is the speed limit. null: nothing but the embedding is there. */
function offloadCost({ model, memory }: OllamaCase): string | null {
  const { shape, weights } = model;
  const { layerGpu, withoutExperts } = memory.layoutAt('point').placement;
  const onHost = layerGpu.reduce((sum, gpu, layer) => {
    if (gpu < 0) return sum + (weights.blockBytes[layer] ?? weights.outputBytes);
    return withoutExperts[layer] === true ? sum + (weights.expertBytes[layer] ?? 0) : sum;
  }, 0);
  if (onHost <= 0) return null;
  // A mixture of experts reads only the chosen ones; the attention's share is small beside them.
  const mixed = shape.expertCount > 0 && shape.expertsUsed > 0;
  const read = mixed ? (onHost * shape.expertsUsed) / shape.expertCount : onHost;
  const share = onHost / (weights.gpuBytes || onHost);
  const times = (gpu: number, ram: number): string => (1 + share * (gpu / ram - 1)).toFixed(1);
  const { slow, fast } = RAM_BYTES_PER_SECOND;
  const tokens = (speed: number): string => (speed / read).toFixed(speed / read < 10 ? 1 : 0);
  return (
    `${formatGib(onHost)} of the weights ` +
    `${mixed ? `stay in RAM; a token reads ${formatGib(read)} of them, the experts in use` : 'would be read from RAM for each token'}: at most ` +
    `${tokens(slow)} to ${tokens(fast)} tokens a second, a guess from what memory reads (40 to 80 GB a second). ` +
    `That is ${times(GPU_BYTES_PER_SECOND.slow, fast)} to ${times(GPU_BYTES_PER_SECOND.fast, slow)} times as long for an answer ` +
    `as with every layer on a card that reads 200 to 1,000.`
  );
}

function layerWords({ model, memory }: OllamaCase): string {
  const count = (kind: string): number =>
    model.shape.layers.filter((layer) => layer.kind === kind).length;
  const parts = [`${String(count('full'))} full layers`];
  if (count('sliding') > 0)
    parts.push(
      memory.cache.sliding === 'ignored'
        ? `${String(count('sliding'))} sliding layers, which this version keeps in full`
        : `${String(count('sliding'))} with a window of ${formatCount(model.shape.slidingWindow)}`,
    );
  if (count('recurrent') > 0)
    parts.push(`${String(count('recurrent'))} recurrent without KV cache`);
  if (count('none') > 0) parts.push(`${String(count('none'))} without KV cache of their own`);
  return parts.join(', ');
}

function placementWords(request: PlanRequest, worked: OllamaCase, placed: number): string {
  const { settings, rules, verdict } = worked;
  const layers = worked.model.shape.blockCount + 1;
  if (request.gpus.length === 0) return 'No GPU is given: without one the model runs on the CPU.';
  const bare = worked.memory.layoutAt('point').placement.withoutExperts.filter((one) => one).length;
  const of = `${String(placed)} of ${String(layers)} layers`;
  const asked = Math.min(settings.numGpu ?? layers, layers);
  switch (verdict) {
    case 'fits':
      return `${of} on the GPU${request.gpus.length > 1 ? 's' : ''}, also if every range ends badly.`;
    case 'tight':
      if (placed === layers)
        return `${of} on the GPU, but not at the bad end of the ranges above, or with too little left.`;
      if (placed === asked)
        return `${of} on the GPU, as asked; the rest runs on the CPU, several times slower.`;
      return `${of} on the GPU by the figures above, all ${asked === layers ? 'of them' : String(asked)} only at the good end of the ranges.`;
    default:
      if (placed === layers)
        return `All ${String(layers)} layers are asked onto the GPU, which they overflow.`;
      // The estimator takes a number as the most to place; later versions place all of it or fail.
      if (settings.numGpu !== null && asked > 0 && !settings.refusal && rules.era !== 'estimate')
        return `${String(asked)} of ${String(layers)} layers are asked onto the GPU, which has no room for all of them: the load would fail.`;
      if (bare > 0)
        return `${of} wholly on the GPU; of ${String(bare)} more the experts stay in RAM (Ollama's log counts those as offloaded): slower.`;
      return `${of} on the GPU: Ollama would run the rest on the CPU without a word, several times slower.`;
  }
}
