/**
 * The room `planner/vllm`: what a vLLM start needs, by version. This file is the table of what changed when; the rest
 * asks it and never compares versions in place. Newest known rules apply to unknown and newer versions.
 */

/** Newest version these rules were checked against; the one planned for when none is given. */
export const NEWEST_VLLM = '0.32.0';

export interface VllmRules {
  /** V0 ran everywhere up to 0.7 and on GPUs older than capability 8.0 up to 0.10. */
  readonly engine: 'v0' | 'v0OnOldGpus' | 'v1';
  readonly defaultUtilization: number;
  /** The worker refuses to start when free < total × utilization. */
  readonly freeCheck: boolean;
  /** Whatever other processes hold is billed to this one. */
  readonly chargesOthers: boolean;
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
  readonly tokensShown: 'blocks' | 'concurrency';
  /** Block 0 cannot be used, and the fit check knows it. */
  readonly nullBlock: boolean;
  /** Each group packs its own layers densely; groups overlay. */
  readonly packedLayout: boolean;
  /** Mamba and linear-attention models cache prefixes unless told otherwise. */
  readonly hybridPrefixCaching: boolean;
  /** null: depends on whether the FlashInfer package is installed. */
  readonly flashinferSampler: boolean | null;
  readonly samplerSharded: boolean;
  /** The profile bills allocator slack as well. */
  readonly billsSlack: boolean;
  /** The graph profile of Gated-DeltaNet models takes a fifth of the pool. */
  readonly overchargesGdn: boolean;
  readonly captureStep: 'fine' | 'coarse';
  /** Sequences by default where the card is small; big cards see `settings.ts`. */
  readonly seqsOnSmallCards: number;
  /** Cards of at least 160 GiB take 16,384 batched tokens. */
  readonly hugeCardTier: boolean;
  readonly bitsandbytes: 'withLoadFormat' | 'builtIn' | 'plugin';
  /** FP8 on the fly holds the whole 16-bit checkpoint first. */
  readonly onlineFp8LoadsWhole: boolean;
  readonly kvCacheMemoryFlag: boolean;
  readonly mambaSeqsCheck: boolean;
}

interface Row {
  readonly since: string;
  /** Where the change is documented: pull request and date, or the log it was seen in. */
  readonly source: string;
  readonly changes: Partial<VllmRules>;
}

const oldest: VllmRules = {
  engine: 'v0',
  defaultUtilization: 0.9,
  freeCheck: false,
  chargesOthers: false,
  roundsBudgetUp: false,
  hybridManager: false,
  groupSizeRatio: 1.25,
  graphsInBudget: false,
  runnerV2: 'none',
  runnerV2GraphsInBudget: false,
  reservesInFlightBatches: false,
  asyncScheduling: false,
  tokensShown: 'blocks',
  nullBlock: false,
  packedLayout: false,
  hybridPrefixCaching: false,
  flashinferSampler: false,
  samplerSharded: false,
  billsSlack: false,
  overchargesGdn: false,
  captureStep: 'fine',
  seqsOnSmallCards: 256,
  hugeCardTier: false,
  bitsandbytes: 'withLoadFormat',
  onlineFp8LoadsWhole: true,
  kvCacheMemoryFlag: false,
  mambaSeqsCheck: false,
};

