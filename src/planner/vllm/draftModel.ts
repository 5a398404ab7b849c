/** Weights of a speculative draft that is a checkpoint of its own: bounded by its method, its name and its target. */
import type { HfShape } from '../../models/hfConfig';
import { parametersInName } from '../nameSize';
import type { Estimate } from './overheads';
import { wordBits } from './quantization';
import type { VllmSettings } from './settings';

export const NO_DRAFT: Estimate = { bytes: 0, low: 0, high: 0 };

/** Drafts that are a layer or a few heads on top of the target's hidden states. */
const ON_TOP = /eagle|medusa|dflash|mlp_speculator|suffix/;

/** Bytes on each GPU; null: neither method nor name tells a size. */
export function draftModelOf(shape: HfShape | null, settings: VllmSettings): Estimate | null {
  const config = settings.options.speculativeConfig;
  if (!config || !settings.foreignDraft) return NO_DRAFT;
  // Drafts run on the target's GPUs unless told otherwise.
  const ranks =
    typeof config.draft_tensor_parallel_size === 'number' && config.draft_tensor_parallel_size >= 1
      ? Math.min(config.draft_tensor_parallel_size, settings.tensorParallel)
      : settings.tensorParallel;
  const method = typeof config.method === 'string' ? config.method.toLowerCase() : '';
  if (ON_TOP.test(method)) return shape && layerOnTop(shape, settings, ranks);
  const name = typeof config.model === 'string' ? config.model : null;
  const named = parametersInName(name);
  if (!named) return null;
  const bytes = (named.parameters * (wordBits(name) ?? 8 * settings.elementBytes)) / 8 / ranks;
  return { bytes, low: bytes * 0.85, high: bytes * 1.25 };
}

/**
 * EAGLE: a projection of two (EAGLE-3: three) hidden states and one decoder layer; a vocabulary of its own where it does
 * not share the target's, of which it may keep a quarter.
 */
function layerOnTop(shape: HfShape, settings: VllmSettings, ranks: number): Estimate | null {
  const { hidden, vocab, heads } = shape;
  if (hidden === null || vocab === null) return null;
  const attention = 2 * hidden * (heads ?? 1) * (shape.headDim ?? 0) * 1.25;
  const layer = attention + 3 * hidden * (shape.intermediate ?? 3 * hidden) + 3 * hidden * hidden;
  const share = settings.elementBytes / ranks;
  return {
    bytes: (layer + (vocab / 4) * hidden) * share,
    low: layer * 0.5 * share,
    // Several layers (DFlash), and an embedding and a head of its own.
    high: (4 * layer + 2 * vocab * hidden) * share,
  };
}
