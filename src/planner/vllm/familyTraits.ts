/** What a model family's code adds to the matrices its config names: biases, norms, positions, tied heads. Data only. */
import type { HfShape } from '../../models/hfConfig';

export interface FamilyTraits {
  /** 3: gate, up and down; 2: up and down. */
  readonly mlpMatrices: 2 | 3;
  /** Norms of hidden size in each layer. */
  readonly layerNorms: number;
  /** LayerNorm with a bias: two vectors instead of one. */
  readonly normBias: boolean;
  /** Norms of hidden size outside the layers. */
  readonly outerNorms: number;
  readonly queryBias: boolean;
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
  readonly headBias: boolean;
  /** Norms of queries and keys: one vector for all heads of a layer, or one of full width. */
  readonly queryKeyNorm: 'none' | 'head' | 'full';
  /** Rows of a learned position table beside `max_position_embeddings`; null: no such table. */
  readonly positionExtra: number | null;
  /** Where the config does not say. */
  readonly tied: boolean;
}

const modern: FamilyTraits = {
  mlpMatrices: 3,
  layerNorms: 2,
  normBias: false,
  outerNorms: 1,
  queryBias: false,
  outputBias: false,
  mlpBias: false,
  headBias: false,
  queryKeyNorm: 'none',
  positionExtra: null,
  tied: false,
};

/** GPT-2 and its heirs: LayerNorm, two-matrix MLPs, a bias everywhere. */
const classic: Partial<FamilyTraits> = {
  mlpMatrices: 2,
  normBias: true,
  queryBias: true,
  outputBias: true,
  mlpBias: true,
  tied: true,
};

/** First match wins. From the families' modelling code in transformers. */
const FAMILIES: readonly (readonly [RegExp, Partial<FamilyTraits>])[] = [
  [/^(gpt2|gptbigcode)$/, { ...classic, positionExtra: 0 }],
  [/^opt$/, { ...classic, positionExtra: 2 }],
  [/^bloom$/, { ...classic, outerNorms: 2 }],
  [/^gptneox$/, { ...classic, tied: false }],
  [
    /^gptj$/,
    { ...classic, layerNorms: 1, queryBias: false, outputBias: false, headBias: true, tied: false },
  ],
  [/^phi$/, { ...classic, layerNorms: 1, headBias: true, tied: false }],
  [/^starcoder2$/, classic],
  // The third norm of a decoder layer and the biases that keys don't have are equally many.
  [/^whisper$/, { ...classic, positionExtra: 0 }],
  [/^(bert|roberta|xlmroberta)$/, { ...classic, positionExtra: 2 }],
  [/^falcon$/, { mlpMatrices: 2, layerNorms: 1, normBias: true, tied: true }],
  [/^mpt$/, { mlpMatrices: 2, tied: true }],
  [/^nemotron$/, { mlpMatrices: 2, normBias: true }],
  [/^nemotronh/, { mlpMatrices: 2, layerNorms: 1 }],
  [/^stablelm/, { normBias: true }],
  [/^(cohere|cohere2)$/, { layerNorms: 1, tied: true }],
  [/^olmo$/, { layerNorms: 0, outerNorms: 0 }],
  [/^(olmo2|olmo3|olmoe|flexolmo)$/, { queryKeyNorm: 'full' }],
  [/^minimaxm2/, { queryKeyNorm: 'full' }],
  [/^phimoe$/, { normBias: true, queryBias: true, outputBias: true, headBias: true }],
  [/^gptoss$/, { queryBias: true, outputBias: true }],
  [/^(qwen2|qwen25|dotsocr|internlm$|gptbigcode|step3)/, { queryBias: true }],
  [/^chatglm$/, { queryBias: true }],
  [/^glm4$/, { layerNorms: 4 }],
  [/^(qwen3|hunyuan|dots1|ernie45vl|smollm3vl)/, { queryKeyNorm: 'head' }],
  [/^arcee$/, { mlpMatrices: 2 }],
  [/^apertus$/, { mlpMatrices: 2, queryKeyNorm: 'head' }],
  [/^gemma$/, { tied: true }],
  [/^gemma2$/, { layerNorms: 4, tied: true }],
  [/^gemma/, { layerNorms: 4, queryKeyNorm: 'head', tied: true }],
  [/^(mamba|falconmamba|mamba2)$/, { layerNorms: 1, tied: true }],
  [/^lfm2/, { queryKeyNorm: 'head', tied: true }],
  [/^(falconh1|bamba|zamba2|granitemoehybrid|smollm|exaone4|llama4)/, {}],
];

/** The family's traits, the config's own flags first. */
export function traitsOf(shape: HfShape): FamilyTraits {
  const { family, text } = shape;
  const row = FAMILIES.find(([pattern]) => pattern.test(family));
  const traits = { ...modern, ...row?.[1] };
  const flag = (...keys: string[]): boolean | null => {
    for (const key of keys) {
      const value = text[key];
      if (typeof value === 'boolean') return value;
    }
    return null;
  };
  const attention = flag('attention_bias');
  // GLM's flag leaves the output projection without a bias.
  const outputToo = !/^(glm4|chatglm|ernie)/.test(family);
  const everywhere = flag('use_bias', 'bias');
  // Falcon's newer decoder norms attention and MLP on their own.
  const newFalcon = family === 'falcon' && flag('new_decoder_architecture') === true;
  const full = flag('use_qk_norm', 'qk_layernorm', 'qk_norm');
  const ownNorm = family.startsWith('cohere') ? 'full' : 'head';
  // An activation that gates itself needs no gate beside it (Nemotron, Arcee, Apertus).
  const isUngated = text.hidden_act === 'relu2' || text.hidden_act === 'xielu';
  return {
    ...traits,
    mlpMatrices: isUngated ? 2 : traits.mlpMatrices,
    layerNorms: newFalcon ? 2 : traits.layerNorms,
    queryBias:
      flag('qkv_bias', 'use_qkv_bias', 'add_qkv_bias') ??
      attention ??
      everywhere ??
      traits.queryBias,
    outputBias: (outputToo ? attention : null) ?? everywhere ?? traits.outputBias,
    mlpBias: flag('mlp_bias') ?? everywhere ?? traits.mlpBias,
    headBias: flag('lm_head_bias') ?? traits.headBias,
    queryKeyNorm: full === null ? traits.queryKeyNorm : full ? ownNorm : 'none',
    tied: shape.tiedEmbeddings ?? traits.tied,
  };
}
