/** A Hugging Face config.json as the planner needs it: every figure known or `null`, nothing guessed silently. */
import { readExperts, type HfExperts } from './hfExperts';
import { asFields, fieldReader, type FieldReader, type Fields } from './hfFields';
import type { AttentionBasics } from './hfLayerKinds';
import { readLayers, type LayerRun } from './hfLayers';
import { derivedMaxLength } from './hfLength';
import { readQuantization, type HfQuantization } from './hfQuantization';
import { readState, type StateShape } from './hfState';
import { familyOf, textPart } from './hfText';

export interface HfMla {
  readonly kvLoraRank: number;
  readonly ropeDim: number;
  readonly nopeDim: number | null;
  readonly valueDim: number | null;
  readonly queryLoraRank: number | null;
}

export interface HfShape {
  readonly architectures: readonly string[];
  readonly modelType: string | null;
  /** One word from model type or architecture: `gemma3`, `qwen3moe`, `deepseekv3`; empty if neither is there. */
  readonly family: string;
  readonly layers: number | null;
  readonly hidden: number | null;
  readonly heads: number | null;
  /** Before tensor parallel; equals `heads` where the config names none. */
  readonly kvHeads: number | null;
  readonly headDim: number | null;
  /** V's head size; differs from `headDim` in few models. */
  readonly valueHeadDim: number | null;
  readonly intermediate: number | null;
  readonly vocab: number | null;
  /** null: the config does not say; the default of the model family applies. */
  readonly tiedEmbeddings: boolean | null;
  /** Set where the engine caches the latent vector instead of K and V. */
  readonly mla: HfMla | null;
  /** Tokens; only where the model uses it. */
  readonly slidingWindow: number | null;
  readonly attentionChunk: number | null;
  /** Runs of equal layers; null where not even their number is known. Draft layers are not among them. */
  readonly layerKinds: readonly LayerRun[] | null;
  /** true: `layerKinds` is in model order; false: only the counts are known. */
  readonly layerOrderKnown: boolean;
  /** State of one `state` layer; null: the model has none, or its dims are not told. */
  readonly state: StateShape | null;
  /** dtype of the recurrent state as the config names it; null: the model's own. */
  readonly stateDtype: string | null;
  readonly experts: HfExperts | null;
  /** MTP layers that ship with the model (`num_nextn_predict_layers`, `mtp_num_hidden_layers`). */
  readonly draftLayers: number | null;
  /** Gemma 3n/4: a second embedding, `vocab × hidden × layers` elements. */
  readonly perLayerEmbedding: { readonly hidden: number; readonly vocab: number } | null;
  /** DeepSeek sparse attention's indexer. */
  readonly indexer: { readonly headDim: number; readonly heads: number | null } | null;
  /** DeepSeek-V4: per layer, how many tokens one cache entry stands for (0: window only). */
  readonly compressRatios: readonly number[] | null;
  /** bfloat16, float16, float32 …, lower case without `torch.`. */
  readonly dtype: string | null;
  readonly quantization: HfQuantization | null;
  /** Tokens the engine derives when no length is given, rope scaling included; null: the config names none (vLLM then takes 2048). */
  readonly maxLength: number | null;
  readonly hasVision: boolean;
  readonly hasAudio: boolean;
  readonly isEncoderDecoder: boolean;
  /** The text part, unknown keys kept. */
  readonly text: Fields;
  /** The whole document. */
  readonly raw: Fields;
  /** Keys that the file leaves out and that were taken from the family's own defaults. */
  readonly defaulted: readonly string[];
  /** Fields that were ignored because their value can't be: `num_hidden_layers is -3`. */
  readonly problems: readonly string[];
}

/** Families that have `kv_lora_rank` but cache full K and V in vLLM, V padded to K's width. */
const EXPANDED_MLA = new Set(['minicpm3']);
/** The MLP is four times the hidden size where these name no width. */
const FOURFOLD_MLP = new Set(['gpt2', 'gptj', 'gptneox', 'falcon', 'bloom', 'mpt', 'gptbigcode']);

