/** Which kind each layer is: told by the config in one of a dozen ways, else by the family's habit. */
import type { FieldReader } from './hfFields';
import type { AttentionBasics, LayerKind } from './hfLayerKinds';

export type LayerWord = LayerKind | 'stateAndFull' | 'fullAndCross' | 'mlaTwice';

export interface LayerPattern {
  readonly words: readonly LayerWord[];
  readonly ordered: boolean;
}

const WORDS: Readonly<Record<string, LayerWord>> = {
  full_attention: 'full',
  attention: 'full',
  global_attention: 'full',
  full: 'full',
  sliding_attention: 'sliding',
  sliding_window_attention: 'sliding',
  local_attention: 'sliding',
  sliding: 'sliding',
  chunked_attention: 'chunked',
  linear_attention: 'state',
  mamba: 'state',
  mamba2: 'state',
  conv: 'state',
  recurrent: 'state',
  /** Zamba2: a Mamba layer with the shared attention block on top. */
  hybrid: 'stateAndFull',
  mlp: 'none',
  moe: 'none',
  /** Nemotron-H's pattern letters. */
  M: 'state',
  '*': 'full',
  '-': 'none',
  E: 'none',
  /** EXAONE 4's pattern letters. */
  L: 'sliding',
  G: 'full',
};

/** Every n-th layer is full, the rest have the window (or the chunk): the families' own code, where the config is silent. */
const FULL_EVERY: Readonly<Record<string, number>> = {
  gemma2: 2,
  gemma3: 6,
  gemma3n: 5,
  gemma4: 6,
  cohere2: 4,
  exaone4: 4,
  olmo3: 4,
  gptoss: 2,
  llama4: 4,
};

/** Read a text at once and keep no KV. */
const ENCODERS = new Set([
  'bert',
  'roberta',
  'xlmroberta',
  'camembert',
  'distilbert',
  'electra',
  'modernbert',
  'eurobert',
  'nomicbert',
  'gte',
  'new',
]);

/** As the config lists the layers, else as it counts them, else by the family's own code. null: their number is not known. */
export function layerPattern(text: FieldReader, basics: AttentionBasics): LayerPattern | null {
  const told = toldInOrder(text, basics.layers);
  if (told) return { words: told, ordered: true };
  const counted = toldAsCounts(text, basics.layers);
  if (counted) return { words: counted, ordered: false };
  if (basics.layers === null) return null;
  return { words: byHabit(text, basics, basics.layers), ordered: true };
}

function toldInOrder(text: FieldReader, layers: number | null): LayerWord[] | null {
  const list = text.texts('layer_types', 'layers_block_type');
  const fromList = list && fitted(text, 'layer_types', list, layers);
  if (fromList) return fromList;
  const letters = stringField(text, 'hybrid_override_pattern')?.replaceAll(/[^M*E-]/g, '');
  const fromLetters =
    letters && fitted(text, 'hybrid_override_pattern', Array.from(letters), layers);
  if (fromLetters) return fromLetters;
  if (layers === null) return null;
  return byIndex(text, layers);
}

/** One word per layer; a list of another length contradicts the number of layers and is not believed. */
function fitted(
  text: FieldReader,
  key: string,
  list: readonly string[],
  layers: number | null,
): LayerWord[] | null {
  if (list.length === 0) return null;
  if (layers !== null && list.length !== layers) {
    text.problems.push(`${key} names ${list.length} layers, num_hidden_layers is ${layers}`);
    // Draft layers are sometimes listed behind the model's own.
    if (list.length < layers) return null;
  }
  const words = list.slice(0, layers ?? list.length).map(wordOf);
  const unknown = list.find((word) => !Object.hasOwn(WORDS, word));
  if (unknown !== undefined)
    text.problems.push(`${key} has the unknown kind ${unknown.slice(0, 40)}`);
  return words;
}

