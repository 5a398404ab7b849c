/**
 * Every number of the vLLM planner that was fitted to recorded starts (or taken from a documented measurement), with what
 * it stands for and what it was fitted to. `npm run score` fits each again without one family at a time.
 */

export interface FittedNumber {
  /** The likely value. */
  readonly value: number;
}

export interface FittedRange extends FittedNumber {
  /** What the true one may be. */
  readonly low: number;
  readonly high: number;
}

export interface FittedFact extends FittedNumber {
  readonly low?: number;
  readonly high?: number;
  readonly unit: string;
  /** Why there is such a number at all. */
  readonly reason: string;
  /** Ids of the recorded starts it was fitted to; none: it comes from the source that `reason` names. */
  readonly cases: readonly string[];
}

const facts = {
  sortedSampler: {
    value: 38.2,
    low: 34.4,
    high: 40.5,
    unit: 'bytes per logit',
    reason:
      'the dummy sampling step at its peak: fp32 and 16-bit logits, sorted values, int64 indices, probabilities, running sum',
    cases: [
      ...['d-005', 'd-012', 'd-014', 'd-019', 'd-020', 'd-021', 'd-023', 'd-036', 'd-043'],
      ...['d-044', 'd-046', 'd-048', 'd-049', 'd-053'],
    ],
  },
  flashinferSampler: {
    value: 12,
    low: 10,
    high: 18.5,
    unit: 'bytes per logit',
    reason:
      'FlashInfer samples without sorting: three fp32 buffers (logits, probabilities, a copy)',
    cases: ['d-001', 'd-010', 'd-011', 'd-018', 'd-034', 'd-035', 'd-042', 'd-072'],
  },
  leanSampler: {
    value: 6.1,
    low: 4.1,
    high: 18.5,
    unit: 'bytes per logit',
    reason:
      'Model Runner V2 samples its dummies from the 16-bit logits; 4.1 bytes of counts for penalties stay (source, 0.28 to 0.32; no recorded start yet)',
    cases: [],
  },
  keptHidden: {
    value: 1.3,
    unit: 'batched tokens × hidden size, in elements of the model dtype',
    reason: 'the final hidden states live on while the last step samples',
    cases: ['d-023', 'd-046', 'd-048', 'd-051'],
  },
  transformerHidden: {
    value: 3.5,
    unit: 'hidden states per batched token, beside the MLP',
    reason: 'residual, normed input, attention output and the query, key and value of one layer',
    cases: ['d-051', 'd-063'],
  },
  graphPerLayer: {
    value: 12.8,
    unit: 'MiB per layer for the whole list of captured sizes',
    reason: 'each captured size keeps its kernels and static buffers for every layer',
    cases: ['d-017', 'd-033', 'd-034', 'd-035', 'd-042', 'd-084'],
  },
  graphBase: {
    value: 50,
    unit: 'MiB',
    reason: "the graphs' own memory pool before the first layer",
    cases: ['d-045', 'd-054', 'd-063'],
  },
  graphExperts: {
    value: 1.3,
    unit: 'times a dense layer',
    reason: 'expert and latent-attention layers are several kernels each',
    cases: ['d-001', 'd-007', 'd-008', 'd-014', 'd-032', 'd-061', 'd-062', 'd-063', 'd-076'],
  },
  graphParallel: {
    value: 1.4,
    unit: 'times one GPU',
    reason: 'collectives register their buffers in every graph',
    cases: ['d-010', 'd-037', 'd-050'],
  },
  graphLora: {
    value: 2,
    unit: 'times without adapters',
    reason: 'each size is captured with and without adapters',
    cases: ['d-018', 'd-055'],
  },
  graphLoraBase: {
    value: 680,
    unit: 'MiB',
    reason: "static buffers of the adapters' kernels for the largest captured batch",
    cases: ['d-018', 'd-055'],
  },
  graphLoraV0: {
    value: 1.35,
    unit: 'times without adapters, V0',
    reason: 'V0 captured one graph per size, adapters included',
    cases: ['d-019', 'd-020', 'd-053'],
  },
  graphSpread: {
    value: 1,
    low: 0.05,
    high: 2.4,
    unit: 'times the estimate',
    reason:
      'kernels of quantized, expert, hybrid and image models differ; the allocator may give back profile memory',
    cases: ['d-018', 'd-031', 'd-038', 'd-055', 'd-075', 'd-081'],
  },
  graphSpreadPlain: {
    value: 1,
    low: 0.05,
    high: 1.4,
    unit: 'times the estimate',
    reason:
      'plain dense models were within a quarter; memory given back is negative in 0.11 and 0.12',
    cases: ['d-017', 'd-023', 'd-033', 'd-034', 'd-042', 'd-048', 'd-084'],
  },
  nonTorchDataCentre: {
    value: 0.13,
    low: 0.02,
    high: 0.25,
    unit: 'GiB',
    reason: 'library workspaces (cuBLAS takes 32 MiB and more on compute capability 9 and up)',
    cases: ['d-012', 'd-014', 'd-019', 'd-023', 'd-030', 'd-046', 'd-048'],
  },
  nonTorchOther: {
    value: 0.05,
    low: 0.02,
    high: 0.25,
    unit: 'GiB',
    reason: 'library workspaces of smaller cards',
    cases: ['d-020', 'd-043', 'd-044', 'd-051', 'd-053'],
  },
  nonTorchLinked: {
    value: 0.41,
    low: 0.18,
    high: 0.95,
    unit: 'GiB more on several GPUs with NVLink',
    reason: 'NCCL channels and custom all-reduce buffers allocated after the snapshot',
    cases: ['d-021', 'd-049'],
  },
  nonTorchBus: {
    value: 0.25,
    low: 0.18,
    high: 0.6,
    unit: 'GiB more on several GPUs over PCIe',
    reason: 'fewer NCCL channels without NVLink',
    cases: ['d-040'],
  },
  encoderFixed: {
    value: 1.8,
    low: 0.2,
    high: 5,
    unit: 'GiB',
    reason: 'the profile runs the encoder on images of its one size',
    cases: ['d-007', 'd-008', 'd-009'],
  },
  encoderPerToken: {
    value: 0.25,
    low: 0.012,
    high: 0.35,
    unit: 'MiB per encoded token, over the TP group',
    reason: 'the profile runs the encoder on the largest image its preprocessor lets through',
    cases: ['d-003', 'd-004', 'd-030', 'd-068', 'd-069', 'd-076', 'd-081', 'd-082'],
  },
  gdnOvercharge: {
    value: 0.21,
    low: 0.16,
    high: 0.26,
    unit: 'share of the pool',
    reason: 'the graph profile of Gated-DeltaNet models counts state twice: vLLM issue #50780',
    cases: [],
  },
  slack: {
    value: 0.1,
    unit: 'GiB',
    reason: 'free-before minus free-after counts blocks the allocator keeps: vLLM #49208',
    cases: [],
  },
  context: {
    value: 0.45,
    low: 0.3,
    high: 0.6,
    unit: 'GiB',
    reason: 'the CUDA context of the worker: 0.4 on A100, 0.7 on B200 (vLLM reference 1.1)',
    cases: [],
  },
  contextParallel: {
    value: 0.2,
    low: 0,
    high: 0.6,
    unit: 'GiB more under tensor parallel',
    reason: 'NCCL buffers from before the snapshot: 0.2 to 1 (vLLM reference 1.3)',
    cases: [],
  },
} satisfies Record<string, FittedFact>;

export type FittedName = keyof typeof facts;
export type FittedNumbers = {
  readonly [Name in FittedName]: (typeof facts)[Name] extends { low: number }
    ? FittedRange
    : FittedNumber;
};

export const FITTED: FittedNumbers = facts;
export const FITTED_FACTS: Readonly<Record<FittedName, FittedFact>> = facts;
