/** Reads the header of a GGUF file: its metadata and the size of every tensor, never the tensors. */
import type { Result } from '../shared/failure';
import { ByteCursor } from './byteCursor';
import type { ByteSource } from './byteSource';
import { ggmlTensorBytes, ggmlType } from './ggmlTypes';
import { HeaderProblem, readingHeader } from './headerProblem';

export type GgufScalar = number | string | boolean;

/** A long array (a tokenizer's) is only counted. */
export type GgufValue = GgufScalar | readonly GgufScalar[] | { readonly length: number };

export interface GgufTensor {
  readonly name: string;
  /** ggml's name; `type 57` where this reader is older than the file. */
  readonly type: string;
  /** As stored: the row first. */
  readonly shape: readonly number[];
  readonly bytes: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Where the tensors begin. */
  readonly dataOffset: number;
  readonly fileBytes: number;
}

const MAGIC = 0x46554747;
/** Largest real headers are near 30 MiB (a 260k vocabulary with merges is 10). */
const MAX_HEADER_BYTES = 256 * 1024 * 1024;
const MAX_KEPT_ARRAY = 4096;
const MAX_KEPT_STRING_BYTES = 65_536;
const MAX_NAME_BYTES = 65_535;
const MAX_DIMS = 4;
/** Key length, type and one byte of value; name length, dims, type and offset. */
const LEAST_PAIR_BYTES = 13;
const LEAST_TENSOR_BYTES = 24;
const DEFAULT_ALIGNMENT_BYTES = 32;

const STRING = 8;
const ARRAY = 9;

