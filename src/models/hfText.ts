/** Where in a config.json the language model is described, and what its family implies where the file says nothing. */
import { asFields, type Fields } from './hfFields';

/** Nested parts that hold the text model, in the order in which engines look (vLLM: `get_hf_text_config`). */
const TEXT_PARTS = [
  ['thinker_config', 'text_config'],
  ['thinker_config'],
  ['text_config'],
  ['llm_config'],
  ['language_config'],
  ['language_model_config'],
  ['text_model_config'],
] as const;

/** Keys that stand at the top level of a multimodal config and hold for its text part too. */
const INHERITED = [
  'architectures',
  'tie_word_embeddings',
  'torch_dtype',
  'dtype',
  'quantization_config',
  'compression_config',
  'vocab_size',
  'max_position_embeddings',
  'layer_types_counts',
  'layer_counts',
  'has_vision_tower',
  'is_encoder_decoder',
];

/**
 * transformers writes only what differs from the family's class, so a nested part may lack even the number of heads
 * (google/gemma-3-4b-it does). These are the classes' own defaults, the values the engine takes.
 */
const FAMILY_DEFAULTS: Readonly<Record<string, Fields>> = {
  llama: {
    vocab_size: 32000,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
    tie_word_embeddings: false,
  },
  mistral: {
    vocab_size: 32000,
    hidden_size: 4096,
    intermediate_size: 14336,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    max_position_embeddings: 131072,
    tie_word_embeddings: false,
  },
  qwen2: {
    vocab_size: 151936,
    hidden_size: 4096,
    intermediate_size: 22016,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    max_position_embeddings: 32768,
    tie_word_embeddings: false,
  },
  gemma: {
    vocab_size: 256000,
    hidden_size: 3072,
    intermediate_size: 24576,
    num_hidden_layers: 28,
    num_attention_heads: 16,
    num_key_value_heads: 16,
    head_dim: 256,
    max_position_embeddings: 8192,
    tie_word_embeddings: true,
  },
  gemma2: {
    vocab_size: 256000,
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    sliding_window: 4096,
    max_position_embeddings: 8192,
    tie_word_embeddings: true,
  },
  gemma3_text: {
    vocab_size: 262208,
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    sliding_window: 4096,
    max_position_embeddings: 131072,
    tie_word_embeddings: true,
  },
  gemma3n_text: {
    vocab_size: 262400,
    vocab_size_per_layer_input: 262144,
    hidden_size: 2048,
    hidden_size_per_layer_input: 256,
    intermediate_size: 16384,
    num_hidden_layers: 35,
    num_attention_heads: 8,
    num_key_value_heads: 2,
    num_kv_shared_layers: 15,
    head_dim: 256,
    sliding_window: 512,
    max_position_embeddings: 32768,
    tie_word_embeddings: true,
  },
};

export interface HfText {
  /** The text model's fields: its own, inherited ones, then the family's. */
  readonly fields: Fields;
  /** Keys taken from the family's defaults. */
  readonly defaulted: readonly string[];
}

/** The text part of a config: nested where there is one, else the document itself. */
export function textPart(raw: Fields): HfText {
  const nested = nestedText(raw);
  const own: Record<string, unknown> = { ...(nested ?? raw) };
  if (nested)
    for (const key of INHERITED)
      if ((own[key] ?? null) === null && (raw[key] ?? null) !== null) own[key] = raw[key];
  // A bare {"model_type": "llama"} says nothing about the model at hand: there, no defaults.
  const describesModel = nested !== null || 'num_hidden_layers' in own || 'hidden_size' in own;
  const family = typeof own.model_type === 'string' ? own.model_type : '';
  const defaults = describesModel ? FAMILY_DEFAULTS[family] : undefined;
  const defaulted: string[] = [];
  for (const [key, value] of Object.entries(defaults ?? {}))
    // An explicit null is a statement (no sliding window); only absent keys take the default.
    if (!(key in own)) {
      own[key] = value;
      defaulted.push(key);
    }
  return { fields: own, defaulted };
}

function nestedText(raw: Fields): Fields | null {
  for (const path of TEXT_PARTS) {
    let at: Fields | null = raw;
    for (const key of path) at = at && asFields(at[key]);
    if (at) return at;
  }
  return null;
}

/** `gemma3_text`, `Gemma3ForConditionalGeneration` → `gemma3`: one word for a family, from whichever is there. */
export function familyOf(modelType: string | null, architectures: readonly string[]): string {
  const word =
    modelType ?? (architectures[0] ?? '').replace(/For[A-Z]\w*$|LMHeadModel$|Model$/, '');
  return word
    .toLowerCase()
    .replace(/[-_]text$/, '')
    .replace(/[^a-z0-9]/g, '');
}
