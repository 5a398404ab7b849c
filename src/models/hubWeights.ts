/** Weights on a hub, from the first bytes of a file: the whole safetensors header, an index cut anywhere, a GGUF's beginning. */
import { fail, ok, type Result } from '../shared/failure';
import type { ByteSource } from './byteSource';
import { ggufFacts, type GgufFacts } from './ggufFacts';
import { readGgufStart } from './gguf';
import { readSafetensorsHeader, type TensorInfo } from './safetensors';

const LENGTH_BYTES = 8;
/** The format's own limit for a header. */
const MAX_HEADER_BYTES = 100_000_000;

export type HubWeights =
  | { readonly kind: 'tensors'; readonly tensors: readonly TensorInfo[] }
  /** Only the sum is known; `why` in one sentence. */
  | { readonly kind: 'sum'; readonly bytes: number; readonly why: string };

/** The header's length; null where the file is too short for one, or its claim can't be. */
function headerBytes(start: Uint8Array): number | null {
  if (start.length < LENGTH_BYTES) return null;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const bytes = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  return bytes <= MAX_HEADER_BYTES ? bytes : null;
}

/** How much of a .safetensors file to read, having seen its first 8 bytes: its header, or no more than those. */
export function safetensorsStart(start: Uint8Array, limitBytes: number): number {
  const header = headerBytes(start);
  const wanted = header === null ? 0 : LENGTH_BYTES + header;
  return wanted > 0 && wanted <= limitBytes ? wanted : LENGTH_BYTES;
}

/**
 * `fileBytes`: null where the hub didn't tell, then the header is not checked against it. `invalid`, with what in the
 * header can't be. A header longer than what was read still tells the sum of all tensors, by the size of the file.
 */
export async function readHubSafetensors(
  bytes: Uint8Array,
  fileBytes: number | null,
): Promise<Result<HubWeights>> {
  const header = headerBytes(bytes);
  const isWhole = header !== null && bytes.length >= LENGTH_BYTES + header;
  if (header === null || isWhole || fileBytes === null || header > fileBytes - LENGTH_BYTES) {
    const tensors = await readSafetensorsHeader(sourceOf(bytes, fileBytes));
    return tensors.ok ? ok({ kind: 'tensors', tensors: tensors.value }) : tensors;
  }
  return ok({
    kind: 'sum',
    bytes: fileBytes - LENGTH_BYTES - header,
    why: `Its header of ${header} bytes is longer than what is read from a hub: sizes from the size of the file.`,
  });
}

/** Bytes behind what was read come back short, which readers report. */
function sourceOf(bytes: Uint8Array, fileBytes: number | null): ByteSource {
  return {
    size: fileBytes ?? Number.MAX_SAFE_INTEGER,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

export interface IndexStart {
  /** `metadata.total_size`: bytes of all tensors in all files. */
  readonly totalBytes: number;
  /** Newer indexes count the parameters as well. */
  readonly parameterCount: number | null;
  /** By the names of the files; null where none is in what was read. */
  readonly files: number | null;
}

/**
 * The beginning of `model.safetensors.index.json`, whose keys are written in order: metadata first. An index of a large
 * mixture of experts has 9 MB, and all that follows is which tensor is where.
 */
export function readIndexStart(text: string): Result<IndexStart> {
  if (!/^\s*\{/.test(text)) return fail('invalid', 'the index is not a JSON object');
  const metadata = /"metadata"\s*:\s*(\{[^{}]*\})/.exec(text)?.[1] ?? '';
  const totalBytes = numberIn(metadata, 'total_size');
  if (totalBytes === null)
    return fail('invalid', 'the index names no total_size where it is looked for');
  const files = /-\d{5}-of-(\d{5})\.safetensors"/.exec(text)?.[1];
  return ok({
    totalBytes,
    parameterCount: numberIn(metadata, 'total_parameters'),
    files: files === undefined ? null : Number(files),
  });
}

function numberIn(json: string, key: string): number | null {
  const value = Number(
    new RegExp(`"${key}"\\s*:\\s*"?(\\d{1,18}(?:\\.0+)?)"?\\s*[,}]`).exec(json)?.[1],
  );
  return Number.isFinite(value) && value > 0 ? value : null;
}

/**
 * What the beginning of a .gguf file tells: its shape, without its tensors, which lie behind the tokenizer. A part of a
 * split file says nothing about the size of the others, so it gets none.
 */
export async function readHubGguf(
  bytes: Uint8Array,
  fileBytes: number | null,
  name: string,
): Promise<Result<GgufFacts>> {
  const start = await readGgufStart(sourceOf(bytes, fileBytes), bytes.length);
  if (!start.ok) return start;
  const { fileBytes: whole, ...facts } = ggufFacts(start.value);
  const isPart = /-\d{5}-of-\d{5}\.gguf$/i.test(name);
  return ok(isPart || fileBytes === null ? facts : { ...facts, fileBytes: whole });
}