/** null: not a config at all (not an object, or an empty one). Never throws, whatever the document holds. */
export function readHfConfig(config: unknown): HfShape | null {
  const raw = asFields(config);
  if (!raw || Object.keys(raw).length === 0) return null;
  const part = textPart(raw);
  const text = fieldReader(part.fields);
  const whole = fieldReader(raw, text.problems);
  const architectures = whole.texts('architectures') ?? text.texts('architectures') ?? [];
  const modelType = text.text('model_type');
  const family = familyOf(modelType, architectures);

  const layers = text.count(
    'layers',
    'num_hidden_layers',
    'n_layer',
    'num_layers',
    'n_layers',
    'decoder_layers',
  );
  const hidden = text.count('dim', 'hidden_size', 'n_embd', 'd_model');
  const heads = text.count(
    'heads',
    'num_attention_heads',
    'n_head',
    'n_heads',
    'decoder_attention_heads',
  );
  const mla = readMla(text, family);
  const headDim = expandedHeadDim(text, family) ?? readHeadDim(text, hidden, heads);
  const isEncoderDecoder = text.flag('is_encoder_decoder') === true || family === 'whisper';
  const compressRatios = text.counts('compress_ratios');
  const basics: AttentionBasics = {
    family,
    layers,
    heads,
    kvHeads: readKvHeads(text, family, heads),
    headDim,
    valueHeadDim: mla
      ? mla.valueDim
      : EXPANDED_MLA.has(family)
        ? headDim
        : (text.count('dim', 'v_head_dim') ?? headDim),
    // DeepSeek-V4 has no kv_lora_rank: its one KV head is the latent.
    latentDim: mla ? mla.kvLoraRank + mla.ropeDim : compressRatios ? headDim : null,
    slidingWindow: readWindow(text, family),
    attentionChunk: family.startsWith('mimo') ? null : text.count('tokens', 'attention_chunk_size'),
    isEncoderDecoder,
  };
  const known = readLayers(text, basics);
  const hasState = known?.runs.some((run) => run.kind === 'state') ?? false;
  const indexerDim = text.count('dim', 'index_head_dim');
  return {
    architectures,
    modelType,
    family,
    layers: layers ?? (text.object('layer_counts') ? null : countOf(known?.runs)),
    hidden,
    heads,
    kvHeads: basics.kvHeads,
    headDim,
    valueHeadDim: basics.valueHeadDim,
    intermediate: readIntermediate(text, family, hidden),
    vocab: text.count('vocab', 'vocab_size', 'padded_vocab_size', 'n_vocab'),
    tiedEmbeddings: text.flag('tie_word_embeddings'),
    mla,
    slidingWindow: basics.slidingWindow,
    attentionChunk: basics.attentionChunk,
    layerKinds: known?.runs ?? null,
    layerOrderKnown: known?.ordered ?? false,
    state: hasState ? readState(text) : null,
    stateDtype: hasState ? text.text('mamba_ssm_dtype', 'mamba_ssm_cache_dtype') : null,
    experts: readExperts(text, layers),
    draftLayers: text.count('layers', 'num_nextn_predict_layers', 'mtp_num_hidden_layers'),
    perLayerEmbedding: readPerLayerEmbedding(text),
    indexer:
      indexerDim === null
        ? null
        : { headDim: indexerDim, heads: text.count('heads', 'index_n_heads') },
    compressRatios,
    dtype:
      (text.text('torch_dtype', 'dtype') ?? whole.text('torch_dtype', 'dtype'))
        ?.toLowerCase()
        .replace('torch.', '') ?? null,
    quantization: readQuantization(
      text.object('quantization_config', 'compression_config') ??
        whole.object('quantization_config'),
    ),
    maxLength: derivedMaxLength(text),
    hasVision:
      hasPart(raw, 'vision_config', 'vision_tower', 'mm_vision_tower', 'vision', 'embd_layer') ||
      raw.has_vision_tower === true,
    hasAudio: hasPart(raw, 'audio_config'),
    isEncoderDecoder,
    text: part.fields,
    raw,
    defaulted: part.defaulted,
    problems: [...new Set(text.problems)],
  };
}

