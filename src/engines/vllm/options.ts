/** Which flag carries which option of a request, and in which versions. Shared by the command line and the Python form. */
import type { Plan } from '../../shared/planAnswer';
import type { PlanOptions, PlanRequest } from '../../shared/planRequest';
import { compareVersions, isWithin, type VersionSpan } from '../engineVersion';

/** A value that a flag takes; `true` is a bare switch, `false` its `--no-` form. */
export type LaunchValue = number | string | boolean | Readonly<Record<string, unknown>>;

export interface LaunchOption {
  /** With its dashes. */
  readonly flag: string;
  readonly value: LaunchValue;
}

interface OptionRow extends VersionSpan {
  /** Which GPUs it may see goes into the environment. */
  readonly option: Exclude<keyof PlanOptions, 'visibleDevices'>;
  readonly flag: string;
  /** What every version does without the flag; not emitted. */
  readonly usual?: LaunchValue;
}

/** In the order of the command line. Since and until: vLLM's own flags by release, see flagTable.ts. */
const rows: readonly OptionRow[] = [
  { option: 'kvCacheMemoryBytes', flag: '--kv-cache-memory-bytes', since: '0.10.2' },
  { option: 'maxModelLen', flag: '--max-model-len' },
  { option: 'dtype', flag: '--dtype', usual: 'auto' },
  { option: 'quantization', flag: '--quantization' },
  { option: 'loadFormat', flag: '--load-format', usual: 'auto' },
  { option: 'kvCacheDtype', flag: '--kv-cache-dtype', usual: 'auto' },
  { option: 'tensorParallelSize', flag: '--tensor-parallel-size', usual: 1 },
  { option: 'pipelineParallelSize', flag: '--pipeline-parallel-size', usual: 1 },
  { option: 'dataParallelSize', flag: '--data-parallel-size', usual: 1, since: '0.8.3' },
  {
    option: 'decodeContextParallelSize',
    flag: '--decode-context-parallel-size',
    usual: 1,
    since: '0.10.2',
  },
  {
    option: 'enableExpertParallel',
    flag: '--enable-expert-parallel',
    usual: false,
    since: '0.8.0',
  },
  { option: 'maxNumSeqs', flag: '--max-num-seqs' },
  { option: 'maxNumBatchedTokens', flag: '--max-num-batched-tokens' },
  { option: 'enforceEager', flag: '--enforce-eager', usual: false },
  {
    option: 'maxCudagraphCaptureSize',
    flag: '--max-cudagraph-capture-size',
    since: '0.11.1',
  },
  {
    option: 'maxCudagraphCaptureSize',
    flag: '--cuda-graph-sizes',
    since: '0.9.0',
    until: '0.11.1',
  },
  { option: 'blockSize', flag: '--block-size' },
  { option: 'enablePrefixCaching', flag: '--enable-prefix-caching' },
  { option: 'cpuOffloadGb', flag: '--cpu-offload-gb', usual: 0 },
  { option: 'enableLora', flag: '--enable-lora', usual: false },
  { option: 'maxLoras', flag: '--max-loras' },
  { option: 'maxLoraRank', flag: '--max-lora-rank' },
  { option: 'speculativeConfig', flag: '--speculative-config', since: '0.8.2' },
  { option: 'limitMmPerPrompt', flag: '--limit-mm-per-prompt' },
  { option: 'languageModelOnly', flag: '--language-model-only', usual: false, since: '0.17.0' },
];

/** `--max-model-len` → `maxModelLen`, whatever the version; null: the planner has no such option. */
export function optionOfFlag(flag: string): keyof PlanOptions | null {
  if (flag === '--gpu-memory-utilization' || flag === '--device-memory-utilization')
    return 'gpuMemoryUtilization';
  return rows.find((row) => row.flag === flag)?.option ?? null;
}

/** Up to this version bitsandbytes had to be named twice: as quantization and as load format. */
const LAST_WITH_BNB_LOAD_FORMAT = '0.8.1';

/** From this version `--limit-mm-per-prompt` surely takes JSON; before it was `image=2,video=1`. */
const JSON_LIMITS_SINCE = '0.9.0';

/**
 * The planned options as flags, without host, port and name.
 * Utilization is what the plan settled on (auto resolved), and is left out where the KV size is fixed in bytes.
 */
export function launchOptions(request: PlanRequest, plan: Plan): LaunchOption[] {
  const version = request.engineVersion ?? null;
  const options = request.options;
  const launched: LaunchOption[] = [];
  const fixedKvBytes = options.kvCacheMemoryBytes ?? null;
  if (fixedKvBytes === null) {
    const asked = options.gpuMemoryUtilization ?? 0;
    const share = plan.utilization?.effective ?? (asked > 0 ? asked : null);
    // Four digits: more is noise, and a share rounded up by float printing could pass the free memory.
    if (share !== null)
      launched.push({ flag: '--gpu-memory-utilization', value: Number(share.toFixed(4)) });
  }
  for (const row of rows) {
    const value = options[row.option] ?? null;
    if (value === null || value === row.usual || !isWithin(row, version)) continue;
    launched.push({ flag: row.flag, value: inFormOf(version, row.flag, value) });
  }
  if (
    options.quantization === 'bitsandbytes' &&
    (options.loadFormat ?? null) === null &&
    version !== null &&
    compareVersions(version, LAST_WITH_BNB_LOAD_FORMAT) <= 0
  )
    launched.push({ flag: '--load-format', value: 'bitsandbytes' });
  return launched;
}

function inFormOf(version: string | null, flag: string, value: LaunchValue): LaunchValue {
  if (flag !== '--limit-mm-per-prompt' || typeof value !== 'object') return value;
  if (version === null || compareVersions(version, JSON_LIMITS_SINCE) >= 0) return value;
  const pairs = Object.entries(value);
  return pairs.every(([, limit]) => typeof limit === 'number')
    ? pairs.map(([kind, limit]) => `${kind}=${String(limit)}`).join(',')
    : value;
}
