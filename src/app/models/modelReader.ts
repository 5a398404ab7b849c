/** From a path or a name to facts about a model, best source first; says which source it was. */
import { ggufFacts, trainedContext } from '../../models/ggufFacts';
import { parseHubModel } from '../../models/hubModel';
import { parseModelName } from '../../models/modelName';
import { parameterCount, summarizeWeights } from '../../models/weightSummary';
import { fail, ok, type Result } from '../../shared/failure';
import { formatBytes } from '../../shared/units';
import { cachedModelName, findCachedModel, mainSnapshot } from './huggingFaceCache';
import { ggufFilesOf, parentAndName, readGgufFile, readShard } from './modelFiles';
import { readModelFolder } from './modelFolder';
import type { ModelReading } from './modelReading';
import type { FileFacts, Files } from '../ports';
import { projectorBeside } from './projectorFile';

export interface ModelReaderOptions {
  /** Local Hugging Face caches (HF_HUB_CACHE, HF_HOME), best first. */
  readonly cacheFolders: readonly string[];
}

/**
 * Reads headers by range, never a whole weight file. A path that is missing or can't be read fails with `notFound` or
 * `unreadable`, a broken file with `invalid` and its name; a name that is nowhere on this machine is still an answer.
 */
export async function readModel(
  files: Files,
  pathOrName: string,
  options: ModelReaderOptions,
): Promise<Result<ModelReading>> {
  const wanted = pathOrName.trim();
  if (wanted === '') return fail('invalid', 'No model is named.');
  const path = wanted.startsWith('~/') ? files.join(files.homeFolder(), wanted.slice(2)) : wanted;
  const facts = await files.stat(path);
  if (facts?.kind === 'folder') return readFolder(files, path);
  if (facts?.kind === 'file') return readFile(files, path, facts);
  const isFileOnHub = (parseHubModel(wanted)?.file ?? null) !== null;
  if (isPath(wanted) && !isFileOnHub)
    return fail('notFound', `${wanted} is missing or can't be read.`);
  return readName(files, wanted, options);
}

/** A name has at most one `/` and is never absolute. */
function isPath(text: string): boolean {
  return (
    /^(\.{0,2}[/\\]|~|[A-Za-z]:[/\\])/.test(text) ||
    /\.(gguf|safetensors)$/i.test(text) ||
    text.includes('\\') ||
    text.split('/').length > 2 + (text.startsWith('hf.co/') ? 1 : 0)
  );
}

async function readFolder(files: Files, path: string): Promise<Result<ModelReading>> {
  const [, folderName] = parentAndName(path);
  const cachedName = cachedModelName(folderName);
  const snapshot = cachedName === null ? null : await mainSnapshot(files, path);
  if (snapshot !== null) return readPlainFolder(files, snapshot, cachedName ?? folderName);
  return readPlainFolder(files, path, nameOf(path));
}

/** `…/models--org--name/snapshots/<revision>` → `org/name`; else the last part of the path. */
function nameOf(path: string): string {
  const [parent, last] = parentAndName(path);
  const [model, snapshots] = parentAndName(parent);
  const cached = snapshots === 'snapshots' ? cachedModelName(parentAndName(model)[1]) : null;
  return cached ?? last;
}

async function readPlainFolder(
  files: Files,
  path: string,
  name: string,
): Promise<Result<ModelReading>> {
  const names = await files.list(path);
  const ggufs = ggufFilesOf(names);
  const hasShards = names.some((file) => file.endsWith('.safetensors') || file.endsWith('.bin'));
  const [only] = ggufs;
  if (!hasShards && only !== undefined) {
    if (ggufs.length === 1) return readGguf(files, files.join(path, only));
    return fail('invalid', `${path} holds ${ggufs.length} .gguf files (${only} …): choose one.`);
  }
  const folder = await readModelFolder(files, path, name);
  if (!folder.ok) return folder;
  if (folder.value) return ok(folder.value);
  const adapter = names.includes('adapter_config.json') ? ' (only a LoRA adapter)' : '';
  return fail(
    'notFound',
    `${path} holds no model${adapter}: no config.json, .safetensors, .bin or .gguf file.`,
  );
}

async function readFile(
  files: Files,
  path: string,
  facts: FileFacts,
): Promise<Result<ModelReading>> {
  const [parent, name] = parentAndName(path);
  if (name === 'config.json') return readFolder(files, parent);
  if (/\.gguf$/i.test(name) || (await startsAsGguf(files, path))) return readGguf(files, path);
  if (!name.endsWith('.safetensors'))
    return fail('invalid', `${path} is neither a model folder nor a .gguf or .safetensors file.`);
  const tensors = await readShard(files, path);
  if (!tensors.ok) return tensors;
  const weights = summarizeWeights(tensors.value);
  return ok({
    facts: { name, path, weights, parameterCount: parameterCount(weights) },
    basis: 'headers',
    longestContext: null,
    notes: [`One file of ${facts.sizeBytes} bytes; its shape is not known without a config.json.`],
  });
}

/** Ollama's blobs have no extension. */
async function startsAsGguf(files: Files, path: string): Promise<boolean> {
  const start = await files.readRange(path, 0, 4);
  return start.ok && new TextDecoder().decode(start.value) === 'GGUF';
}

async function readGguf(files: Files, path: string): Promise<Result<ModelReading>> {
  const header = await readGgufFile(files, path);
  if (!header.ok) return header;
  const gguf = ggufFacts(header.value);
  const projector = await projectorBeside(files, path);
  return ok({
    facts: {
      name: parentAndName(path)[1],
      path,
      gguf: projector ? { ...gguf, projector_bytes: projector.bytes } : gguf,
    },
    basis: 'gguf',
    longestContext: trainedContext(gguf),
    notes: projector
      ? [`${projector.name} lies beside it and is counted: ${formatBytes(projector.bytes)}.`]
      : [],
  });
}

/** From the local cache if it is there; the name itself says what it can otherwise. */
async function readName(
  files: Files,
  name: string,
  options: ModelReaderOptions,
): Promise<Result<ModelReading>> {
  const cached = await findCachedModel(files, name, options.cacheFolders);
  if (cached) {
    const reading = await readPlainFolder(files, cached.snapshot, name);
    if (reading.ok) return ok({ ...reading.value, facts: { ...reading.value.facts, name } });
    // A download that has only begun says no more than the name.
    if (reading.failure.reason !== 'notFound') return reading;
  }
  const { billions, quantization } = parseModelName(name);
  const stored = quantization === null ? '' : `, stored as ${quantization}`;
  const size =
    billions === null
      ? 'The name has no size: 7 GB is taken'
      : `Only the name is known: ${billions} billion parameters`;
  return ok({
    facts: { name },
    basis: billions === null ? 'default' : 'name',
    longestContext: null,
    notes: [`${size}${stored}.`],
  });
}