/** Oldest first; each row adds to the ones before. */
export const VERSION_ROWS: readonly Row[] = [
  {
    since: '0.8.0',
    source: 'V1 engine by default, 2025-03-17',
    changes: { engine: 'v0OnOldGpus', chargesOthers: true, seqsOnSmallCards: 1024 },
  },
  {
    since: '0.8.2',
    source: 'load format implied by --quantization bitsandbytes, 2025-03',
    changes: { bitsandbytes: 'builtIn' },
  },
  {
    since: '0.8.5',
    source: 'defaults by card, 2025-04',
    changes: { seqsOnSmallCards: 256 },
  },
  {
    since: '0.9.1',
    source: 'free check #19312, hybrid KV manager #17996, 2025-06',
    changes: { freeCheck: true, chargesOthers: false, hybridManager: true },
  },
  {
    since: '0.10.1',
    source: 'FlashInfer sampler where the package is installed (start-up logs)',
    changes: { flashinferSampler: null },
  },
  { since: '0.10.2', source: '--kv-cache-memory-bytes', changes: { kvCacheMemoryFlag: true } },
  { since: '0.11.0', source: 'V0 removed, 2025-09', changes: { engine: 'v1' } },
  {
    since: '0.11.1',
    source: '51 instead of 67 capture sizes up to 512 (start-up logs)',
    changes: { captureStep: 'coarse' },
  },
  {
    since: '0.14',
    source:
      'async scheduling #27614, budget rounded up #30868, 2026-01; FP8 layer by layer (boundary not certain)',
    changes: { asyncScheduling: true, roundsBudgetUp: true, onlineFp8LoadsWhole: false },
  },
  {
    since: '0.16',
    source: 'FlashInfer sampler by default (start-up logs of 0.17 on; boundary inferred)',
    changes: { flashinferSampler: true },
  },
  {
    since: '0.17',
    source: 'Mamba cache-block check with full graphs',
    changes: { mambaSeqsCheck: true },
  },
  { since: '0.18', source: 'group size ratio #36684', changes: { groupSizeRatio: 1.5 } },
  {
    since: '0.20',
    source: 'utilization 0.92 #38284 (2026-04-21); graph estimate inside the budget',
    changes: { defaultUtilization: 0.92, graphsInBudget: true },
  },
  {
    since: '0.21',
    source: 'tokens = concurrency × length #41069',
    changes: { tokensShown: 'concurrency' },
  },
  { since: '0.22', source: 'Model Runner V2: Qwen3 dense', changes: { runnerV2: 'qwen3Dense' } },
  { since: '0.23', source: 'Model Runner V2: + Llama, Mistral', changes: { runnerV2: 'fewDense' } },
  {
    since: '0.24',
    source: 'Model Runner V2: + DeepseekV2, quantized',
    changes: { runnerV2: 'moreDense' },
  },
  { since: '0.25', source: 'Model Runner V2: every dense model', changes: { runnerV2: 'dense' } },
  {
    since: '0.26',
    source: 'batches in flight #47728, 2026-07-08; GDN graphs over-charged #50780',
    changes: { reservesInFlightBatches: true, overchargesGdn: true },
  },
  {
    since: '0.27',
    source: 'free-before minus free-after profile #49208',
    changes: { billsSlack: true },
  },
  {
    since: '0.28',
    source: 'bitsandbytes as a plugin #43529; hybrid prefix caching #50991; 160 GiB tier #51726',
    changes: { bitsandbytes: 'plugin', hybridPrefixCaching: true, hugeCardTier: true },
  },
  {
    since: '0.29',
    source:
      'packed KV layout #51718, null block #47272, sharded sampling, V2 runner for all, 2026-09',
    changes: {
      nullBlock: true,
      packedLayout: true,
      samplerSharded: true,
      runnerV2: 'all',
      runnerV2GraphsInBudget: true,
      overchargesGdn: false,
    },
  },
];

type Triple = readonly [number, number, number];

/** `0.19.2rc1.dev206+g9599` → [0, 20, 0]: a development build after a patch release already is the next minor's main branch. */
export function parseVllmVersion(text: string): Triple | null {
  const match = /^\s*v?(\d+)\.(\d+)(?:\.(\d+))?(.*)$/i.exec(text);
  if (!match) return null;
  const [major, minor, patch] = [Number(match[1]), Number(match[2]), Number(match[3] ?? '0')];
  const isDev = /dev/i.test(match[4] ?? '');
  // 0.1.devN is what an untagged build calls itself; it says nothing about its age.
  if (isDev && major === 0 && minor <= 1) return null;
  if (isDev && patch > 0) return [major, minor + 1, 0];
  return [major, minor, patch];
}

function notBefore(version: Triple, since: Triple): boolean {
  for (let i = 0; i < 3; i++) {
    const [a, b] = [version[i] ?? 0, since[i] ?? 0];
    if (a !== b) return a > b;
  }
  return true;
}

const steps = VERSION_ROWS.map((row) => ({
  since: parseVllmVersion(row.since) ?? ([0, 0, 0] as const),
  changes: row.changes,
}));

export interface VersionChoice {
  /** As given where it can be read, else the newest known. */
  readonly version: string;
  readonly rules: VllmRules;
  /** False: none given, or not readable. */
  readonly given: boolean;
}

/** Rules of a vLLM version; null or unreadable: those of the newest known. */
export function rulesOf(version: string | null | undefined): VersionChoice {
  const parsed = version == null ? null : parseVllmVersion(version);
  const used = parsed ?? parseVllmVersion(NEWEST_VLLM) ?? ([0, 32, 0] as const);
  let rules = oldest;
  for (const step of steps) if (notBefore(used, step.since)) rules = { ...rules, ...step.changes };
  return {
    version: parsed && version ? version.trim().replace(/^v/i, '') : NEWEST_VLLM,
    rules,
    given: parsed !== null,
  };
}