function readMla(text: FieldReader, family: string): HfMla | null {
  if (EXPANDED_MLA.has(family)) return null;
  const kvLoraRank = text.count('dim', 'kv_lora_rank');
  const ropeDim = text.count('dim', 'qk_rope_head_dim');
  if (kvLoraRank === null || ropeDim === null) return null;
  return {
    kvLoraRank,
    ropeDim,
    nopeDim: text.count('dim', 'qk_nope_head_dim'),
    valueDim: text.count('dim', 'v_head_dim'),
    queryLoraRank: text.count('dim', 'q_lora_rank'),
  };
}

function expandedHeadDim(text: FieldReader, family: string): number | null {
  if (!EXPANDED_MLA.has(family)) return null;
  const nope = text.count('dim', 'qk_nope_head_dim');
  const rope = text.count('dim', 'qk_rope_head_dim');
  return nope === null || rope === null ? null : nope + rope;
}

function readKvHeads(text: FieldReader, family: string, heads: number | null): number | null {
  const nested = text.object('attn_config')?.kv_n_heads;
  if (typeof nested === 'number' && Number.isInteger(nested) && nested > 0) return nested;
  const multiQuery = text.flag('multi_query') === true;
  if (
    multiQuery &&
    (family === 'falcon' || family === 'refinedweb' || family === 'gptbigcode') &&
    text.flag('new_decoder_architecture') !== true
  )
    return 1;
  const keys = [
    'n_head_kv',
    'num_kv_heads',
    'num_key_value_heads',
    'multi_query_group_num',
    'num_attention_groups',
  ];
  // A list names each layer's own; the most is what one layer can have.
  const list = text.counts(...keys);
  if (list) return list.length === 0 ? heads : Math.max(...list.slice(0, 10_000));
  const kvHeads = text.count('heads', ...keys);
  const named = keys.some((key) => (text.fields[key] ?? null) !== null && text.fields[key] !== 0);
  if (kvHeads === null) return named ? null : heads;
  if (heads !== null && (kvHeads > heads || heads % kvHeads !== 0)) {
    text.problems.push(`${kvHeads} KV heads don't divide ${heads} attention heads`);
    return null;
  }
  return kvHeads;
}

function readHeadDim(
  text: FieldReader,
  hidden: number | null,
  heads: number | null,
): number | null {
  const named = text.count(
    'dim',
    'head_dim',
    'hidden_size_per_head',
    'attention_head_dim',
    'kv_channels',
  );
  if (named !== null) return named;
  return hidden === null || heads === null ? null : Math.floor(hidden / heads);
}

/** Tokens; null where the model ignores the field (Qwen without `use_sliding_window`). */
function readWindow(text: FieldReader, family: string): number | null {
  const used = text.flag('use_sliding_window');
  const layerTypes = text.texts('layer_types');
  const counted = text.object('layer_types_counts');
  const named =
    layerTypes?.includes('sliding_attention') ?? (counted && 'sliding_attention' in counted);
  if (named === false) return null;
  if (named !== true && (used === false || (used === null && family.startsWith('qwen'))))
    return null;
  return text.count(
    'tokens',
    'sliding_window',
    'interleaved_sliding_window',
    'sliding_window_size',
  );
}

function readIntermediate(text: FieldReader, family: string, hidden: number | null): number | null {
  const keys = [
    'intermediate_size',
    'ffn_hidden_size',
    'n_inner',
    'ffn_dim',
    'decoder_ffn_dim',
    'd_ff',
  ];
  // Gemma 3n names one width per layer.
  const list = text.counts(...keys);
  if (list) return list.length === 0 ? null : Math.max(...list.slice(0, 10_000));
  const named = text.count('dim', ...keys);
  return named ?? (hidden !== null && FOURFOLD_MLP.has(family) ? 4 * hidden : null);
}

function readPerLayerEmbedding(text: FieldReader): HfShape['perLayerEmbedding'] {
  const hidden = text.count('dim', 'hidden_size_per_layer_input');
  const vocab = text.count('vocab', 'vocab_size_per_layer_input');
  return hidden === null || vocab === null ? null : { hidden, vocab };
}

function countOf(runs: readonly LayerRun[] | undefined): number | null {
  return runs ? runs.reduce((sum, run) => sum + run.count, 0) : null;
}

function hasPart(raw: Fields, ...keys: string[]): boolean {
  const nested = asFields(raw.thinker_config);
  return keys.some((key) => (raw[key] ?? nested?.[key] ?? null) !== null);
}
