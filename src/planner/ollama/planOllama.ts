/**
 * What fits under Ollama: which layers end on which GPU, what they take, and what to change where not all of them do.
 * Ollama starts whatever does not fit partly on the CPU and says nothing, so only "every layer on a GPU" is a fit here.
 */
import type { Basis, GpuPlan, KvCachePlan, Plan } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import { adviseOllama } from './advice';
import { longestContext } from './longestContext';
import type { Layout, OllamaMemory } from './ollamaMemory';
import { ollamaRules } from './ollamaVersions';
import { layersOnGpu } from './placement';
import { ollamaSteps } from './steps';
import { workOut, type OllamaCase } from './workOut';

/** Plans a request whose `engine` is `ollama`. Never throws on a parsed request. */
export function planOllama(request: PlanRequest): Plan {
  const worked = workOut(request);
  if (!worked) return unknownPlan(request);
  const { model, memory, rules, verdict } = worked;
  const layout = memory.layoutAt('point');
  const longest = longestContext(request, worked);
  return {
    verdict,
    basis: worked.learned?.graphBytes ? 'learned' : model.basis,
    engineVersion: rules.version,
    perGpu: request.gpus.map((gpu, index) => gpuPlan(gpu, index, layout, memory)),
    kvCache: cachePlan(worked, longest),
    utilization: null,
    offload: {
      layersTotal: model.shape.blockCount + 1,
      layersOnGpu: layersOnGpu(layout.placement),
      perGpu: layout.placement.perGpu,
      hostBytes: Math.round(layout.hostBytes),
    },
    ranges: rangesOf(memory),
    advice:
      verdict === 'fits' || request.gpus.length === 0 ? [] : adviseOllama(request, worked, longest),
    steps: ollamaSteps(request, worked, longest),
  };
}

function gpuPlan(
  gpu: PlanRequest['gpus'][number],
  index: number,
  layout: Layout,
  memory: OllamaMemory,
): GpuPlan {
  const use = layout.perGpu[index];
  const weightsBytes = Math.round(use?.weightsBytes ?? 0);
  const kvCacheBytes = Math.round(use?.cacheBytes ?? 0);
  const graphBytes = Math.round(use?.graphBytes ?? 0);
  const nonTorchBytes = Math.round(use?.contextBytes ?? 0);
  const budgetBytes = weightsBytes + kvCacheBytes + graphBytes + nonTorchBytes;
  return {
    index,
    totalBytes: gpu.totalBytes,
    freeBytes: gpu.freeBytes ?? null,
    budgetBytes,
    weightsBytes,
    nonTorchBytes,
    activationBytes: 0,
    graphBytes,
    kvCacheBytes,
    leftBytes: Math.round(memory.freeBytes[index] ?? gpu.totalBytes) - budgetBytes,
  };
}

function cachePlan(worked: OllamaCase, longest: number | null): KvCachePlan {
  const { memory, settings } = worked;
  return {
    totalBytes: Math.round(memory.keyValueBytes.point),
    bytesPerToken: Math.round(memory.bytesPerToken),
    blockSize: null,
    blocks: null,
    tokens: settings.numCtx * settings.numParallel,
    maxConcurrency: settings.numParallel,
    atLength: settings.numCtx,
    longestThatFits: longest,
  };
}

function rangesOf(memory: OllamaMemory): Plan['ranges'] {
  const high = memory.layoutAt('high');
  const low = memory.layoutAt('low');
  const compute = memory.layoutAt('point').placement.allOnGpu
    ? memory.compute.full
    : memory.compute.partial;
  const largest = (layout: Layout, part: 'weightsBytes' | 'contextBytes'): number =>
    Math.max(0, ...layout.perGpu.map((use) => use[part]));
  const pair = (a: number, b: number): readonly [number, number] => [
    Math.round(Math.min(a, b)),
    Math.round(Math.max(a, b)),
  ];
  return {
    kvCacheBytes: pair(memory.keyValueBytes.low, memory.keyValueBytes.high),
    graphBytes: pair(compute.low, compute.high),
    weightsBytes: pair(largest(low, 'weightsBytes'), largest(high, 'weightsBytes')),
    nonTorchBytes: pair(largest(low, 'contextBytes'), largest(high, 'contextBytes')),
  };
}

function unknownPlan(request: PlanRequest): Plan {
  const basis: Basis = 'default';
  return {
    verdict: 'unknown',
    basis,
    engineVersion: ollamaRules(request.engineVersion, '').version,
    perGpu: request.gpus.map((gpu, index) => ({
      index,
      totalBytes: gpu.totalBytes,
      freeBytes: gpu.freeBytes ?? null,
      budgetBytes: null,
      weightsBytes: null,
      nonTorchBytes: null,
      activationBytes: null,
      graphBytes: null,
      kvCacheBytes: null,
      leftBytes: null,
    })),
    kvCache: {
      totalBytes: null,
      bytesPerToken: null,
      blockSize: null,
      blocks: null,
      tokens: null,
      maxConcurrency: null,
      atLength: request.options.numCtx ?? null,
      longestThatFits: null,
    },
    utilization: null,
    offload: null,
    ranges: {},
    advice: [],
    steps: [
      'The request names no model, no size and no shape: nothing can be said about its memory.',
    ],
  };
}
