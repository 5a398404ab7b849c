/** Where a GGUF's bytes go: each block, the output layer, the embedding that stays in RAM, and a vision projector. */
import { MIB } from '../../shared/units';
import type { ModelRequest } from '../../shared/planRequest';
import { around, exactly, type Bounded } from './bounded';
import { readMetadata } from './ggufMetadata';
import type { GgufShape } from './ggufShape';

export interface LayerWeights {
  /** One figure per block. */
  readonly blockBytes: readonly number[];
  /** Of each block's: routed experts, which from 0.30 on are the first to stay in RAM. */
  readonly expertBytes: readonly number[];
  /** The output layer: its own tensor, or a second copy of a tied embedding. */
  readonly outputBytes: number;
  /** Embedding and other tables that tokens are looked up in: always in RAM, also with every layer on the GPU. */
  readonly embeddingBytes: number;
  readonly projectorBytes: number;
  /** What the estimator reserves for the projector's own graph. */
  readonly projectorGraphBytes: number;
  /** Of the blocks that draft tokens: in `blockBytes`, but loaded only where drafting is on. */
  readonly draftBytes: number;
  /** All of the above on GPUs when everything is there and nothing is drafted. */
  readonly gpuBytes: number;
  /** Factors for the two ends of what is not known exactly. */
  readonly scale: Bounded;
  /** Where the figures come from, in words. */
  readonly source: string;
}

/** Bits per weight of the embedding and the output layer, by the file's own average; as llama-quantize chooses them. */
const EDGE_BITS: readonly {
  readonly fromBits: number;
  readonly embedding: number;
  readonly output: number;
}[] = [
  { fromBits: 30, embedding: 32, output: 32 },
  { fromBits: 13, embedding: 16, output: 16 },
  { fromBits: 7.5, embedding: 8.5, output: 8.5 },
  { fromBits: 6, embedding: 6.5625, output: 6.5625 },
  { fromBits: 5.2, embedding: 5.5, output: 6.5625 },
  { fromBits: 0, embedding: 4.5, output: 6.5625 },
];

/** gpt-oss keeps embedding and head in bf16 beside MXFP4 experts. */
const BF16_EDGES: ReadonlySet<string> = new Set(['gptoss', 'gpt-oss']);

/** Families whose head is the embedding (no `output.weight`); `upTo` = widest embedding that is tied in the family. */
const TIED_UP_TO_WIDTH: Readonly<Record<string, number>> = {
  gemma: Infinity,
  gemma2: Infinity,
  gemma3: Infinity,
  gemma3n: Infinity,
  gemma4: Infinity,
  'command-r': Infinity,
  cohere2: Infinity,
  granite: Infinity,
  llama: 3072,
  qwen2: 2048,
  qwen3: 2560,
  qwen35: 2560,
};

/** What the library's multimodal files carry inline, and the graph reserved for it; from logged estimates. */
const INLINE_VISION: Readonly<
  Record<string, { readonly fromBlocks: number; readonly bytes: number; readonly graph: number }>
> = {
  gemma3: { fromBlocks: 34, bytes: 795.9 * MIB, graph: 1024 * MIB },
  mistral3: { fromBlocks: 40, bytes: 769.3 * MIB, graph: 8.8 * 1024 * MIB },
};

/** null where no size of any kind is known. */
export function splitWeights(
  shape: GgufShape,
  model: Pick<ModelRequest, 'gguf' | 'weightsBytes'>,
): LayerWeights | null {
  const meta = readMetadata(model.gguf ?? {});
  const fileBytes = meta.count('fileBytes');
  const exact = meta.numbers('layer_bytes');
  const projector = projectorOf(shape, meta.count('projector_bytes'));
  if (exact?.length === shape.blockCount) {
    const embedding = meta.count('token_embd_bytes') ?? 0;
    const output = meta.count('output_bytes') ?? 0;
    const other = meta.count('other_bytes') ?? 0;
    return finish(shape, {
      blockBytes: exact,
      expertBytes:
        meta.numbers('expert_bytes')?.map((bytes, block) => Math.min(bytes, exact[block] ?? 0)) ??
        expertsOf(shape, exact),
      // A tied embedding is copied; the last norm goes with it. An encoder has no use for a copy.
      outputBytes: (output > 0 || shape.encodes ? output : embedding) + other,
      embeddingBytes: embedding + (meta.count('input_bytes') ?? 0),
      projectorBytes: meta.count('projector_bytes') ?? 0,
      projectorGraphBytes: meta.count('projector_bytes') === null ? 0 : projector.graph,
      scale: exactly(1),
      source: 'tensor sizes in the GGUF header',
    });
  }
  const loaded = model.weightsBytes ?? null;
  const total = loaded ?? fileBytes;
  if (total === null || total <= 0) return null;
  return splitTotal(shape, total, loaded !== null, projector);
}

