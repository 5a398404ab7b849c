/**
 * Lines of a vLLM start, by stage, from 0.4 to 0.32, on GPUs and CPUs. Wording and eras: vLLM's own log statements and real logs.
 * "GB" in these lines is 2^30 bytes too.
 */
import { GIB } from '../../shared/units';
import type { Stage } from '../engine';
import type { Groups, LineRule } from '../logRules';
import { freeMemoryChecks } from './causes/kvCache';
import { launchFromCommand, launchFromPairs } from './launchSeen';

const number = (text: string | undefined): number | null =>
  text === undefined ? null : Number(text.replaceAll(',', ''));

const gib = (text: string | undefined): number | null => {
  const value = number(text);
  return value === null ? null : Math.round(value * GIB);
};

/** A negative size (graphs, when others freed memory meanwhile) is no size. */
const positive = (bytes: number | null): number | null =>
  bytes !== null && bytes >= 0 ? bytes : null;

const version = (groups: Groups) =>
  groups.version === undefined ? {} : { engineVersion: groups.version };

const progress = (groups: Groups) => {
  const done = number(groups.done);
  const total = number(groups.total);
  return done === null || total === null || !(total > 0) ? {} : { progress: { done, total } };
};

/** The functions of a traceback that tell how far the start had come. */
const stageOfFrame: readonly (readonly [Stage, string])[] = [
  ['loading', 'load_model|load_weights|create_weights'],
  ['profiling', 'profile_run|determine_available_memory|determine_num_available_blocks'],
  [
    'kvCache',
    'initialize_kv_cache|initialize_kv_cache_tensors|_allocate_kv_cache_tensors|_allocate_kv_cache',
  ],
  ['capturing', 'capture_model|_capture_cudagraphs|capture_graph'],
  ['warmup', '_dummy_sampler_run'],
];

const framesOf: readonly LineRule[] = [
  {
    // A library that only parses is not where the fault lies.
    pattern:
      /^\s*File "(?!.*\/(?:json\/\w+|huggingface_hub\/dataclasses)\.py")(?<path>[^"]+)", line \d+, in (?<name>\S+)$/,
    read: ({ path, name }) => ({ frame: `${path?.replaceAll('\\', '/') ?? ''} ${name ?? ''}` }),
  },
  {
    // The option that a check names, alone on its line.
    pattern: /^(?<name>[a-z]\w{2,})(?:\.[a-z`][^\s:]*)*$/,
    read: ({ name }) => ({ frame: name ?? '' }),
  },
  ...stageOfFrame.map(([stage, names]) => ({
    pattern: new RegExp(`^\\s*File "[^"]+", line \\d+, in (?:${names})$`),
    stage,
  })),
];

