/** vLLM's `/metrics`: Prometheus text of about 60 kB; only the gauges that are shown are read. */

export interface VllmMetrics {
  readonly runningRequests: number | null;
  readonly waitingRequests: number | null;
  /** 0 to 1, the fullest engine. */
  readonly kvCacheUsage: number | null;
  /** Tokens the KV cache holds, all engines; from the server itself (0.24 and newer), else blocks × block size. */
  readonly kvCacheTokens: number | null;
  readonly kvCacheBlocks: number | null;
  readonly blockSize: number | null;
  /** Requests of the full length that fit at once; 0.24 and newer. */
  readonly maxConcurrency: number | null;
  readonly gpuMemoryUtilization: number | null;
  readonly preemptions: number | null;
  readonly promptTokens: number | null;
  readonly generationTokens: number | null;
}

type Fold = (a: number, b: number) => number;
const sum: Fold = (a, b) => a + b;
const largest: Fold = Math.max;

/** With data parallel each engine has its own line. */
const samples: Readonly<Record<string, { key: keyof VllmMetrics; fold: Fold }>> = {
  'vllm:num_requests_running': { key: 'runningRequests', fold: sum },
  'vllm:num_requests_waiting': { key: 'waitingRequests', fold: sum },
  'vllm:kv_cache_usage_perc': { key: 'kvCacheUsage', fold: largest },
  // until 0.10
  'vllm:gpu_cache_usage_perc': { key: 'kvCacheUsage', fold: largest },
  'vllm:num_preemptions_total': { key: 'preemptions', fold: sum },
  'vllm:prompt_tokens_total': { key: 'promptTokens', fold: sum },
  'vllm:generation_tokens_total': { key: 'generationTokens', fold: sum },
};

/** The name ends at `{` or a blank: `num_requests_waiting` is also the beginning of another gauge. */
const sampleLine = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+\d+)?$/;

/** Everything `null` where the text holds none of it. */
export function readVllmMetrics(text: string): VllmMetrics {
  const read: Record<keyof VllmMetrics, number | null> = {
    runningRequests: null,
    waitingRequests: null,
    kvCacheUsage: null,
    kvCacheTokens: null,
    kvCacheBlocks: null,
    blockSize: null,
    maxConcurrency: null,
    gpuMemoryUtilization: null,
    preemptions: null,
    promptTokens: null,
    generationTokens: null,
  };
  for (const line of text.split('\n')) {
    if (!line.startsWith('vllm:')) continue;
    const [, name = '', labels = '', value = ''] = sampleLine.exec(line.trimEnd()) ?? [];
    const sample = samples[name];
    const amount = Number(value);
    if (sample && value !== '' && Number.isFinite(amount)) {
      const before = read[sample.key];
      read[sample.key] = before === null ? amount : sample.fold(before, amount);
    }
    if (name === 'vllm:cache_config_info') readCapacity(labels, read);
  }
  if (read.kvCacheTokens === null && read.kvCacheBlocks !== null && read.blockSize !== null)
    read.kvCacheTokens = read.kvCacheBlocks * read.blockSize;
  return read;
}

function readCapacity(labels: string, read: Record<keyof VllmMetrics, number | null>): void {
  const label = (name: string): number | null => {
    const text = new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1];
    const value = Number(text);
    return text === undefined || text === '' || !Number.isFinite(value) ? null : value;
  };
  const add = (key: keyof VllmMetrics, value: number | null): void => {
    if (value !== null) read[key] = (read[key] ?? 0) + value;
  };
  add('kvCacheTokens', label('kv_cache_size_tokens'));
  add('kvCacheBlocks', label('num_gpu_blocks'));
  add('maxConcurrency', label('kv_cache_max_concurrency'));
  read.blockSize ??= label('block_size');
  read.gpuMemoryUtilization ??= label('gpu_memory_utilization');
}
