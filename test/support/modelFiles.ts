/**
 * Writes model files for tests: true headers, data as holes (a 15 GB model takes a few kilobytes of disk). Bytes for
 * memory-backed tests come from the same code.
 */
import fs from 'node:fs';
import path from 'node:path';

export interface TensorSpec {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

const DTYPE_BYTES: Readonly<Record<string, number>> = {
  BF16: 2,
  F16: 2,
  F32: 4,
  F8_E4M3: 1,
  I8: 1,
  U8: 1,
  I32: 4,
  I64: 8,
};

export function specBytes({ dtype, shape }: TensorSpec): number {
  return shape.reduce((product, dim) => product * dim, DTYPE_BYTES[dtype] ?? 1);
}

/** Length, JSON and padding of a .safetensors file, and how many bytes of data follow. */
export function safetensorsHeader(tensors: readonly TensorSpec[]): {
  bytes: Uint8Array;
  dataBytes: number;
} {
  const json: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let offset = 0;
  for (const tensor of tensors) {
    const end = offset + specBytes(tensor);
    json[tensor.name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
  }
  return { bytes: rawSafetensorsHeader(JSON.stringify(json)), dataBytes: offset };
}

/** Any text as a header, also one that lies; `claimedBytes` replaces its true length. */
export function rawSafetensorsHeader(json: string, claimedBytes?: bigint): Uint8Array {
  const text = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8));
  const bytes = new Uint8Array(8 + text.length);
  new DataView(bytes.buffer).setBigUint64(0, claimedBytes ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** A whole small file, data zeroed. */
function safetensorsBytes(tensors: readonly TensorSpec[]): Uint8Array {
  const { bytes, dataBytes } = safetensorsHeader(tensors);
  const whole = new Uint8Array(bytes.length + dataBytes);
  whole.set(bytes);
  return whole;
}

export function writeSparse(file: string, header: Uint8Array, dataBytes: number): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, header);
  fs.truncateSync(file, header.length + dataBytes);
}

/** Splits tensors into shards of about equal count, and writes the index that transformers would. */
export function shardedModel(
  tensors: readonly TensorSpec[],
  shards: number,
): { files: Map<string, readonly TensorSpec[]>; index: string | null } {
  if (shards === 1) return { files: new Map([['model.safetensors', tensors]]), index: null };
  const files = new Map<string, readonly TensorSpec[]>();
  const weightMap: Record<string, string> = {};
  const perShard = Math.ceil(tensors.length / shards);
  for (let shard = 0; shard < shards; shard++) {
    const name = `model-${pad(shard + 1)}-of-${pad(shards)}.safetensors`;
    const own = tensors.slice(shard * perShard, (shard + 1) * perShard);
    files.set(name, own);
    for (const tensor of own) weightMap[tensor.name] = name;
  }
  const totalBytes = tensors.reduce((sum, tensor) => sum + specBytes(tensor), 0);
  const index = JSON.stringify({ metadata: { total_size: totalBytes }, weight_map: weightMap });
  return { files, index };
}

/** config.json, sparse shards and their index in a real folder. */
export function writeModelFolder(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  tensors: readonly TensorSpec[] = denseTensors(config),
  shards = 1,
): void {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config, null, 2));
  const { files, index } = shardedModel(tensors, shards);
  for (const [name, own] of files) {
    const { bytes, dataBytes } = safetensorsHeader(own);
    writeSparse(path.join(folder, name), bytes, dataBytes);
  }
  if (index !== null) fs.writeFileSync(path.join(folder, 'model.safetensors.index.json'), index);
}

/** The same folder as path → content, for memory-backed files; only for tiny models. */
export function modelFolderFiles(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  tensors: readonly TensorSpec[] = denseTensors(config),
  shards = 1,
): Record<string, string | Uint8Array> {
  const { files, index } = shardedModel(tensors, shards);
  const contents: Record<string, string | Uint8Array> = {
    [`${folder}/config.json`]: JSON.stringify(config),
  };
  for (const [name, own] of files) contents[`${folder}/${name}`] = safetensorsBytes(own);
  if (index !== null) contents[`${folder}/model.safetensors.index.json`] = index;
  return contents;
}

/** Tensors of a Llama-like decoder (Llama, Qwen2/3, Mistral; experts where the config has them), as transformers names them. */
export function denseTensors(
  config: Readonly<Record<string, unknown>>,
  dtype = 'BF16',
): TensorSpec[] {
  const number = (key: string, otherwise: number): number => {
    const value = config[key];
    return typeof value === 'number' ? value : otherwise;
  };
  const hidden = number('hidden_size', 64);
  const heads = number('num_attention_heads', 4);
  const kvHeads = number('num_key_value_heads', heads);
  const headDim = number('head_dim', Math.floor(hidden / heads));
  const wide = number('intermediate_size', 4 * hidden);
  const vocab = number('vocab_size', 256);
  const experts = number('num_experts', 0);
  const expertWide = number('moe_intermediate_size', wide);
  const tensors: TensorSpec[] = [
    { name: 'model.embed_tokens.weight', dtype, shape: [vocab, hidden] },
    { name: 'model.norm.weight', dtype, shape: [hidden] },
  ];
  for (let layer = 0; layer < number('num_hidden_layers', 2); layer++) {
    const at = `model.layers.${String(layer)}`;
    const add = (name: string, ...shape: number[]): void => {
      tensors.push({ name: `${at}.${name}.weight`, dtype, shape });
    };
    add('self_attn.q_proj', heads * headDim, hidden);
    add('self_attn.k_proj', kvHeads * headDim, hidden);
    add('self_attn.v_proj', kvHeads * headDim, hidden);
    add('self_attn.o_proj', hidden, heads * headDim);
    add('input_layernorm', hidden);
    add('post_attention_layernorm', hidden);
    if (experts > 1) add('mlp.gate', experts, hidden);
    for (const block of experts > 1 ? Array.from({ length: experts }, (_, i) => i) : [null]) {
      const inside = block === null ? 'mlp' : `mlp.experts.${String(block)}`;
      const width = block === null ? wide : expertWide;
      add(`${inside}.gate_proj`, width, hidden);
      add(`${inside}.up_proj`, width, hidden);
      add(`${inside}.down_proj`, hidden, width);
    }
  }
  if (config.tie_word_embeddings !== true)
    tensors.push({ name: 'lm_head.weight', dtype, shape: [vocab, hidden] });
  return tensors;
}

