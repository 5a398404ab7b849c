/** One request worked out: model, rules, settings, memory and the verdict on it; re-done for every piece of advice. */
import type { Verdict } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import { exactly } from './bounded';
import { learnedLoad, type EstimatedLoad, type LearnedLoad } from './learned';
import { ollamaMemory, type DeviceUse, type Layout, type OllamaMemory } from './ollamaMemory';
import { ollamaModel, type OllamaModel } from './ollamaModel';
import { ollamaSettings, type OllamaSettings } from './ollamaSettings';
import { ollamaRules, type OllamaRules } from './ollamaVersions';
import { layersOnGpu } from './placement';

/** Everything worked out for one request. */
export interface OllamaCase {
  readonly model: OllamaModel;
  /** From earlier loads; null: nothing that holds here. */
  readonly learned: LearnedLoad | null;
  readonly rules: OllamaRules;
  readonly settings: OllamaSettings;
  readonly memory: OllamaMemory;
  readonly verdict: Verdict;
}

/** null where neither size nor layout can be bounded. */
export function workOut(request: PlanRequest): OllamaCase | null {
  const model = ollamaModel(request.model);
  if (!model) return null;
  const rules = ollamaRules(request.engineVersion, model.shape.architecture);
  return workOutAgain(request, model, rules);
}

/** The same model and version under other options. */
export function workOutAgain(
  request: PlanRequest,
  model: OllamaModel,
  rules: OllamaRules,
): OllamaCase {
  const settings = ollamaSettings(request, rules, model.shape);
  const first = judge(request, model, rules, settings);
  // Up to 0.9 the scheduler tried several slots and fell back to one where they didn't fit.
  const automatic = request.options.numParallel == null && settings.numParallel > 1;
  if (!automatic || first.memory.layoutAt('point').placement.allOnGpu) return first;
  return judge(request, model, rules, {
    ...settings,
    numParallel: 1,
    notes: [...settings.notes, `${String(settings.numParallel)} slots don't fit: one is used.`],
  });
}

function judge(
  request: PlanRequest,
  model: OllamaModel,
  rules: OllamaRules,
  settings: OllamaSettings,
): OllamaCase {
  const learned = learnedLoad(request, (options) =>
    estimated({ ...request, options }, model, rules),
  );
  const memory = ollamaMemory(
    calibrated(model, learned),
    rules,
    settings,
    request.gpus,
    learned?.graphBytes ?? null,
  );
  const verdict = verdictOf(request, settings, memory);
  // What failed, or ended on the CPU, with no more than this is not promised again.
  return {
    model: calibrated(model, learned),
    learned,
    rules,
    settings,
    memory,
    verdict: learned?.failedAlike === true && verdict === 'fits' ? 'tight' : verdict,
  };
}

/** The load under some options, nothing learned. */
function estimated(request: PlanRequest, model: OllamaModel, rules: OllamaRules): EstimatedLoad {
  const settings = ollamaSettings(request, rules, model.shape);
  const memory = ollamaMemory(model, rules, settings, request.gpus, null);
  const { perGpu, hostBytes } = memory.layoutAt('point');
  return {
    graphBytes: memory.compute.full.point,
    neededBytes: perGpu.reduce((sum, use) => sum + total(use), hostBytes),
  };
}

/** Weights as measured: the split over the layers stays, their sum becomes exact. */
function calibrated(model: OllamaModel, learned: LearnedLoad | null): OllamaModel {
  const { weights } = model;
  if (!learned?.weightsBytes || weights.gpuBytes <= weights.projectorBytes) return model;
  const factor =
    (learned.weightsBytes - weights.projectorBytes) / (weights.gpuBytes - weights.projectorBytes);
  if (factor <= 0) return model;
  return {
    ...model,
    basis: 'learned',
    weights: {
      ...weights,
      blockBytes: weights.blockBytes.map((bytes) => bytes * factor),
      expertBytes: weights.expertBytes.map((bytes) => bytes * factor),
      outputBytes: weights.outputBytes * factor,
      gpuBytes: learned.weightsBytes,
      scale: exactly(1),
      source: 'an earlier load on this machine',
    },
  };
}

function verdictOf(request: PlanRequest, settings: OllamaSettings, memory: OllamaMemory): Verdict {
  // As for vLLM: without a card there is nothing to fit on, and an empty list may just mean that nobody looked.
  if (request.gpus.length === 0) return 'unknown';
  if (settings.refusal !== null) return 'doesNotFit';
  const starts = (layout: Layout): boolean => layout.placement.allOnGpu && layout.within;
  const high = memory.layoutAt('high');
  if (starts(high)) {
    const spare = request.coexistence?.safetyBufferBytes ?? 0;
    const point = memory.layoutAt('point');
    return point.perGpu.every(
      (use, gpu) => total(use) === 0 || (memory.freeBytes[gpu] ?? 0) - total(use) >= spare,
    )
      ? 'fits'
      : 'tight';
  }
  const low = memory.layoutAt('low');
  if (starts(low)) return 'tight';
  // The user fixed the number of layers: partly on the CPU is then what was asked for, if those layers fit, all of them.
  const { placement, within } = low;
  const asked = Math.min(settings.numGpu ?? 0, placement.layerGpu.length);
  const asAsked = asked > 0 && !placement.allOnGpu && layersOnGpu(placement) === asked;
  return asAsked && within ? 'tight' : 'doesNotFit';
}

/** Bytes on one GPU. */
export const total = (use: DeviceUse): number =>
  use.weightsBytes + use.cacheBytes + use.graphBytes + use.contextBytes;