/** Value types by number: bytes, and how to read one. 64-bit values beyond 2^53 are rounded. */
const SCALARS: readonly (
  { bytes: number; read: (view: DataView, offset: number) => number | boolean } | undefined
)[] = [
  { bytes: 1, read: (view, at) => view.getUint8(at) },
  { bytes: 1, read: (view, at) => view.getInt8(at) },
  { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  { bytes: 1, read: (view, at) => view.getUint8(at) !== 0 },
  undefined,
  undefined,
  { bytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
  { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
];

/** Fails with `invalid` and a sentence that says what in the header can't be. Versions 2 and 3, little endian. */
export function readGgufHeader(source: ByteSource): Promise<Result<GgufHeader>> {
  return readingHeader(async () => {
    const cursor = new ByteCursor(source, MAX_HEADER_BYTES);
    const { version, tensorCount, pairCount } = await readCounts(cursor, source);
    const metadata = await readMetadata(cursor, pairCount);
    const entries = await readEntries(cursor, tensorCount);
    const alignment = alignmentOf(metadata);
    const dataOffset = Math.ceil(cursor.position / alignment) * alignment;
    const tensors = placed(entries, source.size - dataOffset, alignment);
    return { version, metadata, tensors, dataOffset, fileBytes: source.size };
  });
}

/**
 * The metadata in the first `limitBytes`, without tensors: the model's own keys come first, a tokenizer of megabytes
 * after them. Fails with `invalid` where not even the architecture is among them.
 */
export function readGgufStart(source: ByteSource, limitBytes: number): Promise<Result<GgufHeader>> {
  return readingHeader(async () => {
    const cursor = new ByteCursor(source, limitBytes);
    const { version, pairCount } = await readCounts(cursor, source);
    const metadata = new Map<string, GgufValue>();
    try {
      await readMetadata(cursor, pairCount, metadata);
    } catch (error) {
      // where the start ends is where this is expected to stop
      if (!(error instanceof HeaderProblem) || !metadata.has('general.architecture')) throw error;
    }
    return { version, metadata, tensors: [], dataOffset: cursor.position, fileBytes: source.size };
  });
}

async function readCounts(
  cursor: ByteCursor,
  source: ByteSource,
): Promise<{ version: number; tensorCount: number; pairCount: number }> {
  await cursor.need(Math.min(24, source.size));
  if (source.size < 24 || cursor.u32() !== MAGIC) throw new HeaderProblem('it is not a GGUF file');
  const version = cursor.u32();
  if (version !== 2 && version !== 3)
    throw new HeaderProblem(
      version > 0xffff
        ? 'it is a big-endian GGUF file, which is not supported'
        : `it is GGUF version ${version}; 2 and 3 are supported`,
    );
  const tensorCount = cursor.u64();
  const pairCount = cursor.u64();
  if (tensorCount * LEAST_TENSOR_BYTES + pairCount * LEAST_PAIR_BYTES > cursor.ahead)
    throw new HeaderProblem(
      `it claims ${tensorCount} tensors and ${pairCount} keys, more than ${source.size} bytes can hold`,
    );
  return { version, tensorCount, pairCount };
}

async function readMetadata(
  cursor: ByteCursor,
  count: number,
  metadata = new Map<string, GgufValue>(),
): Promise<Map<string, GgufValue>> {
  for (let left = count; left > 0; left--) {
    const key = await readName(cursor, 'key');
    await cursor.need(4);
    const type = cursor.u32();
    if (metadata.has(key)) throw new HeaderProblem(`its header has the key ${shown(key)} twice`);
    metadata.set(key, await readValue(cursor, type, key, metadata));
  }
  return metadata;
}

async function readValue(
  cursor: ByteCursor,
  type: number,
  key: string,
  metadata: Map<string, GgufValue>,
): Promise<GgufValue> {
  if (type === STRING) return readString(cursor);
  if (type === ARRAY) return readArray(cursor, key, metadata);
  const scalar = SCALARS[type];
  if (!scalar) throw new HeaderProblem(`its key ${shown(key)} has the unknown type ${type}`);
  await cursor.need(scalar.bytes);
  return cursor.take(scalar.bytes, scalar.read);
}

/** A text too long to be a fact about the model (a licence, a chat template) is passed over. */
async function readString(cursor: ByteCursor): Promise<string> {
  await cursor.need(8);
  const length = cursor.u64();
  if (length > MAX_KEPT_STRING_BYTES) {
    cursor.skip(length);
    return '';
  }
  await cursor.need(length);
  return cursor.utf8(length);
}

async function readArray(
  cursor: ByteCursor,
  key: string,
  metadata: Map<string, GgufValue>,
): Promise<GgufValue> {
  await cursor.need(12);
  const type = cursor.u32();
  const length = cursor.u64();
  const scalar = SCALARS[type];
  const least = type === STRING ? 8 : scalar?.bytes;
  if (least === undefined)
    throw new HeaderProblem(`its key ${shown(key)} is an array of the unknown type ${type}`);
  if (length * least > cursor.ahead)
    throw new HeaderProblem(`its key ${shown(key)} claims ${length} entries`);
  if (length > MAX_KEPT_ARRAY) {
    // before its entries are passed over: a header cut in the middle of them still tells the size of the vocabulary
    metadata.set(key, { length });
    if (scalar) cursor.skip(length * scalar.bytes);
    else await cursor.skipStrings(length);
    return { length };
  }
  const values: GgufScalar[] = [];
  if (!scalar) for (let left = length; left > 0; left--) values.push(await readString(cursor));
  else {
    await cursor.need(length * scalar.bytes);
    for (let left = length; left > 0; left--) values.push(cursor.take(scalar.bytes, scalar.read));
  }
  return values;
}

async function readName(cursor: ByteCursor, what: string): Promise<string> {
  if (!cursor.has(8)) await cursor.need(8);
  const length = cursor.u64();
  if (length > MAX_NAME_BYTES)
    throw new HeaderProblem(`its header has a ${what} of ${length} bytes`);
  if (!cursor.has(length)) await cursor.need(length);
  return cursor.utf8(length);
}

interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly typeId: number;
  readonly offset: number;
}

async function readEntries(cursor: ByteCursor, count: number): Promise<TensorEntry[]> {
  const entries: TensorEntry[] = [];
  const names = new Set<string>();
  for (let left = count; left > 0; left--) {
    const name = await readName(cursor, 'tensor name');
    if (names.has(name)) throw new HeaderProblem(`its header has the tensor ${shown(name)} twice`);
    names.add(name);
    if (!cursor.has(4)) await cursor.need(4);
    const dims = cursor.u32();
    if (dims > MAX_DIMS) throw new HeaderProblem(`${shown(name)} has ${dims} dimensions`);
    const rest = dims * 8 + 12;
    if (!cursor.has(rest)) await cursor.need(rest);
    const shape: number[] = [];
    for (let dim = 0; dim < dims; dim++) shape.push(cursor.u64());
    entries.push({ name, shape, typeId: cursor.u32(), offset: cursor.u64() });
  }
  return entries;
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const value = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT_BYTES;
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 2 ** 20)
    return value;
  throw new HeaderProblem('its general.alignment is not a sensible number');
}

/** Sizes the tensors and checks that each lies in the file, aligned, on its own. */
function placed(
  entries: readonly TensorEntry[],
  dataBytes: number,
  alignment: number,
): GgufTensor[] {
  const sorted = [...entries].sort((a, b) => a.offset - b.offset);
  const bytesOf = new Map<TensorEntry, number>();
  sorted.forEach((entry, index) => {
    const next = sorted[index + 1]?.offset ?? Math.max(dataBytes, entry.offset);
    const type = ggmlType(entry.typeId);
    // A type newer than the table takes the room up to the next tensor.
    const bytes = type ? ggmlTensorBytes(type, entry.shape) : next - entry.offset;
    if (bytes === null)
      throw new HeaderProblem(
        `${shown(entry.name)} is ${type?.name ?? 'unknown'} [${entry.shape.join(', ')}], which can't be`,
      );
    if (entry.offset % alignment !== 0)
      throw new HeaderProblem(`${shown(entry.name)} is not aligned to ${alignment} bytes`);
    if (entry.offset + bytes > dataBytes)
      throw new HeaderProblem(
        `${shown(entry.name)} lies outside the file (bytes ${entry.offset} to ${entry.offset + bytes} of ${Math.max(0, dataBytes)})`,
      );
    if (index + 1 < sorted.length && entry.offset + bytes > next)
      throw new HeaderProblem(
        `${shown(entry.name)} and ${shown(sorted[index + 1]?.name ?? '')} overlap`,
      );
    bytesOf.set(entry, bytes);
  });
  return entries.map((entry) => ({
    name: entry.name,
    type: ggmlType(entry.typeId)?.name ?? `type ${entry.typeId}`,
    shape: entry.shape,
    bytes: bytesOf.get(entry) ?? 0,
  }));
}

function shown(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}