/** Rules that give each layer's kind from its index. */
function byIndex(text: FieldReader, layers: number): LayerWord[] | null {
  const pick = (isFull: (index: number) => boolean, otherwise: LayerWord): LayerWord[] =>
    Array.from({ length: layers }, (_, index) => (isFull(index) ? 'full' : otherwise));

  const linear = text.object('linear_attn_config');
  const oneBased = linear?.full_attn_layers;
  // Kimi-Linear counts its layers from 1.
  if (Array.isArray(oneBased)) return pick((index) => oneBased.includes(index + 1), 'state');
  const indices = text.counts('attn_layer_indices', 'full_attn_idxs');
  if (indices) return pick((index) => indices.includes(index), 'state');
  const types = text.counts('attn_type_list');
  if (types?.length === layers) return pick((index) => types[index] === 1, 'state');
  const window = text.counts('hybrid_layer_pattern');
  if (window?.length === layers) return pick((index) => window[index] === 0, 'sliding');
  const cross = text.counts('cross_attention_layers');
  if (cross)
    return Array.from({ length: layers }, (_, index) => (cross.includes(index) ? 'cross' : 'full'));
  const period = text.count('layers', 'attn_layer_period');
  if (period !== null) {
    const offset = text.count('layers', 'attn_layer_offset') ?? 0;
    return pick((index) => index % period === offset, 'state');
  }
  const interval = text.count('layers', 'full_attention_interval');
  return interval === null ? null : pick((index) => (index + 1) % interval === 0, 'state');
}

/** Flattened configs: how many layers of each kind, in no order. */
function toldAsCounts(text: FieldReader, layers: number | null): LayerWord[] | null {
  for (const key of ['layer_types_counts', 'layer_counts']) {
    const counts = text.object(key);
    if (!counts) continue;
    const words: LayerWord[] = [];
    for (const [word, count] of Object.entries(counts)) {
      const valid = typeof count === 'number' && Number.isInteger(count) && count >= 0;
      if (!valid || words.length + count > 10_000) {
        text.problems.push(`${key}.${word} is ${String(count)}`);
        return null;
      }
      words.push(...Array<LayerWord>(count).fill(wordOf(word)));
    }
    if (layers === null || words.length === layers) return words.length === 0 ? null : words;
    // `layer_counts` leaves out the layers that keep nothing.
    if (key === 'layer_counts' && words.length < layers)
      return [...words, ...Array<LayerWord>(layers - words.length).fill('none')];
    text.problems.push(`${key} counts ${words.length} layers, num_hidden_layers is ${layers}`);
  }
  return null;
}

function byHabit(text: FieldReader, basics: AttentionBasics, layers: number): LayerWord[] {
  const { family, slidingWindow, attentionChunk } = basics;
  const all = (word: LayerWord): LayerWord[] => Array<LayerWord>(layers).fill(word);
  if (ENCODERS.has(family) || text.flag('is_causal') === false) return all('encoder');
  if (basics.isEncoderDecoder) return all('fullAndCross');
  if (family === 'falconh1') return all('stateAndFull');
  if (/^(falcon)?mamba2?$/.test(family)) return all('state');
  // DeepSeek-V4 names a window too, but each layer's pool is the latent one.
  if (basics.latentDim !== null) return all(family.startsWith('longcatflash') ? 'mlaTwice' : 'mla');
  const limited = slidingWindow !== null ? 'sliding' : attentionChunk !== null ? 'chunked' : null;
  if (limited === null) return all('full');
  const letters = stringField(text, 'sliding_window_pattern');
  if (letters !== null && letters !== '')
    return all('full').map((_, index) => wordOf(letters[index % letters.length] ?? ''));
  const everyNth =
    (letters === null
      ? text.count('layers', 'sliding_window_pattern', '_sliding_window_pattern')
      : null) ?? FULL_EVERY[family];
  if (everyNth !== undefined)
    return all(limited).map((word, index) => ((index + 1) % everyNth === 0 ? 'full' : word));
  // Qwen: the window begins at this layer.
  const firstSliding = family.startsWith('qwen') ? text.count('layers', 'max_window_layers') : null;
  return all(limited).map((word, index) => (index < (firstSliding ?? 0) ? 'full' : word));
}

/** An unknown kind is charged as full attention: the most it can cost. */
function wordOf(word: string): LayerWord {
  return (Object.hasOwn(WORDS, word) ? WORDS[word] : undefined) ?? 'full';
}

function stringField(text: FieldReader, key: string): string | null {
  const value = text.fields[key];
  return typeof value === 'string' ? value : null;
}
