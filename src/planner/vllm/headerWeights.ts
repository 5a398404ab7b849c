/** What vLLM holds of a checkpoint whose tensor headers are known (vLLM reference 3.2). */
import type { HfShape } from '../../models/hfConfig';
import type { WeightGroup } from '../../shared/planRequest';
import type { Parameters } from './parameters';
import { expertPadding, type WeightFormat } from './quantization';
import { rotaryBytes } from './rotary';
import type { VllmSettings } from './settings';
import type { WeightParts } from './sharding';

const PLAIN_DTYPES: Readonly<Record<string, number>> = { F64: 8, F32: 4, BF16: 2, F16: 2 };

const NO_PARAMETERS = { keyValue: 0, linear: 0, attention: 0, down: 0 };

/** With every item limited to 0 the image and audio towers are not built; an encoder-decoder always has its encoder. */
export function loadsTowers(shape: HfShape | null, settings: VllmSettings): boolean {
  return (
    settings.vision ||
    shape?.isEncoderDecoder === true ||
    !(shape?.hasVision === true || shape?.hasAudio === true)
  );
}

/** Weights by role from the tensor headers, as vLLM would hold them. */
export function headerParts(
  groups: readonly WeightGroup[],
  shape: HfShape | null,
  format: WeightFormat | null,
  settings: VllmSettings,
  parameters: Parameters | null,
): WeightParts {
  const parts = {
    embedding: 0,
    head: 0,
    linear: 0,
    keyValue: 0,
    expert: 0,
    replicated: rotaryBytes(shape, settings),
    tower: 0,
  };
  const tied = shape?.tiedEmbeddings === true;
  const hasEmbedding = groups.some((group) => group.role === 'embedding');
  for (const group of groups) {
    const bytes = heldBytes(group, format, settings);
    switch (group.role) {
      case 'embedding':
        parts.embedding += bytes;
        break;
      case 'head':
        // A stored copy of a tied head is not loaded.
        if (!(tied && hasEmbedding) && !settings.pooling) parts.head += bytes;
        break;
      case 'attention': {
        const { keyValue, linear, attention, down } = parameters ?? NO_PARAMETERS;
        parts.keyValue += (bytes * keyValue) / Math.max(1, linear);
        const whole = (bytes * down) / Math.max(1, attention + down);
        parts.replicated += whole;
        parts.linear += bytes - whole;
        break;
      }
      case 'mlp':
      case 'other':
        parts.linear += bytes;
        break;
      case 'expert':
        parts.expert += bytes * expertPadding(shape, format, settings);
        break;
      case 'norm':
        parts.replicated += bytes;
        break;
      case 'vision':
        if (loadsTowers(shape, settings)) parts.tower += bytes;
        break;
      case 'draft':
        if (settings.speculativeLayers > 0) parts.linear += bytes;
        break;
    }
  }
  return parts;
}

/** What vLLM holds of a stored group: cast to the model dtype, or converted while loading. */
function heldBytes(
  group: WeightGroup,
  format: WeightFormat | null,
  settings: VllmSettings,
): number {
  const stored = PLAIN_DTYPES[group.dtype.toUpperCase()];
  if (stored === undefined) return group.bytes;
  const isWeight = group.role !== 'embedding' && group.role !== 'head' && group.role !== 'norm';
  // A checkpoint that carries its own format keeps its scales in fp32.
  if (format?.stored === true) return stored > 2 && !isWeight ? group.bytes / 2 : group.bytes;
  const cast = Math.min(stored, settings.elementBytes) / stored;
  const plain = group.bytes * cast;
  const scoped =
    format !== null && (format.scope === 'linears' ? isWeight : group.role === 'expert');
  if (!scoped || (group.role === 'vision' && format.id !== 'bitsandbytes')) return plain;
  const rest = (group.bytes - group.matrixBytes) * cast;
  return group.matrixElements * format.bytesPerWeight + rest;
}
