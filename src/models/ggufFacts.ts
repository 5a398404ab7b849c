/** GGUF metadata under the short keys that plan requests use, and where the file's bytes go. */
import type { GgufHeader, GgufTensor } from './gguf';
import { slidingLayers, slidingWindow } from './slidingPattern';

export type GgufFacts = Readonly<Record<string, unknown>>;

/** The file's own facts, in the short form; `fileBytes` and the byte sums come from the header's tensors. */
export function ggufFacts(header: GgufHeader): GgufFacts {
  return factsOf(header.metadata, header.tensors, header.fileBytes);
}

/**
 * `llama.attention.head_count` → `head_count`, `qwen3next.ssm.state_size` → `ssm_state_size`; the tokenizer is left out.
 * Arrays with one value per layer become a scalar where all layers agree, or `head_count_kv` and `head_count_kv_swa`
 * where the full and the sliding layers do; otherwise they stay arrays.
 */
export function factsOf(
  metadata: Iterable<readonly [string, unknown]>,
  tensors: readonly GgufTensor[] | null,
  fileBytes: number | null,
): GgufFacts {
  const all = new Map(metadata);
  const facts = shortKeys(all);
  completeVocabulary(facts, all, tensors);
  completeHeads(facts);
  completeLayers(facts);
  if (fileBytes !== null) facts.fileBytes = fileBytes;
  return tensors && tensors.length > 0
    ? { ...facts, ...byteFacts(tensors, countOf(facts.block_count)) }
    : facts;
}

/** Trained context in tokens; null if the file doesn't say. */
export function trainedContext(facts: GgufFacts): number | null {
  return countOf(facts.context_length);
}

function shortKeys(all: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const facts: Record<string, unknown> = {};
  const architecture = all.get('general.architecture');
  for (const [key, value] of all) {
    const [group, ...rest] = key.split('.');
    if (rest.length === 0 || group === 'tokenizer' || value === null || value === undefined)
      continue;
    // A text model's file may describe its projector under `clip`: those are not the model's own layers.
    if (group !== 'general' && typeof architecture === 'string' && group !== architecture) continue;
    const words = rest[0] === 'attention' ? rest.slice(1) : rest;
    const isCounted = typeof value === 'object' && !Array.isArray(value);
    if (words.length > 0 && !isCounted) facts[words.join('_')] ??= value;
  }
  return facts;
}

function completeVocabulary(
  facts: Record<string, unknown>,
  all: ReadonlyMap<string, unknown>,
  tensors: readonly GgufTensor[] | null,
): void {
  if (countOf(facts.vocab_size) !== null) return;
  const tokens = all.get('tokenizer.ggml.tokens') as { length?: unknown } | null | undefined;
  const embedding = tensors?.find(({ name }) => name === 'token_embd.weight');
  const size = countOf(tokens?.length) ?? countOf(embedding?.shape[1]);
  if (size !== null) facts.vocab_size = size;
}

/** llama.cpp's defaults: a head is embedding / heads wide, and there are as many KV heads as heads. */
function completeHeads(facts: Record<string, unknown>): void {
  const heads = largestOf(facts.head_count);
  const width = countOf(facts.embedding_length);
  if (heads === null) return;
  facts.head_count_kv ??= facts.head_count;
  if (width === null) return;
  facts.key_length ??= Math.floor(width / heads);
  facts.value_length ??= facts.key_length;
}

