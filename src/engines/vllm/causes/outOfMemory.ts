/** `CUDA out of memory`, in all the forms torch and vLLM print it; the stage decides what it means. */
import type { Remedy } from '../../engine';
import type { CauseMatch, CauseRule, CauseText } from '../../logRules';
import { compareVersions } from '../../engineVersion';
import { askedFor, beforeReady, fix, floorHundredth, gibText, sizeText } from '../../remedies';
import { lowerUtilization, shareText } from './utilization';

interface OomNumbers {
  readonly askedGib: number | null;
  readonly totalGib: number | null;
  readonly freeGib: number | null;
  /** What this process holds itself. */
  readonly ownGib: number | null;
}

const perGib: Readonly<Record<string, number>> = {
  GiB: 1,
  MiB: 1024,
  KiB: 1024 ** 2,
  bytes: 1024 ** 3,
};

function sizeAt(text: string, pattern: RegExp): number | null {
  const match = pattern.exec(text);
  const value = Number(match?.[1]);
  return match && Number.isFinite(value) ? value / (perGib[match[2] ?? 'GiB'] ?? 1) : null;
}

/** Both forms: torch 2.1 and newer (`GPU 0 has a total capacity of`), and the older one in brackets. */
function readOomNumbers(text: string): OomNumbers {
  return {
    askedGib: sizeAt(text, /Tried to allocate ([\d.]+) (\w+)/),
    totalGib:
      sizeAt(text, /total capacity of ([\d.]+) (\w+)/) ??
      sizeAt(text, /([\d.]+) (\w+) total capacity/),
    freeGib: sizeAt(text, /of which ([\d.]+) (\w+) is free/) ?? sizeAt(text, /([\d.]+) (\w+) free/),
    ownGib:
      sizeAt(text, /this process has ([\d.]+) (\w+) memory in use/) ??
      sizeAt(text, /([\d.]+) (\w+) reserved in total/),
  };
}

/** What other processes hold; below 2 GiB it may be this process's own CUDA context. */
const SHARED_FROM_GIB = 2;

function othersGib({ totalGib, freeGib, ownGib }: OomNumbers): number | null {
  return totalGib === null || freeGib === null || ownGib === null
    ? null
    : totalGib - freeGib - ownGib;
}

const isShared = (match: CauseMatch): boolean =>
  beforeReady(match) && (othersGib(readOomNumbers(match.text)) ?? 0) >= SHARED_FROM_GIB;

const torchOom = /(?:CUDA|HIP|XPU) out of memory|torch(?:\.cuda)?\.OutOfMemoryError/;
const driverOom =
  /(?:CUDA|HIP)(?: driver)? error: out of memory|UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|CUBLAS_STATUS_ALLOC_FAILED|NCCL.*out of memory/;

/** The first row whose condition holds names the cause: all have the same pattern, and one line is one cause. */
const byStage: readonly [string, (match: CauseMatch) => boolean][] = [
  ['oom_init_gpu_shared', isShared],
  ['oom_cuda_graph_capture', ({ stage }) => stage === 'capturing'],
  // Memory in graph pools, and the capture is over (or its lines were cut off): the sampler's warm-up comes next (0.8 and newer).
  [
    'oom_sampler_warmup',
    (match) =>
      match.stage === 'warmup' || (beforeReady(match) && match.text.includes('private pools')),
  ],
  ['oom_kv_cache_allocation', ({ stage }) => stage === 'kvCache'],
  ['oom_profile_run', ({ stage }) => stage === 'profiling' || stage === 'compiling'],
  ['oom_runtime', ({ stage }) => stage === 'ready' || stage === 'serving'],
  [
    'oom_weight_load',
    ({ stage }) => stage === 'starting' || stage === 'downloading' || stage === 'loading',
  ],
];

const torchRules: readonly CauseRule[] = byStage.map(([cause, holds], row) => ({
  cause,
  pattern: torchOom,
  when: (match) =>
    !/warming up (?:sampler|pooler)/.test(match.text) &&
    holds(match) &&
    byStage.slice(0, row).every(([, earlier]) => !earlier(match)),
}));

