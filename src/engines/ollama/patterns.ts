/** Lines of an Ollama server and of its runners, in its three eras (estimator, measured, llama-server). */
import type { PlanOptions } from '../../shared/planRequest';
import type { StartFacts } from '../engine';
import type { Groups, LineFinding, LineRule } from '../logRules';

const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** `"1.2 GiB"` → bytes; null where it is no size. */
function readSize(text: string | undefined): number | null {
  const match = /^\[?"?([\d.]+) ([KMGT]?i?B)/.exec(text ?? '');
  const unit = unitBytes[match?.[2] ?? ''];
  return match && unit !== undefined ? Math.round(Number(match[1]) * unit) : null;
}

const mib = (text: string | undefined): number => Math.round(Number(text) * 1024 ** 2);

/** Which fact a buffer belongs to. */
const buffers: Readonly<Record<string, keyof StartFacts>> = {
  model: 'weightsBytes',
  'model weights': 'weightsBytes',
  KV: 'kvCacheBytes',
  RS: 'kvCacheBytes',
  'kv cache': 'kvCacheBytes',
  compute: 'graphBytes',
  output: 'graphBytes',
  'compute graph': 'graphBytes',
};

const bufferFact = (kind: string | undefined, bytes: number | null): Partial<StartFacts> => {
  const fact = buffers[kind ?? ''];
  return fact === undefined ? {} : { [fact]: bytes };
};

const count = (text: string | undefined): number | null => {
  const value = Number(text);
  return text === undefined || !Number.isInteger(value) || value <= 0 ? null : value;
};

export const ollamaLines: readonly LineRule[] = [
  {
    // What a terminal shows of Ctrl+C; the daemon itself says nothing.
    pattern: /^\^C/,
    milestone: 'shutdownRequested',
  },
  {
    pattern: /^server config env="map\[(?<env>.*)/,
    milestone: 'newStart',
    read: ({ env }) => ({ options: daemonOptions(env ?? '') }),
  },
  {
    pattern: /^Listening on (?<address>\S+) \(version (?<version>[^)]+)\)/,
    stage: 'ready',
    milestone: 'ready',
    read: version,
  },
  {
    pattern: /^ollama version is (?<version>\d\S*)|^Ollama version: (?<version2>\d\S*)/,
    read: (groups) => version({ version: groups.version ?? groups.version2 }),
  },
  {
    pattern:
      /^inference compute (?=.*library=(?!cpu))(?:.* )?(?:description|name)="?(?<gpuName>(?!CUDA\d|ROCm\d|Vulkan\d)[^" ][^"]*?)"? (?:libdirs|total)=/,
    read: ({ gpuName }) => (gpuName ? { gpuName } : {}),
  },
  {
    pattern: /model=registry\.ollama\.ai\/(?:library\/)?(?<model>\S+)/,
    read: ({ model }) => (model ? { model } : {}),
  },

  // a load
  {
    pattern: /^starting (?:llama server|runner|llama-server) cmd="(?<cmd>.*--model .*)/,
    milestone: 'loadBegins',
    stage: 'loading',
    read: ({ cmd }) => ({ options: runnerOptions(cmd ?? '') }),
  },
  {
    pattern: /^model load progress (?<share>[\d.]+)/,
    stage: 'loading',
    read: ({ share }) => ({ progress: { done: Math.round(Number(share) * 100), total: 100 } }),
  },
  {
    // Era A: the estimate by which layers were placed.
    pattern: /^offload(?: to \w+)? .*?layers\.requested=-?\d+/,
    stage: 'loading',
  },
  {
    pattern:
      /memory\.available="?\[(?<free>[^\]]+?)[\] ]*\]"? .*?memory\.required\.full="(?<full>[^"]+)"/,
    read: ({ free, full }) => ({
      facts: { freeBytesAtStart: readSize(free), wantedBytes: readSize(full) },
    }),
  },
  {
    pattern: /memory\.required\.kv="(?<kv>[^"]+)"/,
    read: ({ kv }) => ({ facts: { kvCacheBytes: readSize(kv) } }),
  },
  {
    pattern: /memory\.weights\.total="(?<weights>[^"]+)"/,
    read: ({ weights }) => ({ facts: { weightsBytes: readSize(weights) } }),
  },
  {
    pattern: /memory\.graph\.full="(?<graph>[^"]+)"/,
    read: ({ graph }) => ({ facts: { graphBytes: readSize(graph) } }),
  },
  {
    // Era B: one line per device and kind, estimated or measured.
    pattern:
      /^(?<kind>model weights|kv cache|compute graph) (?:device|buffer)=(?<device>\S+) size="(?<size>[^"]+)"/,
    read: ({ kind, size }) => ({ facts: bufferFact(kind, readSize(size)) }),
  },
  {
    pattern: /^total memory size="(?<size>[^"]+)"/,
    read: ({ size }) => ({ facts: { wantedBytes: readSize(size) } }),
  },
  {
    // All eras with a llama.cpp runner: what was really allocated.
    pattern:
      /^\w+:\s+(?<device>\S+)\s+(?<kind>model|KV|compute|output|RS)\s+buffer size\s*=\s*(?<mib>[\d.]+)\s*MiB/,
    read: ({ kind, mib: size }) => ({ addedFacts: bufferFact(kind, mib(size)) }),
  },
  {
    pattern: /^llama_kv_cache\w*: size = +[\d.]+ MiB \( *(?<cells>\d+) cells/,
    stage: 'kvCache',
    read: ({ cells }) => ({ facts: { kvCacheTokens: count(cells) } }),
  },
  {
    pattern: /^gpu memory id=\S+ .*?available="(?<free>[^"]+)"/,
    read: ({ free }) => ({ facts: { freeBytesAtStart: readSize(free) } }),
  },
  {
    pattern: /^(?:llama runner|llama-server) started in (?<sec>[\d.]+) seconds/,
    stage: 'ready',
    milestone: 'ready',
    read: ({ sec }) => ({ facts: { loadSeconds: Number(sec) } }),
  },
  {
    pattern: /^\[GIN\] [^|]*\| 200 \|[^|]*\|[^|]*\| POST +"\/(?:api\/(?:chat|embed)|v1\/)/,
    stage: 'serving',
  },
  {
    pattern: /(?:^|\s)ollama (?:run|pull) (?<model>[\w./:-]+)/,
    read: ({ model }) => (model ? { model } : {}),
  },
];

