/** Reads a model folder in the Hugging Face layout: config.json, and the headers of its weight files. */
import { readHfConfig, type HfShape } from '../../models/hfConfig';
import { parseSafetensorsIndex, type TensorInfo } from '../../models/safetensors';
import { parseJsonObject } from '../../shared/json';
import { fail, ok, type Result } from '../../shared/failure';
import type { WeightSummary } from '../../shared/planRequest';
import { pickledFilesOf, readShard, totalSize, weightFilesOf } from './modelFiles';
import { readingOf, summaryFor, type ModelReading } from './modelReading';
import type { Files } from '../ports';

const INDEX = 'model.safetensors.index.json';
const MAX_CONFIG_BYTES = 8 * 1024 * 1024;
const MAX_INDEX_BYTES = 64 * 1024 * 1024;

/**
 * null: the folder has neither a config.json nor weights of this layout. Fails with unreadable or invalid, and names the
 * file.
 */
export async function readModelFolder(
  files: Files,
  folder: string,
  name: string,
): Promise<Result<ModelReading | null>> {
  const names = await files.list(folder);
  const config = names.includes('config.json')
    ? await readConfig(files, folder, names)
    : ok<Record<string, unknown> | null>(null);
  if (!config.ok) return config;
  const shape = readHfConfig(config.value);
  const weights = await readWeights(files, folder, names, shape);
  if (!weights.ok) return weights;
  const { summary, weightsBytes, notes } = weights.value;
  if (!config.value && !summary && weightsBytes === null) return ok(null);
  if (config.value && !shape && !summary && weightsBytes === null)
    return fail('invalid', `${files.join(folder, 'config.json')} describes no model.`);
  return ok(
    readingOf({
      name,
      path: folder,
      config: config.value,
      shape,
      summary,
      weightsBytes,
      longestContext: await longestContext(files, folder, shape),
      notes,
    }),
  );
}

async function readConfig(
  files: Files,
  folder: string,
  names: readonly string[],
): Promise<Result<Record<string, unknown> | null>> {
  const config = await readObject(files, files.join(folder, 'config.json'));
  if (!config.ok || !names.includes('hf_quant_config.json')) return config;
  if ((config.value.quantization_config ?? null) !== null) return config;
  // modelopt's checkpoints of 2024 describe their quantization in a file of its own; vLLM reads it the same way.
  const quantization = await readObject(files, files.join(folder, 'hf_quant_config.json'));
  return quantization.ok
    ? ok({ ...config.value, quantization_config: quantization.value })
    : quantization;
}

async function readObject(files: Files, path: string): Promise<Result<Record<string, unknown>>> {
  const text = await files.readText(path, MAX_CONFIG_BYTES);
  if (!text.ok) return fail('unreadable', `${path} can't be read: ${text.failure.detail}`);
  const value = parseJsonObject(text.value);
  return value ? ok(value) : fail('invalid', `${path} is not a JSON object.`);
}

interface FolderWeights {
  /** Sum of all headers; null where there are none to read. */
  readonly summary: WeightSummary | null;
  /** Only where the headers are missing: bytes from file sizes or from the index. */
  readonly weightsBytes: number | null;
  readonly notes: readonly string[];
}

async function readWeights(
  files: Files,
  folder: string,
  names: readonly string[],
  shape: HfShape | null,
): Promise<Result<FolderWeights>> {
  const shards = await shardsOf(files, folder, names);
  if (!shards.ok) return shards;
  const missing = shards.value.files.filter((file) => !names.includes(file));
  if (missing.length > 0 && shards.value.totalBytes !== null)
    return ok({
      summary: null,
      weightsBytes: shards.value.totalBytes,
      notes: [
        `${missing.length} of ${shards.value.files.length} weight files are not here (${missing[0] ?? ''}); sizes from the index.`,
      ],
    });
  if (shards.value.files.length > 0) return readShards(files, folder, shards.value.files, shape);
  const pickled = pickledFilesOf(names);
  const bytes = await totalSize(files, folder, pickled);
  return ok({
    summary: null,
    weightsBytes: bytes > 0 ? bytes : null,
    notes: bytes > 0 ? [`Weights by the size of ${pickled.length} PyTorch files.`] : [],
  });
}

async function shardsOf(
  files: Files,
  folder: string,
  names: readonly string[],
): Promise<Result<{ files: readonly string[]; totalBytes: number | null }>> {
  if (!names.includes(INDEX)) return ok({ files: weightFilesOf(names), totalBytes: null });
  const path = files.join(folder, INDEX);
  const text = await files.readText(path, MAX_INDEX_BYTES);
  if (!text.ok) return fail('unreadable', `${path} can't be read: ${text.failure.detail}`);
  const index = parseSafetensorsIndex(text.value);
  return index.ok ? index : fail('invalid', `${path} can't be used: ${index.failure.detail}.`);
}

async function readShards(
  files: Files,
  folder: string,
  shards: readonly string[],
  shape: HfShape | null,
): Promise<Result<FolderWeights>> {
  const tensors = new Map<string, TensorInfo>();
  let repeated = 0;
  for (const shard of shards) {
    const read = await readShard(files, files.join(folder, shard));
    if (!read.ok) return read;
    for (const tensor of read.value) {
      if (tensors.has(tensor.name)) repeated += 1;
      tensors.set(tensor.name, tensor);
    }
  }
  return ok({
    summary: summaryFor([...tensors.values()], shape),
    weightsBytes: null,
    notes: repeated > 0 ? [`${repeated} tensors are in more than one file; counted once.`] : [],
  });
}

/** The config's own length, capped by the tokenizer's as vLLM does. */
async function longestContext(
  files: Files,
  folder: string,
  shape: HfShape | null,
): Promise<number | null> {
  if (!shape?.maxLength) return null;
  const tokenizer = await readObject(files, files.join(folder, 'tokenizer_config.json'));
  const cap = tokenizer.ok ? tokenizer.value.model_max_length : null;
  // 1e30 is transformers' way of saying "no limit".
  return typeof cap === 'number' && cap >= 1 ? Math.min(shape.maxLength, cap) : shape.maxLength;
}