export const outOfMemoryRules: readonly CauseRule[] = [
  {
    cause: 'oom_sampler_warmup',
    // The worker's own error comes before it, in torch's words.
    rank: 30,
    pattern:
      /out of memory occurred when warming up (?:sampler|pooler)(?: with (?<requests>\d+) dummy requests)?/,
  },
  {
    cause: 'oom_weight_load',
    rank: 40,
    pattern:
      /Failed to load model - not enough GPU memory|Failed to create unquantized linear weights/,
    when: (match) => !isShared(match),
  },
  ...torchRules,
  {
    cause: 'oom_cuda_graph_capture',
    pattern: driverOom,
    when: ({ stage }) => stage === 'capturing',
  },
  { cause: 'cuda_error_oom', pattern: driverOom, when: ({ stage }) => stage !== 'capturing' },
];

const fullText = ({ askedGib, totalGib, freeGib, ownGib }: OomNumbers): string =>
  totalGib === null
    ? 'The log gives no sizes.'
    : [
        `The GPU has ${gibText(totalGib)}`,
        ...(ownGib === null ? [] : [`this process already held ${sizeText(ownGib)}`]),
        ...(freeGib === null ? [] : [`${sizeText(freeGib)} were free`]),
        ...(askedGib === null ? [] : [`${sizeText(askedGib)} more were asked for`]),
      ].join(', ') + '.';

/** A checkpoint that is quantized already can't be loaded in 4 bit by bitsandbytes. */
const quantizedName = /awq|gptq|fp8|fp4|int[48]|w[48]a\d|[48]-?bit|bnb|gguf/i;

const needsPlugin = ({ engineVersion }: CauseMatch): boolean =>
  engineVersion !== null && compareVersions(engineVersion, '0.28') >= 0;

function forWeights(match: CauseMatch): Remedy {
  const asked = askedFor(match);
  const sizes = fullText(readOomNumbers(match.text));
  const hint = 'Lowering the utilization does not help: weights are not part of the KV pool.';
  const isQuantized =
    (asked.quantization ?? null) !== null || quantizedName.test(match.launch.model ?? '');
  if (!isQuantized)
    return fix(
      `The weights do not fit: load them in 4 bit${needsPlugin(match) ? ' (pip install vllm-bnb-plugin first)' : ''}, or use an already quantized checkpoint, a free GPU or tensor parallel.`,
      `${sizes} ${hint} Four bits take about a quarter of 16-bit weights (embedding and head stay as they are).`,
      { quantization: 'bitsandbytes' },
    );
  const ranks = (asked.tensorParallelSize ?? 1) * 2;
  return fix(
    `The weights do not fit even quantized: spread them over ${String(ranks)} GPUs, or use a smaller model.`,
    `${sizes} ${hint}`,
    { tensorParallelSize: ranks },
  );
}

function forShared(match: CauseMatch): Remedy {
  const numbers = readOomNumbers(match.text);
  const others = othersGib(numbers) ?? 0;
  const total = numbers.totalGib ?? 0;
  // Half a GiB for the CUDA context, which is outside the share's accounting in old versions.
  const share = total > 0 ? floorHundredth((total - others - 0.5) / total) : 0;
  const why = `${fullText(numbers)} So other processes hold ${gibText(others)}.`;
  return share >= 0.1
    ? fix(
        `Set --gpu-memory-utilization ${String(share)}, or free the ${gibText(others)} that others hold.`,
        `${why} (${gibText(total)} − ${gibText(others)} − 0.50 GiB) / ${gibText(total)} → ${String(share)}.`,
        { gpuMemoryUtilization: share },
      )
    : fix('Free the GPU first: other processes hold nearly all of it.', why);
}

function forSampler(match: CauseMatch): Remedy {
  const asked = askedFor(match);
  // 1024 is V1's default; the warm-up runs one dummy request per sequence.
  const sequences = Number(match.groups.requests ?? asked.maxNumSeqs ?? 1024);
  const fewer = sequences > 256 ? 256 : Math.max(8, Math.floor(sequences / 2));
  const share = lowerUtilization(match, 0.05);
  return fix(
    `Lower --max-num-seqs to ${String(fewer)}${share === null ? '' : ` and --gpu-memory-utilization to ${String(share)}`}.`,
    `The sampler's warm-up needs logits for ${String(sequences)} requests at once, after the KV pool has taken its share; ${String(fewer)} need ${String(Math.round((100 * fewer) / sequences))} % of that.`,
    { maxNumSeqs: fewer, ...(share !== null && { gpuMemoryUtilization: share }) },
  );
}

