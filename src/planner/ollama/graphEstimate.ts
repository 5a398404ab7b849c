/**
 * The compute graph as Ollama *estimates* it (`GraphSize`, up to 0.12.10 for every model, up to 0.24 for those on the llama
 * runner): what decides the placement there, not what is allocated. Flash attention is ignored, so long contexts come out
 * far too big. Recomputed against 14 logged estimates: within 3 % (`test/unit/planner/ollama`).
 */
import type { GgufShape } from './ggufShape';

export interface GraphEstimate {
  readonly fullBytes: number;
  readonly partialBytes: number;
}

interface Terms {
  /** Batch, cells over all slots, embedding, heads, K/V heads, vocabulary, key length, embedding per head. */
  readonly B: number;
  readonly C: number;
  readonly E: number;
  readonly H: number;
  readonly Hk: number;
  readonly V: number;
  readonly dk: number;
  readonly e: number;
}

type Formula = (t: Terms) => GraphEstimate;

const llama: Formula = ({ B, C, E, H, Hk, V, e }) => ({
  fullBytes: Math.max(4 * B * (1 + 4 * E + C * (1 + H)), 4 * B * (E + V)),
  partialBytes:
    4 * B * E +
    Math.max(
      4 * B * (1 + E + Math.max(C, E)) + (9 * E * E) / 16 + 4 * C * (B * H + e * Hk),
      4 * B * (E + V) + (105 * E * V) / 128,
    ),
});

const gemma: Formula = ({ B, C, E, H, V, dk }) => ({
  fullBytes: Math.max(4 * B * (E + V), 4 * B * (2 + C + C * H + 2 * E + 2 * dk * H)),
  partialBytes: Math.max(
    4 * E * B + (105 * E * V) / 128 + 4 * V * B,
    4 * B * (2 * E + 1 + 2 * dk * H + C + C * H) + 32 * dk * C + (9 * E * dk * H) / 16,
  ),
});

const qwen2: Formula = ({ B, C, E, H, V }) => ({
  fullBytes: Math.max(4 * B * (E + V), 4 * B * (1 + 2 * E + C + C * H)),
  partialBytes: Math.max(
    4 * B * (E + V) + (105 * E * V) / 128,
    4 * (B * (1 + 2 * E + C * (1 + H)) + E * (1 + C)),
  ),
});

const commandR: Formula = ({ B, C, E, H, V }) => ({
  fullBytes: Math.max(4 * B * (E + V), 4 * B * (2 + 4 * E + C * (1 + H))),
  partialBytes: Math.max(
    4 * B * (E + V) + (105 * E * V) / 128,
    4 * B * (1 + 2 * E + C * (1 + H)) + 4 * E * C + (9 * E * E) / 16,
  ),
});

const phi2: Formula = ({ B, C, E, H, V }) => ({
  fullBytes: Math.max(4 * B * (E + V), 4 * B * (1 + 4 * E + C + C * H)),
  partialBytes: Math.max(
    4 * B * (2 * E + V) + (105 * E * V) / 128,
    4 * B * (2 + 3 * E + C + C * H),
  ),
});

const stablelm: Formula = ({ B, C, E, H, V }) => {
  const fullBytes = 4 * B * (C * (1 + H) + 3 * E + 2);
  return { fullBytes, partialBytes: Math.max(4 * B * (V + 2 * E), fullBytes) };
};

const deepseek2: Formula = ({ B, C, E, Hk, V, dk }) => ({
  fullBytes: Math.max(4 * B * (3 * E + V), 4 * B * (3 * E + 2 + C * (1 + Hk) + 2 * dk * Hk)),
  partialBytes: Math.max(
    4 * B * (3 * E + V) + (105 * E * V) / 128,
    4 * B * (2 * E + 1 + 2 * dk * Hk + C + C * Hk) + 4 * dk * C * Hk + (9 * E * dk * Hk) / 16,
  ),
});

const chatglm: Formula = ({ B, E, V }) => ({
  fullBytes: 4 * B * (E + V),
  partialBytes: 4 * B * (E + V) + (105 * E * V) / 128,
});

const times = (factor: number, formula: Formula): Formula => {
  return (terms) => {
    const { fullBytes, partialBytes } = formula(terms);
    return { fullBytes: factor * fullBytes, partialBytes: factor * partialBytes };
  };
};

const FORMULAS: Readonly<Record<string, Formula>> = {
  llama,
  llama4: llama,
  gemma,
  gemma2: gemma,
  gemma3: gemma,
  gemma3n: times(4, gemma),
  qwen2,
  'command-r': commandR,
  phi2,
  stablelm,
  deepseek2,
  chatglm,
};

export interface GraphEstimateInput {
  readonly shape: GgufShape;
  /** Tokens over all slots. */
  readonly cells: number;
  readonly batch: number;
  /** K and V of all layers as the estimator counts them. */
  readonly cacheBytes: number;
  /** K and V of all layers if none had a window; gpt-oss's term is built on that. */
  readonly fullCacheBytes: number;
  readonly gptOssFactor: number;
}

/** Architectures without a formula of their own get (heads / K/V heads) × K/V ÷ 6. */
export function estimateGraph(input: GraphEstimateInput): GraphEstimate {
  const { shape } = input;
  const grouped = shape.headCount / Math.max(1, shape.smallestKeyValueHeads);
  if (shape.architecture === 'gptoss' || shape.architecture === 'gpt-oss') {
    const bytes = (input.fullCacheBytes * input.gptOssFactor * grouped) / 6;
    return { fullBytes: bytes, partialBytes: bytes };
  }
  const formula = FORMULAS[shape.architecture];
  if (!formula || shape.vocabularySize === null) {
    const bytes = (grouped * input.cacheBytes) / 6;
    return { fullBytes: bytes, partialBytes: bytes };
  }
  return formula({
    B: input.batch,
    C: input.cells,
    E: shape.embeddingLength,
    H: shape.headCount,
    Hk: shape.keyValueHeads,
    V: shape.vocabularySize,
    dk: shape.keyLength,
    e: shape.embeddingLength / shape.smallestHeadCount,
  });
}
