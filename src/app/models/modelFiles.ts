/** Which files of a folder are the model, and reading their headers through the Files port. */
import type { ByteSource } from '../../models/byteSource';
import { readGgufHeader, type GgufHeader } from '../../models/gguf';
import { readSafetensorsHeader, type TensorInfo } from '../../models/safetensors';
import { fail, ok, type Result } from '../../shared/failure';
import type { Files } from '../ports';

/** One read that holds the whole header of most files (200 tensors take about 25 KB). */
const PREFETCH_BYTES = 64 * 1024;

/** A file as header readers want it; what can't be read comes back short, which they report. */
function fileSource(files: Files, path: string, size: number): ByteSource {
  let start: Promise<Uint8Array> | null = null;
  const range = async (offset: number, length: number): Promise<Uint8Array> => {
    const bytes = await files.readRange(path, offset, length);
    return bytes.ok ? bytes.value : new Uint8Array(0);
  };
  return {
    size,
    async read(offset, length) {
      if (offset + length > Math.min(size, PREFETCH_BYTES)) return range(offset, length);
      start ??= range(0, Math.min(size, PREFETCH_BYTES));
      return (await start).subarray(offset, offset + length);
    },
  };
}

/** Shards to read where no index names them: the transformers layout before Mistral's own copy of the same weights. */
export function weightFilesOf(names: readonly string[]): string[] {
  const all = names.filter((name) => name.endsWith('.safetensors') && !name.startsWith('adapter_'));
  const named = all.filter((name) => name.startsWith('model'));
  if (named.length > 0) return named.sort();
  const others = all.filter((name) => !name.startsWith('consolidated'));
  return (others.length > 0 ? others : all).sort();
}

/** PyTorch checkpoints; the trainer's own files are not weights. */
export function pickledFilesOf(names: readonly string[]): string[] {
  return names
    .filter((name) => /\.(bin|pt|pth)$/.test(name))
    .filter((name) => !/^(training_args|optimizer|scheduler|rng_state|adapter_|scaler)/.test(name));
}

/** Model files of a folder without projectors; of a split one only the first part. */
export function ggufFilesOf(names: readonly string[]): string[] {
  return names
    .filter((name) => /\.gguf$/i.test(name) && !/mmproj/i.test(name))
    .filter((name) => (splitPart(name)?.part ?? 1) === 1)
    .sort();
}

/** `x-00001-of-00003.gguf` → part 1 of 3. */
function splitPart(name: string): { stem: string; part: number; parts: number } | null {
  const match = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i.exec(name);
  return match ? { stem: match[1] ?? '', part: Number(match[2]), parts: Number(match[3]) } : null;
}

const MAX_PARTS = 1000;

/**
 * Reads the header of a .gguf file, those of all parts of a split one as if they were one file. Fails with notFound where
 * the file or a part is missing, with invalid where one is broken; both name the file.
 */
export async function readGgufFile(files: Files, path: string): Promise<Result<GgufHeader>> {
  const [folder, name] = parentAndName(path);
  const split = splitPart(name);
  if (!split) return readOneGguf(files, path);
  if (split.parts > MAX_PARTS || split.parts < 1)
    return fail('invalid', `${path} claims to be one of ${split.parts} parts.`);
  const parts: GgufHeader[] = [];
  for (let part = 1; part <= split.parts; part++) {
    const number = String(part).padStart(5, '0');
    const total = String(split.parts).padStart(5, '0');
    const header = await readOneGguf(
      files,
      files.join(folder, `${split.stem}-${number}-of-${total}.gguf`),
    );
    if (!header.ok) return header;
    parts.push(header.value);
  }
  const first = parts[0];
  if (!first) return fail('invalid', `${path} has no parts.`);
  return ok({
    ...first,
    tensors: parts.flatMap((part) => part.tensors),
    fileBytes: parts.reduce((sum, part) => sum + part.fileBytes, 0),
  });
}

async function readOneGguf(files: Files, path: string): Promise<Result<GgufHeader>> {
  const facts = await files.stat(path);
  if (facts?.kind !== 'file') return fail('notFound', `${path} is missing.`);
  const header = await readGgufHeader(fileSource(files, path, facts.sizeBytes));
  return header.ok ? header : fail('invalid', `${path} can't be used: ${header.failure.detail}.`);
}

/** The tensors that a .safetensors file lists. Fails with notFound or invalid, and names the file. */
export async function readShard(
  files: Files,
  path: string,
): Promise<Result<readonly TensorInfo[]>> {
  const facts = await files.stat(path);
  if (facts?.kind !== 'file') return fail('notFound', `${path} is missing.`);
  const tensors = await readSafetensorsHeader(fileSource(files, path, facts.sizeBytes));
  return tensors.ok
    ? tensors
    : fail('invalid', `${path} can't be used: ${tensors.failure.detail}.`);
}

/** Bytes of the files that are there; links are followed. */
export async function totalSize(
  files: Files,
  folder: string,
  names: readonly string[],
): Promise<number> {
  const facts = await Promise.all(names.map((name) => files.stat(files.join(folder, name))));
  return facts.reduce((sum, one) => sum + (one?.kind === 'file' ? one.sizeBytes : 0), 0);
}

/** `/models/qwen/` → `['/models', 'qwen']`, with either kind of slash; the parent of a bare name is `.`. */
export function parentAndName(path: string): readonly [string, string] {
  const trimmed = path.replace(/[/\\]+$/, '');
  const cut = Math.max(trimmed.lastIndexOf('/'), trimmed.lastIndexOf('\\'));
  if (cut < 0) return ['.', trimmed];
  return [trimmed.slice(0, cut) || trimmed.slice(0, 1), trimmed.slice(cut + 1)];
}