export const vllmLines: readonly LineRule[] = [
  // start
  {
    pattern: /vLLM API server version (?<version>\d\S*)/,
    milestone: 'newStart',
    read: version,
  },
  {
    pattern: /\u2588\s+version\s+(?<version>\d\S*)\s*$|vLLM server version (?<version2>\d\S*?),/,
    milestone: 'newStart',
    read: ({ version: banner, version2 }) => version({ version: banner ?? version2 }),
  },
  { pattern: /\u2588\s+model\s+(?<model>\S+)\s*$/, read: ({ model }) => (model ? { model } : {}) },
  { pattern: /non-default args: \{(?<args>.*)/, read: ({ args }) => launchFromPairs(args ?? '') },
  { pattern: /args: Namespace\((?<args>.*)/, read: ({ args }) => launchFromPairs(args ?? '') },
  {
    // Typed at a prompt, or in a compose file; not the usage line, nor advice in a sentence.
    pattern: /^(?:\S*[$#%>] )?(?:[A-Z_]+=\S+ )*(?:\S*\/)?vllm serve (?!with\b)(?<args>[\w./~-].*)/,
    read: ({ args }) => launchFromCommand(args ?? ''),
  },
  {
    pattern:
      /Initializing (?:a V\d|an) LLM engine (?:\(v(?<version>[^)]+)\) )?with config: (?<cfg>.*)/,
    stage: 'starting',
    read: (groups) => ({ ...launchFromPairs(groups.cfg ?? ''), ...version(groups) }),
  },
  {
    pattern:
      /^v[lL][lL][mM][ =v]+(?<version>\d+\.\d+\.\d+\S*?)[,;]?(?:\s|$)|\bversion=(?<version2>\d+\.\d+\.\d+\S*)/,
    read: ({ version: plain, version2 }) => version({ version: plain ?? version2 }),
  },
  { pattern: /^GPU \d+: (?<gpuName>[^(]+?)(?:\s+\d+MiB)?(?:\s+\(UUID.*)?$/, read: gpuName },
  {
    pattern:
      /Your (?:device ')?(?<gpuName>[^']+?)(?:'| GPU)?(?: \(with)? (?:has )?compute capability/,
    read: gpuName,
  },

  // load
  {
    pattern: /^Fetching \d+ files:\s+\d+%\|.*\|\s*(?<done>\d+)\/(?<total>\d+) \[/,
    stage: 'downloading',
    read: progress,
  },
  {
    pattern:
      /^\S.*?\.(?:safetensors|bin|gguf|pt|json)[^:|]*:\s+(?<done>\d+)%\|.*\|\s*[\d.]+[kMGT]?B?\/[\d.]+[kMGT]B? \[/,
    stage: 'downloading',
    read: ({ done }) => progress({ done, total: '100' }),
  },
  { pattern: /Starting to load model (?<model>.+?)\.\.\./, stage: 'loading' },
  { pattern: /Loading drafter model\.\.\./, stage: 'loading' },
  {
    pattern:
      /(?:Loading [\w -]{1,40}shards[\w ()-]{0,40}|Multi-thread loading shards|Loading safetensors using [\w -]{1,40}):\s+\d+% Completed \| (?<done>\d+)\/(?<total>\d+)/,
    stage: 'loading',
    read: progress,
  },
  {
    pattern: /Loading weights took (?<sec>[\d.]+) seconds/,
    stage: 'loading',
    read: ({ sec }) => ({ facts: { loadSeconds: number(sec) } }),
  },
  {
    pattern:
      /odel (?:weights|loading) took (?<gib>[\d.]+) Gi?B(?: memory)?(?: and (?<sec>[\d.]+) seconds)?/,
    stage: 'profiling',
    read: ({ gib: weights, sec }) => ({
      facts: { weightsBytes: gib(weights), loadSeconds: number(sec) },
    }),
  },

  // compile and profile
  {
    pattern:
      /Encoder cache will be initialized|Initial profiling\/warmup run took|Profiling CUDA graph memory:/,
    stage: 'profiling',
  },
  {
    pattern:
      /for vLLM's torch\.compile|Dynamo bytecode transform time|Compiling a graph for|Directly load (?:the compiled graph|AOT compilation)|torch\.compile (?:takes|took)/,
    stage: 'compiling',
  },
  {
    pattern:
      /total_gpu_memory \((?<total>[\d.]+)GiB\) x gpu_memory_utilization \((?<util>[\d.]+)\) = (?<budget>[\d.]+)GiB/,
    stage: 'profiling',
    read: ({ util, budget }) => ({
      facts: { wantedBytes: gib(budget) },
      options: { gpuMemoryUtilization: number(util) },
    }),
  },
  {
    pattern:
      /model weights take (?<weights>[\d.]+)GiB; non_torch_memory takes (?<nontorch>-?[\d.]+)GiB; PyTorch activation peak memory takes (?<act>[\d.]+)GiB; the rest of the memory reserved for KV Cache is (?<kv>-?[\d.]+)GiB/,
    stage: 'kvCache',
    read: ({ weights, nontorch, act, kv }) => ({
      facts: {
        weightsBytes: gib(weights),
        nonTorchBytes: positive(gib(nontorch)),
        activationBytes: gib(act),
        kvCacheBytes: positive(gib(kv)),
      },
    }),
  },
  {
    pattern: /Estimated CUDA graph memory: (?<gib>[\d.]+) GiB total/,
    stage: 'profiling',
    read: ({ gib: graph }) => ({ facts: { graphBytes: gib(graph) } }),
  },
  {
    pattern: /Available KV cache memory: (?<gib>-?[\d.]+) GiB/,
    stage: 'kvCache',
    read: ({ gib: kv }) => ({ facts: { kvCacheBytes: positive(gib(kv)) } }),
  },
  {
    pattern:
      /Initial free memory (?<free>[\d.]+) GiB, reserved (?<kv>[\d.]+) GiB memory for KV Cache/,
    stage: 'kvCache',
    read: ({ free, kv }) => ({ facts: { freeBytesAtStart: gib(free), kvCacheBytes: gib(kv) } }),
  },
  {
    pattern:
      /Auto set \((?<kv>[\d.]+)\/[\d.]+\) GiB for KV cache on node \d+, with (?<want>[\d.]+) GiB requested/,
    stage: 'kvCache',
    read: ({ kv, want }) => ({ facts: { kvCacheBytes: gib(kv), wantedBytes: gib(want) } }),
  },
  {
    pattern: /(?:GPU|CPU|XPU|TPU) KV cache size: (?<tokens>[\d,]+) tokens/,
    stage: 'kvCache',
    read: ({ tokens }) => ({ facts: { kvCacheTokens: number(tokens) } }),
  },
  {
    pattern: /Maximum concurrency for [\d,]+ tokens per request: (?<x>[\d.]+)x/,
    stage: 'kvCache',
    read: ({ x }) => ({ facts: { maxConcurrency: number(x) } }),
  },
  {
    // V0 blocks are 16 tokens unless the command says otherwise.
    pattern: /# (?:GPU|cuda) blocks: (?<gpu>\d+)/,
    stage: 'kvCache',
    read: ({ gpu }, { options }) => ({
      facts: { kvCacheTokens: (number(gpu) ?? 0) * (options.blockSize ?? 16) },
    }),
  },

  // capture and warm-up
  {
    pattern:
      /Capturing (?:CUDA graphs?|cudagraphs|CUDA graph shapes)[^:]*:\s+\d+%(?:\|.*\|\s*(?<done>\d+)\/(?<total>\d+))?/,
    stage: 'capturing',
    read: progress,
  },
  { pattern: /Capturing (?:the model for CUDA graphs|cudagraphs for)/, stage: 'capturing' },
  {
    pattern: /Graph capturing finished in [\d.]+ secs?, took (?<gib>-?[\d.]+) Gi?B/,
    stage: 'warmup',
    read: ({ gib: graph }) => ({ facts: { graphBytes: positive(gib(graph)) } }),
  },
  {
    pattern: /CUDA graph pool memory: (?<gib>-?[\d.]+) GiB \(actual\)/,
    stage: 'warmup',
    read: ({ gib: graph }) => ({ facts: { graphBytes: positive(gib(graph)) } }),
  },
  {
    pattern:
      /Free memory on device(?: \S+)? \((?<free>[\d.]+)\/[\d.]+ GiB\) on startup\. Desired GPU memory utilization is \((?<util>[\d.]+), (?<budget>[\d.]+) GiB\)\. Actual usage is (?<used>[\d.]+) GiB for (?<usedFor>weight|consumed memory)[^,]*, (?<act>[\d.]+) GiB for peak activation,(?: (?<nontorch>-?[\d.]+) GiB for non-torch memory,)? and (?<graph>-?[\d.]+) GiB for CUDAGraph memory/,
    stage: 'warmup',
    read: ({ free, util, budget, used, usedFor, act, nontorch, graph }) => ({
      facts: {
        freeBytesAtStart: gib(free),
        wantedBytes: gib(budget),
        activationBytes: gib(act),
        graphBytes: positive(gib(graph)),
        nonTorchBytes: positive(gib(nontorch)),
        ...(usedFor === 'weight' && { weightsBytes: gib(used) }),
      },
      options: { gpuMemoryUtilization: number(util) },
    }),
  },
  {
    pattern:
      /init engine \(profile, create kv cache, warmup model\) took|Supported[_ ]tasks: |Starting vLLM (?:API )?server/,
    stage: 'warmup',
  },

  // failures that tell sizes, or the stage they belong to
  // where a traceback went through, for logs whose beginning is cut off
  ...framesOf,
  ...freeMemoryChecks.map((pattern) => ({ pattern, read: failedCheck })),
  { pattern: /Failed to create unquantized linear weights/, stage: 'loading' },
  { pattern: /No available memory for the cache blocks/, stage: 'kvCache' },
  {
    pattern: /larger than the available KV cache memory \((?<have>[\d.]+) GiB\)/,
    stage: 'kvCache',
    read: ({ have }) => ({ facts: { kvCacheBytes: gib(have) } }),
  },
  {
    pattern:
      /larger than the maximum number of tokens that can be stored in KV cache \((?<tokens>\d+)\)/,
    stage: 'kvCache',
    read: ({ tokens }) => ({ facts: { kvCacheTokens: number(tokens) } }),
  },
  { pattern: /out of memory occurred when warming up/, stage: 'warmup' },

  // ready, serving, end
  { pattern: /Application startup complete\./, stage: 'ready', milestone: 'ready' },
  { pattern: /^INFO:\s+[\w.:[\]]+ - "[A-Z]+ \S+ HTTP\/[\d.]+" 200\b/, stage: 'ready' },
  { pattern: /Avg prompt throughput: [\d.]+ tokens\/s|"POST \/v1\/\S+ HTTP/, stage: 'serving' },
  {
    pattern:
      /\[shutdown\] API server: shutdown triggered|Shutting down FastAPI HTTP server|^KeyboardInterrupt\b|Launcher ?task cancelled|Received signal \d+|^INFO:\s+Shutting down$/,
    stage: 'stopping',
    milestone: 'shutdownRequested',
  },
  {
    pattern:
      /engine core exited unexpectedly|Engine core proc \S+ died unexpectedly|Worker proc \S+ died unexpectedly|EngineCore encountered a fatal error|^AsyncEngineDeadError|MQLLMEngine terminated|Engine loop has died/,
    milestone: 'engineDied',
  },
];

function failedCheck({ free, util, want }: Groups) {
  return {
    facts: { freeBytesAtStart: gib(free), wantedBytes: gib(want) },
    options: { gpuMemoryUtilization: number(util) },
  };
}

function gpuName(groups: Groups) {
  return groups.gpuName === undefined ? {} : { gpuName: groups.gpuName };
}
