/** What differs between vLLM versions, and how it was in the oldest; which version changed what: versions.ts. */
export interface VllmRules {
  /** V0 ran everywhere up to 0.7 and on GPUs older than capability 8.0 up to 0.10.1. */
  readonly engine: 'v0' | 'v0OnOldGpus' | 'v1';
  /** Pipeline parallelism brings V0 back. */
  readonly pipelinesOnV0: boolean;
  readonly defaultUtilization: number;
  /** The worker refuses to start when free < total × utilization. */
  readonly freeCheck: boolean;
  /** Whatever other processes hold is billed to this one. */
  readonly chargesOthers: boolean;
  /** Communication is set up before the memory snapshot: its buffers are no part of the budget. */
  readonly linksBeforeSnapshot: boolean;
  /** `ceil(total × utilization)` instead of the floor. */
  readonly roundsBudgetUp: boolean;
  /** Sliding-window layers get their own, smaller groups. */
  readonly hybridManager: boolean;
  /** Largest/smallest bucket below which the largest sets the group size. */
  readonly groupSizeRatio: number;
  /** V1 model runner: is the CUDA-graph estimate taken from the budget? */
  readonly graphsInBudget: boolean;
  /** Models that run on Model Runner V2. */
  readonly runnerV2: 'none' | 'qwen3Dense' | 'fewDense' | 'moreDense' | 'dense' | 'all';
  /** Does the V2 runner take an estimate from the budget too? */
  readonly runnerV2GraphsInBudget: boolean;
  /** Window layers reserve for `batches in flight × max_num_batched_tokens`, before for one batch. */
  readonly reservesInFlightBatches: boolean;
  readonly asyncScheduling: boolean;
  /** With drafts from n-grams too. */
  readonly asyncNgrams: boolean;
  /** With pipeline parallelism: never, on Model Runner V2 only, on both. */
  readonly asyncPipelines: 'none' | 'runnerV2' | 'all';
  readonly tokensShown: 'blocks' | 'concurrency';
  /** Block 0 cannot be used, and the fit check knows it. */
  readonly nullBlock: boolean;
  /** Each group packs its own layers densely; groups overlay. */
  readonly packedLayout: boolean;
  /** Chunked attention keeps its own groups instead of being charged as full attention. */
  readonly chunkedGroups: boolean;
  /** Window layers take the blocks of the full ones, or the smallest that their kernel reads. */
  readonly slidingBlock: 'primary' | 'kernel';
  /** Kernel that reads latent vectors on Hopper and Blackwell; decides their block. */
  readonly latentKernel: 'flashMla' | 'flashAttention';
  /** Fp8 heads of 512 are read in blocks of 64 tokens on Hopper. */
  readonly widePagesForFp8: boolean;
  /** Mamba-2 prefills leave one more state at a block's end. */
  readonly stateCheckpoints: boolean;
  /** Qwen3-VL's and Qwen3.5's rotary table is four times as long as the context, for the positions of long videos. */
  readonly longImageRotary: boolean;
  /** Mamba and linear-attention models cache prefixes unless told otherwise. */
  readonly hybridPrefixCaching: boolean;
  /** null: depends on whether the FlashInfer package is installed. */
  readonly flashinferSampler: boolean | null;
  readonly samplerSharded: boolean;
  /** Model Runner V2 profiles its sampler with dummies that ask for nothing: no fp32 copy of the logits. */
  readonly leanSampler: boolean;
  /** The profile bills allocator slack as well. */
  readonly billsSlack: boolean;
  /** The graph profile of Gated-DeltaNet models takes a fifth of the pool. */
  readonly overchargesGdn: boolean;
  /** From 256 on every 8 or every 16; coarse lists also end at the batched tokens. */
  readonly captureStep: 'fine' | 'coarse';
  /** What limits the largest capture by default: nothing but 512, twice the sequences, or twice the tokens they decode. */
  readonly capturesBy: 'fixed' | 'sequences' | 'decodeTokens';
  /** Largest capture of gpt-oss, whatever its sequences; null: as other models. */
  readonly gptOssCapture: number | null;
  /** Data-centre Blackwell captures up to 1,024. */
  readonly blackwellCaptures: boolean;
  /** The batched tokens are captured as well, where they are within the limit. */
  readonly capturesTokens: boolean;
  /** Whole decode batches are captured as well: none, those of speculative decoding, all. */
  readonly capturesDecodes: 'none' | 'speculative' | 'all';
  /** Default batched tokens are no more than sequences × length, and default sequences no more than these. */
  readonly limitsTokensToSeqs: boolean;
  /** Sequences by default where the card is small; big cards see `settings.ts`. */
  readonly seqsOnSmallCards: number;
  /** GB10 has the memory of a big card and counts as a small one. */
  readonly gb10IsSmall: boolean;
  /** Cards of at least 160 GiB take 16,384 batched tokens. */
  readonly hugeCardTier: boolean;
  readonly bitsandbytes: 'withLoadFormat' | 'builtIn' | 'plugin';
  /** FP8 on the fly holds the whole 16-bit checkpoint first. */
  readonly onlineFp8LoadsWhole: boolean;
  readonly kvCacheMemoryFlag: boolean;
  readonly mambaSeqsCheck: boolean;
}

/** Before the first row of versions.ts. */
export const oldestRules: VllmRules = {
  engine: 'v0',
  pipelinesOnV0: true,
  defaultUtilization: 0.9,
  freeCheck: false,
  chargesOthers: false,
  linksBeforeSnapshot: false,
  roundsBudgetUp: false,
  hybridManager: false,
  groupSizeRatio: 1.25,
  graphsInBudget: false,
  runnerV2: 'none',
  runnerV2GraphsInBudget: false,
  reservesInFlightBatches: false,
  asyncScheduling: false,
  asyncPipelines: 'none',
  asyncNgrams: false,
  tokensShown: 'blocks',
  nullBlock: false,
  packedLayout: false,
  chunkedGroups: false,
  slidingBlock: 'primary',
  latentKernel: 'flashMla',
  widePagesForFp8: false,
  stateCheckpoints: false,
  longImageRotary: true,
  hybridPrefixCaching: false,
  flashinferSampler: false,
  samplerSharded: false,
  leanSampler: false,
  billsSlack: false,
  overchargesGdn: false,
  captureStep: 'fine',
  capturesBy: 'fixed',
  gptOssCapture: null,
  blackwellCaptures: false,
  capturesTokens: false,
  capturesDecodes: 'none',
  limitsTokensToSeqs: false,
  seqsOnSmallCards: 256,
  gb10IsSmall: false,
  hugeCardTier: false,
  bitsandbytes: 'withLoadFormat',
  onlineFp8LoadsWhole: true,
  kvCacheMemoryFlag: false,
  mambaSeqsCheck: false,
};