function completeLayers(facts: Record<string, unknown>): void {
  const blocks = countOf(facts.block_count);
  if (blocks === null || blocks > 10_000) return;
  const sliding = layersWithWindow(facts, blocks);
  if (sliding) {
    const swa = sliding.filter(Boolean).length;
    facts.swa_layers = swa;
    facts.full_layers = blocks - swa;
  }
  for (const key of ['head_count', 'head_count_kv', 'feed_forward_length']) {
    const list = numbersOf(facts[key]);
    if (!list || list.length < blocks) continue;
    const perLayer = list.slice(0, blocks);
    const full = sameValue(perLayer.filter((_, layer) => sliding?.[layer] !== true));
    const swa = sameValue(perLayer.filter((_, layer) => sliding?.[layer] === true));
    const every = sameValue(perLayer);
    if (every !== null) facts[key] = every;
    else if (full !== null && swa !== null) {
      facts[key] = full;
      facts[`${key}_swa`] = swa;
    }
  }
}

/** Which layers have the window; null where the model has none, or nobody knows which. */
function layersWithWindow(
  facts: Record<string, unknown>,
  blocks: number,
): readonly boolean[] | null {
  const architecture = typeof facts.architecture === 'string' ? facts.architecture : '';
  const window = slidingWindow(architecture, blocks, countOf(facts.sliding_window));
  if (window === null) return null;
  facts.sliding_window = window;
  const pattern = facts.sliding_window_pattern;
  if (Array.isArray(pattern) && pattern.length >= blocks)
    return pattern.slice(0, blocks).map((one) => one === true || one === 1);
  return slidingLayers(architecture, blocks, countOf(pattern));
}

/**
 * `layer_bytes` per block, `expert_bytes` of those in its routed experts, `token_embd_bytes`, `input_bytes` (other tables that tokens are looked up in, which llama.cpp
 * keeps in RAM as it does the embedding), `output_bytes` (the head's own tensor: 0 where it is tied), `projector_bytes` (inline vision or audio), `other_bytes` and `tensor_bytes_total`.
 */
function byteFacts(tensors: readonly GgufTensor[], blocks: number | null): GgufFacts {
  const layers: number[] = blocks !== null && blocks <= 10_000 ? Array<number>(blocks).fill(0) : [];
  const experts: number[] = [];
  const sums = { embedding: 0, input: 0, output: 0, projector: 0, other: 0, total: 0 };
  for (const { name, bytes } of tensors) {
    sums.total += bytes;
    const block = /^blk\.(\d{1,5})\./.exec(name)?.[1];
    const layer = block === undefined ? null : Number(block);
    if (layer !== null && (blocks === null ? layer < 10_000 : layer < layers.length)) {
      while (layers.length <= layer) layers.push(0);
      layers[layer] = (layers[layer] ?? 0) + bytes;
      // What llama-server's `--fit` moves to RAM first.
      if (/\.ffn_\w+_(?:ch)?exps\./.test(name)) experts[layer] = (experts[layer] ?? 0) + bytes;
    } else if (name.startsWith('token_embd.')) sums.embedding += bytes;
    else if (/^(per_layer_token_embd|position_embd|token_types)\./.test(name)) sums.input += bytes;
    else if (name.startsWith('output.')) sums.output += bytes;
    else if (/^(v|mm|a|s)\./.test(name)) sums.projector += bytes;
    else sums.other += bytes;
  }
  return {
    layer_bytes: layers,
    ...(experts.length > 0 ? { expert_bytes: layers.map((_, layer) => experts[layer] ?? 0) } : {}),
    token_embd_bytes: sums.embedding,
    ...(sums.input > 0 ? { input_bytes: sums.input } : {}),
    output_bytes: sums.output,
    ...(sums.projector > 0 ? { projector_bytes: sums.projector } : {}),
    other_bytes: sums.other,
    tensor_bytes_total: sums.total,
  };
}

function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}

function numbersOf(value: unknown): readonly number[] | null {
  return Array.isArray(value) && value.every((one) => typeof one === 'number') ? value : null;
}

function largestOf(value: unknown): number | null {
  const list = numbersOf(value);
  return list ? countOf(Math.max(0, ...list)) : countOf(value);
}

function sameValue(values: readonly number[]): number | null {
  const first = values[0];
  return first !== undefined && values.every((value) => value === first) ? first : null;
}
