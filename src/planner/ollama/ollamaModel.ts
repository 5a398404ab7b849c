/** The best that is known about the model: GGUF header, else config.json, else what models of that size are like. */
import { GIB } from '../../shared/units';
import type { Basis } from '../../shared/planAnswer';
import type { ModelRequest } from '../../shared/planRequest';
import { around } from './bounded';
import { readShape, type GgufShape } from './ggufShape';
import { shapeFromConfig } from './hfShape';
import { elementsOf, splitWeights, type LayerWeights } from './layerWeights';
import { DEFAULT_BITS, typicalModel, type TypicalModel } from './typicalShape';

export interface OllamaModel {
  readonly shape: GgufShape;
  readonly weights: LayerWeights;
  readonly basis: Basis;
  readonly notes: readonly string[];
}

/** null where neither a size nor a layout can be bounded. */
export function ollamaModel(model: ModelRequest): OllamaModel | null {
  const gguf = model.gguf ?? null;
  const header = gguf ? readShape(gguf) : null;
  const read = header ?? (model.config ? shapeFromConfig(model.config) : null);
  const given = Number(gguf?.fileBytes ?? 0);
  const fileBytes = Number.isFinite(given) && given > 0 ? given : null;
  const typical = typicalModel({ ...model, weightsBytes: model.weightsBytes ?? fileBytes });
  const shape = read ?? typical?.shape ?? null;
  if (!shape) return null;
  const notes: string[] = [];
  if (!read) notes.push(typicalNote(model, typical?.billions ?? 7, typical?.assumed ?? true));
  const known = splitWeights(shape, model);
  if (known) return { shape, weights: known, basis: basisOf(header, read), notes };
  // A shape that was read tells more of the size than a name without one.
  const guessed = read && typical?.assumed !== false ? sizeOfShape(read) : typical;
  if (!guessed) return null;
  const weights = splitWeights({ ...shape, typical: true }, { weightsBytes: guessed.fileBytes });
  if (!weights) return null;
  notes.push(
    `No file size is known: ${(guessed.fileBytes / GIB).toFixed(1)} GiB for ` +
      `${guessed.billions.toFixed(1)}B weights at ${String(guessed.bits)} bits each.`,
  );
  return {
    shape,
    weights: {
      ...weights,
      scale: guessed.scale,
      source: 'that size, split by the shape of the layers',
    },
    basis: header ? 'gguf' : typical?.assumed ? 'default' : 'name',
    notes,
  };
}

/** Q4_K_M, as Ollama's library serves most; from 2 to 16 bits all is possible. */
function sizeOfShape(
  shape: GgufShape,
): Pick<TypicalModel, 'fileBytes' | 'billions' | 'bits' | 'scale'> {
  const elements = elementsOf(shape);
  const fileBytes = Math.round((elements * DEFAULT_BITS) / 8);
  return { fileBytes, billions: elements / 1e9, bits: DEFAULT_BITS, scale: around(1, 0.5, 3.3) };
}

function basisOf(header: GgufShape | null, read: GgufShape | null): Basis {
  if (header) return 'gguf';
  return read ? 'config' : 'name';
}

function typicalNote(model: ModelRequest, billions: number, assumed: boolean): string {
  const like = `models of ${billions.toFixed(1)}B weights`;
  return assumed
    ? `Nothing says how large ${model.name ?? 'the model'} is: taken to be like ${like}.`
    : `Only the size of ${model.name ?? 'the model'} is known: KV cache as in ${like}, half to twice that is possible.`;
}