export type GgufFixtureValue =
  | string
  | number
  | boolean
  | { readonly type: 'u8' | 'i32' | 'u64' | 'f32' | 'f64'; readonly value: number }
  | {
      readonly array: 'u32' | 'i32' | 'f32' | 'bool' | 'string';
      readonly values: readonly unknown[];
    };

export interface GgufFixture {
  readonly metadata: readonly (readonly [string, GgufFixtureValue])[];
  /** `type`: ggml's number; `bytes` as ggml counts them. */
  readonly tensors: readonly {
    readonly name: string;
    readonly type: number;
    readonly shape: readonly number[];
    readonly bytes: number;
    readonly offset?: number;
  }[];
  readonly version?: number;
  readonly alignment?: number;
}

const TYPE_IDS = { u8: 0, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9, u64: 10, f64: 12 };

/** Header of a .gguf file up to where the data begins, and how many bytes of data follow. */
export function ggufHeader(fixture: GgufFixture): { bytes: Uint8Array; dataBytes: number } {
  const alignment = fixture.alignment ?? 32;
  const out = new ByteWriter();
  out.text('GGUF');
  out.u32(fixture.version ?? 3);
  out.u64(fixture.tensors.length);
  out.u64(fixture.metadata.length);
  for (const [key, value] of fixture.metadata) {
    out.string(key);
    out.value(value);
  }
  let offset = 0;
  let dataBytes = 0;
  for (const tensor of fixture.tensors) {
    out.string(tensor.name);
    out.u32(tensor.shape.length);
    for (const dim of tensor.shape) out.u64(dim);
    out.u32(tensor.type);
    out.u64(tensor.offset ?? offset);
    offset = Math.ceil((offset + tensor.bytes) / alignment) * alignment;
    dataBytes = offset;
  }
  out.padTo(alignment);
  return { bytes: out.done(), dataBytes };
}

export function ggufBytes(fixture: GgufFixture): Uint8Array {
  const { bytes, dataBytes } = ggufHeader(fixture);
  const whole = new Uint8Array(bytes.length + dataBytes);
  whole.set(bytes);
  return whole;
}

/** Sparse, so that its size on disk is that of its header. */
export function writeGguf(file: string, fixture: GgufFixture): void {
  const { bytes, dataBytes } = ggufHeader(fixture);
  writeSparse(file, bytes, dataBytes);
}

class ByteWriter {
  private bytes = Buffer.from(new ArrayBuffer(1024));
  private view = new DataView(this.bytes.buffer);
  private length = 0;

  private room(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const size = Math.max(this.bytes.length * 2, this.length + more);
    const grown = Buffer.from(new ArrayBuffer(size));
    grown.set(this.bytes);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  private put(size: number, write: (offset: number) => void): void {
    this.room(size);
    write(this.length);
    this.length += size;
  }

  text(text: string): void {
    this.put(Buffer.byteLength(text), (at) => this.bytes.write(text, at));
  }
  u8(value: number): void {
    this.put(1, (at) => this.view.setUint8(at, value));
  }
  u32(value: number): void {
    this.put(4, (at) => this.view.setUint32(at, value, true));
  }
  i32(value: number): void {
    this.put(4, (at) => this.view.setInt32(at, value, true));
  }
  f32(value: number): void {
    this.put(4, (at) => this.view.setFloat32(at, value, true));
  }
  f64(value: number): void {
    this.put(8, (at) => this.view.setFloat64(at, value, true));
  }
  u64(value: number): void {
    this.put(8, (at) => {
      this.view.setUint32(at, value % 2 ** 32, true);
      this.view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
    });
  }
  string(text: string): void {
    this.u64(Buffer.byteLength(text));
    this.text(text);
  }

  value(value: GgufFixtureValue): void {
    if (typeof value === 'string') {
      this.u32(TYPE_IDS.string);
      this.string(value);
    } else if (typeof value === 'boolean') {
      this.u32(TYPE_IDS.bool);
      this.u8(value ? 1 : 0);
    } else if (typeof value === 'number') {
      this.u32(TYPE_IDS.u32);
      this.u32(value);
    } else if ('array' in value) {
      this.u32(TYPE_IDS.array);
      this.u32(TYPE_IDS[value.array]);
      this.u64(value.values.length);
      for (const entry of value.values) {
        if (value.array === 'string') this.string(String(entry));
        else if (value.array === 'bool') this.u8(entry === true ? 1 : 0);
        else this[value.array](Number(entry));
      }
    } else {
      this.u32(TYPE_IDS[value.type]);
      this[value.type](value.value);
    }
  }

  padTo(alignment: number): void {
    while (this.length % alignment !== 0) this.u8(0);
  }

  done(): Uint8Array {
    return new Uint8Array(this.bytes.buffer.slice(0, this.length));
  }
}

function pad(number: number): string {
  return String(number).padStart(5, '0');
}
