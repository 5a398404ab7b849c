/** Layers of a Hugging Face text model by what each of them keeps in the KV cache. */
import { asFields, type FieldReader } from './hfFields';
import type { AttentionBasics, LayerKind } from './hfLayerKinds';
import { layerPattern, type LayerWord } from './hfPattern';

/** A run of equal layers. Heads and dims are whole-model figures, before tensor parallel. */
export interface LayerRun {
  readonly kind: LayerKind;
  readonly count: number;
  /** null: not known, or the kind has none (`mla`, `state`, `none`). */
  readonly kvHeads: number | null;
  /** Elements of one head of K; `mla`: latent + rope of the one cached vector. */
  readonly headDim: number | null;
  /** Elements of one head of V; `mla`: null (nothing but the one vector is cached). */
  readonly valueDim: number | null;
  /** Tokens: the window of `sliding`, the chunk of `chunked`; else null. */
  readonly window: number | null;
  /** These layers are also those of the run before: attention and a state, or the encoder's KV, side by side. */
  readonly beside?: true;
}

export interface HfLayers {
  readonly runs: readonly LayerRun[];
  /** true: in model order; false: only how many of each kind. */
  readonly ordered: boolean;
}

/** null where not even the number of layers is known. */
export function readLayers(text: FieldReader, basics: AttentionBasics): HfLayers | null {
  const pattern = layerPattern(text, basics);
  if (!pattern) return null;
  const perLayer = perLayerKvHeads(text, basics);
  const words = pattern.words.map((word, index): LayerWord =>
    perLayer?.[index] === 0 && word === 'full' ? 'none' : word,
  );
  // Layers that share their KV are the last ones (Gemma 3n and 4). Hunyuan's CLA shares it too, but not in vLLM.
  const shared = text.count('layers', 'num_kv_shared_layers') ?? 0;
  const firstShared = words.length - shared;
  const kinds = words.map((word, index): LayerWord => {
    if (word !== 'full' && word !== 'sliding' && word !== 'chunked') return word;
    return pattern.ordered && index >= firstShared ? 'shared' : word;
  });
  const own: Partial<Record<LayerKind, OwnAttention>> = {
    full: globalAttention(text),
    sliding: windowed(text),
  };
  const runs = joinEqual(
    kinds.map((word, index) =>
      expand(word).map((kind) =>
        layerOf(kind, own[kind] ?? null, basics, perLayer?.[index] ?? null),
      ),
    ),
  );
  return {
    runs: pattern.ordered || shared === 0 ? runs : shareProportionally(runs, shared),
    ordered: pattern.ordered,
  };
}

/** A layer with attention and a recurrent state side by side (Falcon-H1, Zamba2) keeps both; LongCat's attend twice. */
function expand(word: LayerWord): readonly LayerKind[] {
  if (word === 'stateAndFull') return ['state', 'full'];
  if (word === 'mlaTwice') return ['mla', 'mla'];
  return word === 'fullAndCross' ? ['full', 'cross'] : [word];
}

function layerOf(
  kind: LayerKind,
  own: OwnAttention | null,
  basics: AttentionBasics,
  ownKvHeads: number | null,
): LayerRun {
  const bare = { kind, count: 1, kvHeads: null, headDim: null, valueDim: null, window: null };
  if (kind === 'state' || kind === 'none' || kind === 'shared' || kind === 'encoder') return bare;
  if (basics.latentDim !== null && (kind === 'full' || kind === 'mla'))
    return { ...bare, kind: 'mla', headDim: basics.latentDim };
  const headDim = own?.headDim ?? basics.headDim;
  return {
    kind,
    count: 1,
    kvHeads: ownKvHeads ?? own?.kvHeads ?? basics.kvHeads,
    headDim,
    valueDim: own?.valueDim ?? (own?.headDim == null ? basics.valueHeadDim : null) ?? headDim,
    window:
      kind === 'sliding' ? basics.slidingWindow : kind === 'chunked' ? basics.attentionChunk : null,
  };
}

interface OwnAttention {
  readonly kvHeads: number | null;
  readonly headDim: number | null;
  readonly valueDim: number | null;
}

/** Gemma 4: full layers have wider heads, and fewer of them where K equals V. */
function globalAttention(text: FieldReader): OwnAttention {
  const keyIsValue = text.flag('attention_k_eq_v') === true;
  return {
    kvHeads: keyIsValue ? text.count('heads', 'num_global_key_value_heads') : null,
    headDim: text.count('dim', 'global_head_dim'),
    valueDim: null,
  };
}

/** MiMo-V2: window layers have their own heads. */
function windowed(text: FieldReader): OwnAttention {
  return {
    kvHeads: text.count('heads', 'swa_num_key_value_heads'),
    headDim: text.count('dim', 'swa_head_dim'),
    valueDim: text.count('dim', 'swa_v_head_dim'),
  };
}

/** Models whose layers differ in KV heads: a list (OpenELM), or Nemotron-NAS's blocks (0: no attention there). */
function perLayerKvHeads(text: FieldReader, basics: AttentionBasics): readonly number[] | null {
  const list = text.counts('num_key_value_heads', 'num_kv_heads', 'num_key_value_heads_per_layer');
  if (list) return list;
  const blocks = text.fields.block_configs;
  if (!Array.isArray(blocks) || basics.heads === null) return null;
  const heads = basics.heads;
  return blocks.map((block: unknown) => {
    const perGroup = asFields(asFields(block)?.attention)?.n_heads_in_group;
    return typeof perGroup === 'number' && perGroup >= 1 ? Math.floor(heads / perGroup) : 0;
  });
}

/** `layers`: what each keeps, one or two kinds. Equal neighbours become a run, or two side by side. */
function joinEqual(layers: readonly (readonly LayerRun[])[]): LayerRun[] {
  const joined: { layer: readonly LayerRun[]; count: number }[] = [];
  for (const layer of layers) {
    const last = joined.at(-1);
    const isSame =
      last?.layer.length === layer.length &&
      layer.every((run, i) => last.layer[i] !== undefined && sameLayer(run, last.layer[i]));
    if (last && isSame) last.count++;
    else joined.push({ layer, count: 1 });
  }
  return joined.flatMap(({ layer, count }) =>
    layer.map((run, i): LayerRun =>
      i === 0 ? { ...run, count } : { ...run, count, beside: true },
    ),
  );
}

function sameLayer(a: LayerRun, b: LayerRun): boolean {
  return (
    a.kind === b.kind &&
    a.kvHeads === b.kvHeads &&
    a.headDim === b.headDim &&
    a.valueDim === b.valueDim &&
    a.window === b.window
  );
}

/** Only counts known: the sharing layers come from each kind in proportion, as interleaved layers do. */
function shareProportionally(runs: readonly LayerRun[], shared: number): LayerRun[] {
  const sharing = runs.filter((run) => run.kind === 'full' || run.kind === 'sliding');
  const total = sharing.reduce((sum, run) => sum + run.count, 0);
  if (shared >= total) return [...runs];
  let left = shared;
  const kept = runs.map((run) => {
    if (!sharing.includes(run)) return run;
    const isLast = run === sharing.at(-1);
    const taken = isLast ? left : Math.round((shared * run.count) / total);
    left -= taken;
    return { ...run, count: run.count - taken };
  });
  const none = { kvHeads: null, headDim: null, valueDim: null, window: null };
  return [...kept.filter((run) => run.count > 0), { kind: 'shared', count: shared, ...none }];
}
