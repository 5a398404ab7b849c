/**
 * The room `planner/vllm`: what a vLLM start needs, by version. This file is the table of what changed when; the rest
 * asks it and never compares versions in place. Newest known rules apply to unknown and newer versions.
 */
import { lazily } from '../../shared/lazily';
import { oldestRules, type VllmRules } from './rules';

/** Newest version these rules were checked against; the one planned for when none is given. */
export const NEWEST_VLLM = '0.33.0';

interface Row {
  readonly since: string;
  /** Where the change is documented: pull request and date, or the log it was seen in. */
  readonly source: string;
  readonly changes: Partial<VllmRules>;
}

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
    source: 'free check #19312, hybrid KV manager #17996, 2025-06; pipelines on V1 (facts)',
    changes: {
      freeCheck: true,
      chargesOthers: false,
      hybridManager: true,
      pipelinesOnV0: false,
    },
  },
  {
    since: '0.10.0',
    source: 'largest capture 2 × max_num_seqs (its own configuration, facts)',
    changes: { capturesBy: 'sequences' },
  },
  {
    since: '0.10.1',
    source:
      'FlashInfer sampler where the package is installed (start-up logs); gpt-oss captures (facts)',
    changes: { flashinferSampler: null, gptOssCapture: 1024 },
  },
  {
    since: '0.10.2',
    source: '--kv-cache-memory-bytes; V1 on cards before Ampere too (facts)',
    changes: { kvCacheMemoryFlag: true, engine: 'v1' },
  },
  {
    since: '0.11.0',
    source: 'gpt-oss captures (facts); NCCL before the snapshot #25359',
    changes: { gptOssCapture: 992, linksBeforeSnapshot: true },
  },
  {
    since: '0.11.1',
    source: '51 instead of 67 capture sizes up to 512 (start-up logs); batch defaults (facts)',
    changes: {
      captureStep: 'coarse',
      gptOssCapture: 1024,
      limitsTokensToSeqs: true,
    },
  },
  {
    since: '0.13',
    source: 'draft tokens count for the largest capture (facts)',
    changes: { capturesBy: 'decodeTokens' },
  },
  {
    since: '0.14',
    source:
      'async scheduling #27614, budget rounded up #30868, 2026-01; FP8 layer by layer (boundary not certain)',
    changes: {
      asyncScheduling: true,
      roundsBudgetUp: true,
      onlineFp8LoadsWhole: false,
      // VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE is on (source).
      chunkedGroups: true,
    },
  },
  {
    since: '0.15',
    source: 'asynchronous scheduling with pipelines (facts)',
    changes: { asyncPipelines: 'all' },
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
  {
    since: '0.18',
    source: 'group size ratio #36684; block size asked of the attention backend (source)',
    changes: { groupSizeRatio: 1.5, latentKernel: 'flashAttention' },
  },
  {
    since: '0.20',
    source: 'utilization 0.92 #38284 (2026-04-21); graph estimate inside the budget',
    changes: { defaultUtilization: 0.92, graphsInBudget: true },
  },
  {
    since: '0.21',
    source: 'tokens = concurrency × length #41069; the batched tokens are captured too (facts)',
    changes: { tokensShown: 'concurrency', capturesTokens: true },
  },
  { since: '0.22', source: 'Model Runner V2: Qwen3 dense', changes: { runnerV2: 'qwen3Dense' } },
  { since: '0.23', source: 'Model Runner V2: + Llama, Mistral', changes: { runnerV2: 'fewDense' } },
  {
    since: '0.24',
    source: 'Model Runner V2: + DeepseekV2, quantized',
    changes: { runnerV2: 'moreDense' },
  },
  {
    since: '0.25',
    source: 'Model Runner V2: every dense model; smallest kernel block for windows (source)',
    changes: { runnerV2: 'dense', slidingBlock: 'kernel' },
  },
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
    source:
      'bitsandbytes as a plugin #43529; hybrid prefix caching #50991; 160 GiB tier #51726; Blackwell captures (facts); needs_logits_processing (source)',
    changes: {
      leanSampler: true,
      bitsandbytes: 'plugin',
      hybridPrefixCaching: true,
      hugeCardTier: true,
      blackwellCaptures: true,
    },
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
      capturesDecodes: 'speculative',
    },
  },
  {
    since: '0.30',
    source: 'windows take the primary block again (source)',
    changes: { slidingBlock: 'primary' },
  },
  {
    since: '0.31',
    source:
      'pipelines with the V1 runner, whole decode batches captured (facts); FlashAttention 4 for fp8 heads of 512 (source)',
    changes: { asyncPipelines: 'runnerV2', capturesDecodes: 'all', widePagesForFp8: true },
  },
  {
    since: '0.32',
    source: 'Mamba-2 prefill checkpoints, mrope_positions_factor (source)',
    changes: { stateCheckpoints: true, longImageRotary: false },
  },
  {
    since: '0.33',
    source:
      'asynchronous scheduling with n-grams (facts); GB10 on the small tier, sampler profiled with all it can do (source)',
    changes: { asyncNgrams: true, gb10IsSmall: true, leanSampler: false },
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

/** All rules from each row on, newest first: a plan looks them up for every change it tries. */
const steps = lazily(() =>
  VERSION_ROWS.map((row, index) => ({
    since: parseVllmVersion(row.since) ?? ([0, 0, 0] as const),
    rules: VERSION_ROWS.slice(0, index + 1).reduce<VllmRules>(
      (rules, { changes }) => ({ ...rules, ...changes }),
      oldestRules,
    ),
  })).reverse(),
);

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
  const used = parsed ?? parseVllmVersion(NEWEST_VLLM) ?? ([0, 0, 0] as const);
  const rules = steps().find(({ since }) => notBefore(used, since))?.rules ?? oldestRules;
  return {
    version: parsed && version ? version.trim().replace(/^v/i, '') : NEWEST_VLLM,
    rules,
    given: parsed !== null,
  };
}
