/** Reads a model on a hub: config.json, then the start of its weights; of a sharded one the index instead. Or one .gguf file. */
import { readHfConfig, type HfShape } from '../../models/hfConfig';
import { trainedContext } from '../../models/ggufFacts';
import type { HubModel } from '../../models/hubModel';
import {
  readHubGguf,
  readHubSafetensors,
  readIndexStart,
  safetensorsStart,
} from '../../models/hubWeights';
import { parseJsonObject } from '../../shared/json';
import { fail, ok, type Failure, type Result } from '../../shared/failure';
import type { WeightSummary } from '../../shared/planRequest';
import type { HubRequests } from './hubRequests';
import { readingOf, summaryFor, type ModelReading } from './modelReading';

const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
/** The largest configs list every layer's kind or every skipped module: some 100 KB. */
const MAX_CONFIG_BYTES = 256 * 1024;
/** Of 64 shards it has 100 KB; what is needed stands in its first lines. */
const MAX_INDEX_BYTES = 128 * 1024;
/** The model's own keys of a .gguf file take 2 to 20 KB, before the tokenizer. */
const GGUF_BYTES = 128 * 1024;

export interface HubFound {
  readonly reading: ModelReading;
  readonly commit: string | null;
  /** Set where something that should be there could not be read now: nothing to keep. */
  readonly lacking: Failure | null;
}

/**
 * `unchanged`: the repository still stands at `knownCommit`, so that what was read of it holds. Fails as
 * {@link HubRequests.ask} does, and with badOutput where what came is no config or no .gguf file.
 */
export async function readFromHub(
  requests: HubRequests,
  model: HubModel,
  name: string,
  knownCommit: string | null,
): Promise<Result<HubFound | 'unchanged'>> {
  if (model.file !== null) return readGguf(requests, model.file, name);
  const part = await requests.ask(CONFIG, { maxBytes: MAX_CONFIG_BYTES });
  if (!part.ok) return part;
  const { commit, bytes } = part.value;
  if (knownCommit !== null && commit === knownCommit) return ok('unchanged');
  const config = parseObject(bytes);
  const shape = readHfConfig(config);
  if (!config || !shape) {
    const why = bytes.length >= MAX_CONFIG_BYTES ? 'is too large to be a config' : 'is none';
    return fail('badOutput', `The ${CONFIG} of ${model.repo} on ${requests.hub} ${why}.`);
  }
  const weights = await readWeights(requests, shape);
  if (!weights.ok) return weights;
  const { summary, weightsBytes, parameters, notes, lacking } = weights.value;
  const reading = readingOf({
    name,
    path: null,
    config,
    shape,
    summary,
    weightsBytes,
    parameters,
    // the tokenizer's own limit would be one more request
    longestContext: shape.maxLength,
    notes,
  });
  return ok({ reading, commit, lacking });
}

interface HubWeightFacts {
  readonly summary: WeightSummary | null;
  readonly weightsBytes: number | null;
  readonly parameters: number | null;
  readonly notes: readonly string[];
  readonly lacking: Failure | null;
}

const NOTHING = { summary: null, weightsBytes: null, parameters: null, lacking: null };

/** A failure only where the reading was cancelled: whatever else happens, the config alone is worth having. */
async function readWeights(requests: HubRequests, shape: HfShape): Promise<Result<HubWeightFacts>> {
  const part = await requests.ask(WEIGHTS, {
    maxBytes: Infinity,
    range: true,
    enough: safetensorsStart,
  });
  if (!part.ok) {
    return part.failure.reason === 'notFound' ? readIndex(requests, shape) : without(part.failure);
  }
  const read = await readHubSafetensors(part.value.bytes, part.value.fileBytes);
  if (!read.ok) {
    const detail = `${WEIGHTS} on ${requests.hub} can't be used: ${read.failure.detail}.`;
    return without({ ...read.failure, detail });
  }
  if (read.value.kind === 'tensors') {
    const summary = summaryFor(read.value.tensors, shape);
    return ok({ ...NOTHING, summary, notes: [] });
  }
  const { bytes: weightsBytes, why } = read.value;
  return ok({ ...NOTHING, ...sum(weightsBytes, null, shape), notes: [why] });
}

async function readIndex(requests: HubRequests, shape: HfShape): Promise<Result<HubWeightFacts>> {
  const part = await requests.ask(INDEX, { maxBytes: MAX_INDEX_BYTES, range: true });
  if (!part.ok) {
    if (part.failure.reason !== 'notFound') return without(part.failure);
    const note = 'No safetensors under their usual names: sizes from the config.';
    return ok({ ...NOTHING, notes: [note] });
  }
  const index = readIndexStart(new TextDecoder().decode(part.value.bytes));
  if (!index.ok) {
    const note = `${INDEX} can't be used: ${index.failure.detail}; sizes from the config.`;
    return ok({ ...NOTHING, notes: [note] });
  }
  const { totalBytes, parameterCount, files } = index.value;
  const of = files === null ? 'all files' : `${files} files`;
  const note = `The sum of ${of} by their index: how much of it is stored as what is not known.`;
  return ok({ ...NOTHING, ...sum(totalBytes, parameterCount, shape), notes: [note] });
}

function without(lacking: Failure): Result<HubWeightFacts> {
  if (lacking.reason === 'cancelled') return { ok: false, failure: lacking };
  const note = `${lacking.detail} Sizes from the config.`;
  return ok({ ...NOTHING, notes: [note], lacking });
}

const DTYPE_BYTES: Readonly<Record<string, number>> = { float32: 4, bfloat16: 2, float16: 2 };

/** Parameters by their number of bytes, where all are stored in the one dtype that the config names. */
function sum(
  weightsBytes: number,
  counted: number | null,
  { quantization, dtype }: HfShape,
): Pick<HubWeightFacts, 'weightsBytes' | 'parameters'> {
  const size = quantization ? undefined : DTYPE_BYTES[dtype ?? ''];
  const parameters = counted ?? (size === undefined ? null : Math.round(weightsBytes / size));
  return { weightsBytes, parameters };
}

async function readGguf(
  requests: HubRequests,
  file: string,
  name: string,
): Promise<Result<HubFound>> {
  const part = await requests.ask(file, { maxBytes: GGUF_BYTES, range: true });
  if (!part.ok) return part;
  const { bytes, fileBytes, commit } = part.value;
  const gguf = await readHubGguf(bytes, fileBytes, file);
  if (!gguf.ok) {
    return fail('badOutput', `${file} on ${requests.hub} can't be used: ${gguf.failure.detail}.`);
  }
  const note =
    gguf.value.fileBytes === undefined
      ? 'Only the start of the file was read, and its size is not known.'
      : 'Only the start of the file was read: its layers are taken to be of equal size.';
  const reading: ModelReading = {
    facts: { name, gguf: gguf.value },
    basis: 'gguf',
    longestContext: trainedContext(gguf.value),
    notes: [note],
  };
  return ok({ reading, commit, lacking: null });
}

const parseObject = (bytes: Uint8Array): Record<string, unknown> | null =>
  parseJsonObject(new TextDecoder().decode(bytes));
