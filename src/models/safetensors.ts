/** Reads what a .safetensors file says about its tensors: the header only, checked against the size of the file. */
import * as z from 'zod/mini';
import { parseJson, parseJsonObject } from '../shared/json';
import { fail, ok, type Result } from '../shared/failure';
import type { ByteSource } from './byteSource';
import { HeaderProblem, readingHeader } from './headerProblem';
import { findDuplicateKey } from './jsonKeys';

export interface TensorInfo {
  readonly name: string;
  /** As the header names it: BF16, F8_E4M3, U8 … */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** The format's own limit (safetensors' MAX_HEADER_SIZE). */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;

const BITS: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
};

const size = z.int().check(z.gte(0));
const tensorSchema = z.object({
  dtype: z.string().check(z.minLength(1), z.maxLength(32)),
  shape: z.array(size).check(z.maxLength(16)),
  data_offsets: z.tuple([size, size]),
});

/** Fails with `invalid` and a sentence that says what in the header can't be. Reads nothing behind the header. */
export function readSafetensorsHeader(source: ByteSource): Promise<Result<readonly TensorInfo[]>> {
  return readingHeader(async () => {
    const header = await headerText(source);
    return tensorsOf(header.text, source.size - LENGTH_BYTES - header.bytes);
  });
}

async function headerText(source: ByteSource): Promise<{ text: string; bytes: number }> {
  const start = await source.read(0, LENGTH_BYTES);
  if (start.length < LENGTH_BYTES)
    throw new HeaderProblem(`it is too short for a header (${source.size} bytes)`);
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const bytes = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (bytes > MAX_HEADER_BYTES || bytes > source.size - LENGTH_BYTES)
    throw new HeaderProblem(
      `its header claims ${bytes} bytes (the file has ${source.size}, the format allows ${MAX_HEADER_BYTES})`,
    );
  const header = await source.read(LENGTH_BYTES, bytes);
  if (header.length < bytes) throw new HeaderProblem('its header could not be read to the end');
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(header), bytes };
  } catch {
    throw new HeaderProblem('its header is not UTF-8');
  }
}

function tensorsOf(text: string, dataBytes: number): TensorInfo[] {
  const parsed = parseObject(text);
  const duplicate = findDuplicateKey(text);
  if (duplicate !== null) throw new HeaderProblem(`its header has ${shown(duplicate)} twice`);
  const placed: { tensor: TensorInfo; begin: number; end: number }[] = [];
  for (const [name, entry] of Object.entries(parsed)) {
    if (name === '__metadata__') continue;
    const result = z.safeParse(tensorSchema, entry);
    if (!result.success) throw new HeaderProblem(`its header describes ${shown(name)} wrongly`);
    const { dtype, shape, data_offsets: offsets } = result.data;
    const [begin, end] = offsets;
    if (begin > end || end > dataBytes)
      throw new HeaderProblem(
        `${shown(name)} lies outside the file (bytes ${begin} to ${end} of ${dataBytes})`,
      );
    checkSize(name, dtype, shape, end - begin);
    placed.push({ tensor: { name, dtype, shape, bytes: end - begin }, begin, end });
  }
  checkOverlaps(placed);
  return placed.map(({ tensor }) => tensor);
}

function checkSize(name: string, dtype: string, shape: readonly number[], bytes: number): void {
  const elements = shape.reduce((product, dim) => product * dim, 1);
  const bits = BITS[dtype];
  // A dtype of a later version of the format is taken at its word.
  if (bits === undefined || elements * bits === bytes * 8) return;
  throw new HeaderProblem(
    `${shown(name)} is ${dtype} [${shape.join(', ')}] but has ${bytes} bytes`,
  );
}

function checkOverlaps(placed: { tensor: TensorInfo; begin: number; end: number }[]): void {
  const sorted = placed.filter(({ begin, end }) => end > begin).sort((a, b) => a.begin - b.begin);
  for (let index = 1; index < sorted.length; index++) {
    const before = sorted[index - 1];
    const here = sorted[index];
    if (before && here && here.begin < before.end)
      throw new HeaderProblem(
        `${shown(before.tensor.name)} and ${shown(here.tensor.name)} overlap`,
      );
  }
}

function parseObject(text: string): Record<string, unknown> {
  const header = parseJsonObject(text);
  if (!header) throw new HeaderProblem('its header is not a JSON object');
  return header;
}

const indexSchema = z.object({
  metadata: z.optional(z.nullable(z.object({ total_size: z.optional(z.nullable(z.number())) }))),
  weight_map: z.record(z.string(), z.string()),
});

export interface SafetensorsIndex {
  /** Names of the shards, each once, in order of first use. */
  readonly files: readonly string[];
  readonly tensorCount: number;
  /** `metadata.total_size`: bytes of all tensors as the writer counted them. */
  readonly totalBytes: number | null;
}

/** Reads `model.safetensors.index.json`. Shards must lie in the same folder. */
export function parseSafetensorsIndex(text: string): Result<SafetensorsIndex> {
  const json = parseJson(text);
  if (json === undefined) return fail('invalid', 'the index is not JSON');
  const parsed = z.safeParse(indexSchema, json);
  if (!parsed.success) return fail('invalid', 'the index has no usable weight_map');
  const names = Object.values(parsed.data.weight_map);
  const files = [...new Set(names)];
  const outside = files.find((file) => /[/\\]|^\.\.?$|^$/.test(file));
  if (outside !== undefined)
    return fail('invalid', `the index names ${shown(outside)}, which is not a file beside it`);
  const totalBytes = parsed.data.metadata?.total_size ?? null;
  return ok({
    files,
    tensorCount: names.length,
    totalBytes: totalBytes !== null && totalBytes > 0 ? totalBytes : null,
  });
}

function shown(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}