function splitTotal(
  shape: GgufShape,
  totalBytes: number,
  loaded: boolean,
  projector: { bytes: number; graph: number },
): LayerWeights {
  const vocabulary = shape.vocabularySize ?? 128256;
  const edgeElements = vocabulary * shape.embeddingLength;
  const blocks = blockElements(shape, loaded);
  const blockSum = blocks.reduce((sum, elements) => sum + elements, 0);
  const tied = isTied(shape);
  // A file holds a tied embedding once, a loaded model's figure has neither the CPU's copy nor the untied embedding.
  const inFile = Math.max(0, totalBytes - projector.bytes);
  const bits = (8 * inFile) / (blockSum + edgeElements * (tied || loaded ? 1 : 2));
  const edges = EDGE_BITS.find((row) => bits >= row.fromBits);
  const bf16 = BF16_EDGES.has(shape.architecture);
  const headBytes = (edgeElements * (bf16 ? 16 : (edges?.output ?? 6.5625))) / 8;
  const ownEmbedding = (edgeElements * (bf16 ? 16 : (edges?.embedding ?? 4.5))) / 8;
  const outputBytes = shape.encodes ? 0 : headBytes;
  const embeddingBytes = tied ? headBytes : ownEmbedding;
  const blockBytes = Math.max(
    0.3 * inFile,
    inFile - headBytes - (tied || loaded ? 0 : embeddingBytes),
  );
  const bytes = blocks.map((elements) => (blockBytes * elements) / blockSum);
  return finish(shape, {
    blockBytes: bytes,
    expertBytes: expertsOf(shape, bytes),
    outputBytes,
    embeddingBytes,
    projectorBytes: projector.bytes,
    projectorGraphBytes: projector.graph,
    // The edges are between 4.5 and 8.5 bits whatever the label: a few percent of the whole.
    scale: shape.typical ? around(1, 0.9, 1.12) : around(1, 0.98, 1.03),
    source: loaded
      ? 'the size given for the weights, split by the shape of the layers'
      : 'the size of the file, split by the shape of the layers',
  });
}

function finish(
  shape: GgufShape,
  parts: Omit<LayerWeights, 'gpuBytes' | 'draftBytes'>,
): LayerWeights {
  const sum = (blocks: readonly number[]): number =>
    blocks.reduce((total, bytes) => total + bytes, 0);
  const drafting = parts.blockBytes.length - shape.draftBlocks;
  const blocks = sum(parts.blockBytes.slice(0, drafting));
  return {
    ...parts,
    draftBytes: sum(parts.blockBytes.slice(drafting)),
    gpuBytes: blocks + parts.outputBytes + parts.projectorBytes,
  };
}

function projectorOf(
  shape: GgufShape,
  given: number | null,
): { readonly bytes: number; readonly graph: number } {
  const known = INLINE_VISION[shape.architecture];
  const inline = known && shape.blockCount >= known.fromBlocks ? known : null;
  return { bytes: given ?? inline?.bytes ?? 0, graph: inline?.graph ?? 0 };
}

/** Weights of the whole model; the head apart where the family has one. */
export function elementsOf(shape: GgufShape): number {
  const edge = (shape.vocabularySize ?? 128256) * shape.embeddingLength;
  const blocks = blockElements(shape, false).reduce((sum, elements) => sum + elements, 0);
  return blocks + edge * (isTied(shape) ? 1 : 2);
}

const isTied = (shape: GgufShape): boolean =>
  shape.encodes || shape.embeddingLength <= (TIED_UP_TO_WIDTH[shape.architecture] ?? 0);

function expertsOf(shape: GgufShape, blockBytes: readonly number[]): number[] {
  const all = blockElements(shape, false);
  const rest = blockElements({ ...shape, expertFeedForwardLength: 0 }, false);
  return blockBytes.map((bytes, block) => bytes * (1 - (rest[block] ?? 0) / (all[block] ?? 1)));
}

/** Weights per block: attention and feed-forward, experts counted in full; leading dense blocks are smaller. */
function blockElements(shape: GgufShape, loaded: boolean): number[] {
  const { embeddingLength: width, headCount, keyLength, valueLength } = shape;
  const dense = 3 * width * (shape.feedForwardLength ?? 4 * width);
  // Beside dense blocks the width given is theirs; DeepSeek's experts are an eighth or a ninth of it.
  const expertWidth =
    shape.expertFeedForwardLength ??
    (shape.feedForwardLength ?? 4 * width) / (shape.leadingDenseBlocks > 0 ? 8.5 : 1);
  const experts = 3 * width * expertWidth * shape.expertCount + width * shape.expertCount;
  // What was loaded had no drafting blocks; the file has.
  const loadedBlocks = loaded ? shape.blockCount - shape.draftBlocks : shape.blockCount;
  return shape.layers.map((layer, index) => {
    if (index >= loadedBlocks) return 0;
    const keyValueHeads = layer.kind === 'recurrent' ? headCount : layer.keyValueHeads;
    const attention =
      width * headCount * keyLength +
      width * keyValueHeads * (keyLength + valueLength) +
      headCount * valueLength * width;
    const isExpert = shape.expertCount > 0 && index >= shape.leadingDenseBlocks;
    return attention + (isExpert ? experts : dense);
  });
}