function forCapture(match: CauseMatch): Remedy {
  const share = lowerUtilization(match, 0.05);
  const sizes = fullText(readOomNumbers(match.text));
  return share === null
    ? fix(
        'Start in eager mode (--enforce-eager): no graphs, 10–20 % slower.',
        `${sizes} CUDA graphs take 1–3 GiB beyond the KV pool.`,
        { enforceEager: true },
      )
    : fix(
        `Lower --gpu-memory-utilization to ${String(share)}; if that is not enough, --max-num-seqs or --enforce-eager.`,
        `${sizes} The KV pool had filled the share before the graphs were captured; they take 1–3 GiB more. ${shareText(match)} less 0.05 leaves them room.`,
        { gpuMemoryUtilization: share },
      );
}

function forProfile(match: CauseMatch): Remedy {
  const batch = askedFor(match).maxNumBatchedTokens ?? 8192;
  const fewer = Math.max(512, Math.floor(batch / 2));
  return fix(
    `Lower --max-num-batched-tokens to ${String(fewer)}.`,
    `${fullText(readOomNumbers(match.text))} The profile run computes one batch of that many tokens; its peak grows with it.`,
    { maxNumBatchedTokens: fewer },
  );
}

function forKvAllocation(match: CauseMatch): Remedy {
  const share = lowerUtilization(match, 0.05) ?? 0.7;
  return fix(
    `Lower --gpu-memory-utilization to ${String(share)}.`,
    `${fullText(readOomNumbers(match.text))} The KV pool that the profile run had measured was no longer free when it was allocated: something else on the GPU grew.`,
    { gpuMemoryUtilization: share },
  );
}

function forRuntime(match: CauseMatch): Remedy {
  const sequences = Math.max(8, Math.floor((askedFor(match).maxNumSeqs ?? 256) / 2));
  const share = lowerUtilization(match, 0.05);
  return fix(
    `Serve fewer requests at once (--max-num-seqs ${String(sequences)})${share === null ? '' : ` with --gpu-memory-utilization ${String(share)}`}.`,
    `${fullText(readOomNumbers(match.text))} It ran out while serving, so what grows with the number of requests must shrink.`,
    { maxNumSeqs: sequences, ...(share !== null && { gpuMemoryUtilization: share }) },
  );
}

export const outOfMemoryTexts: Readonly<Record<string, CauseText>> = {
  oom_weight_load: { title: 'The weights do not fit on the GPU', remedy: forWeights },
  oom_init_gpu_shared: {
    title: 'Other processes hold part of the GPU, and the rest was not enough',
    remedy: forShared,
  },
  oom_sampler_warmup: {
    title: "Out of GPU memory in the sampler's warm-up",
    remedy: forSampler,
  },
  oom_cuda_graph_capture: {
    title: 'Out of GPU memory while CUDA graphs were captured',
    remedy: forCapture,
  },
  oom_kv_cache_allocation: {
    title: 'Out of GPU memory while the KV cache was allocated',
    remedy: forKvAllocation,
  },
  oom_profile_run: { title: 'Out of GPU memory in the profile run', remedy: forProfile },
  oom_runtime: { title: 'Out of GPU memory while serving', remedy: forRuntime },
  cuda_error_oom: {
    title: 'The driver had no memory left outside the pool',
    remedy: (match) => {
      const share = lowerUtilization(match, 0.05);
      return fix(
        'Look for leftover processes on the GPU (Clean Up Zombie Processes…), restart notebook kernels that hold memory, then lower the utilization.',
        'CUDA itself, NCCL or cuBLAS could not allocate: memory outside of what vLLM accounts for, often held by a dead or forgotten process.',
        share === null ? {} : { gpuMemoryUtilization: share },
      );
    },
  },
};