function version(groups: Groups): LineFinding {
  return groups.version === undefined ? {} : { engineVersion: groups.version };
}

/** What the daemon's environment fixes; Go-formatted, 0 and empty mean unset. */
function daemonOptions(env: string): PlanOptions {
  const value = (name: string): string | undefined =>
    new RegExp(`(?:^| )${name}:(\\S*)`).exec(env)?.[1];
  const numCtx = count(value('OLLAMA_CONTEXT_LENGTH'));
  const numParallel = count(value('OLLAMA_NUM_PARALLEL'));
  const kvCacheType = value('OLLAMA_KV_CACHE_TYPE');
  const flashAttention = value('OLLAMA_FLASH_ATTENTION');
  return {
    ...(numCtx !== null && { numCtx }),
    ...(numParallel !== null && { numParallel }),
    ...(kvCacheType && { kvCacheType }),
    // "false" is printed for unset, too.
    ...(flashAttention === 'true' && { flashAttention: true }),
  };
}

/** What the runner was started with; its context counts all slots. */
function runnerOptions(command: string): PlanOptions {
  const value = (names: string): number | null =>
    count(new RegExp(`(?:^| )(?:${names}) (\\d+)`).exec(command)?.[1]);
  const numParallel = value('--parallel|-np');
  const cells = value('--ctx-size|-c');
  const numGpu = value('--n-gpu-layers|-ngl');
  const numBatch = value('--batch-size|-b');
  const kvCacheType = /--(?:kv-cache-type|cache-type-k) (\S+)/.exec(command)?.[1];
  return {
    ...(numParallel !== null && { numParallel }),
    ...(cells !== null && { numCtx: Math.floor(cells / (numParallel ?? 1)) }),
    ...(numGpu !== null && { numGpu }),
    ...(numBatch !== null && { numBatch }),
    ...(kvCacheType !== undefined && { kvCacheType }),
  };
}
