/** What reading a model gave, whatever it was read from. */
import type { HfShape } from '../../models/hfConfig';
import type { TensorInfo } from '../../models/safetensors';
import { parameterCount, summarizeWeights } from '../../models/weightSummary';
import type { Failure } from '../../shared/failure';
import type { Basis } from '../../shared/planAnswer';
import type { ModelRequest, WeightSummary } from '../../shared/planRequest';

export interface ModelReading {
  readonly facts: ModelRequest;
  readonly basis: Extract<Basis, 'headers' | 'config' | 'gguf' | 'name' | 'default'>;
  /** The model's own longest context in tokens; null: not known. */
  readonly longestContext: number | null;
  /** What the user should know about the reading, one sentence each. */
  readonly notes: readonly string[];
  /** Why a hub that was asked could not help. */
  readonly hubFailure?: Failure;
}

/** A config.json and what is known of the weights beside it, in a folder or on a hub. */
export interface ConfigAndWeights {
  readonly name: string;
  /** null: on no disk of this machine. */
  readonly path: string | null;
  readonly config: Record<string, unknown> | null;
  readonly shape: HfShape | null;
  /** Sum of all headers; null where there are none to read. */
  readonly summary: WeightSummary | null;
  /** Only where the headers are missing: bytes from file sizes or from the index. */
  readonly weightsBytes: number | null;
  readonly parameters?: number | null;
  readonly longestContext: number | null;
  readonly notes: readonly string[];
}

export function readingOf(read: ConfigAndWeights): ModelReading {
  const { name, path, config, shape, summary, weightsBytes, notes } = read;
  const problems = (shape?.problems ?? []).map((problem) => `config.json: ${problem}; ignored.`);
  return {
    facts: {
      name,
      path,
      config,
      weightsBytes,
      ...(weightsBytes === null ? {} : { weightsAsStored: true }),
      parameterCount: summary ? parameterCount(summary) : (read.parameters ?? null),
      weights: summary,
    },
    basis: summary ? 'headers' : 'config',
    longestContext: read.longestContext,
    notes: [...notes, ...problems],
  };
}

export function summaryFor(tensors: readonly TensorInfo[], shape: HfShape | null): WeightSummary {
  // Only where the config names draft layers: an encoder may have more blocks than the decoder.
  return summarizeWeights(tensors, shape?.draftLayers == null ? null : shape.layers);
}

/** Nothing but a name, from which its size may be told. */
export function isNameOnly({ basis }: ModelReading): boolean {
  return basis === 'name' || basis === 'default';
}
