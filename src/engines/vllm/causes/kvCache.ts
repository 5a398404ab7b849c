/** The start checks around the KV cache: free memory, room for blocks, room for one request. */
import type { Remedy } from '../../engine';
import type { CauseMatch, CauseRule, CauseText } from '../../logRules';
import { askedFor, fix, floorHundredth, floorToStep, gibText, numberIn } from '../../remedies';
import { defaultUtilization, shareText } from './utilization';

/** Kept free beside the share: what grows between the look and the check. */
const MARGIN_GIB = 0.1;
const HIGHEST_SHARE = 0.95;
const BLOCK_TOKENS = 16;

/** The second is the short form, as people quote it. */
export const freeMemoryChecks: readonly RegExp[] = [
  /(?:Free memory on device(?: \S+)?|Available memory on node \d+) \((?<free>[\d.]+)\/(?<total>[\d.]+) Gi?B\) on startup is less than (?:desired [CG]PU memory utilization|the engine's budget [^(]+) \((?<util>[\d.]+), (?<want>[\d.]+) Gi?B\)/,
  /Free memory \((?<free>[\d.]+) Gi?B\) < desired \((?<want>[\d.]+) Gi?B at (?<util>[\d.]+) utilization\)/,
];

export const kvCacheRules: readonly CauseRule[] = [
  ...freeMemoryChecks.map((pattern) => ({ cause: 'free_memory_check', pattern })),
  {
    cause: 'kv_cache_no_blocks',
    pattern:
      /No available memory for the cache blocks|Cannot auto-fit max_model_len: not enough GPU memory/,
  },
  { cause: 'kv_cache_no_blocks', rank: 60, pattern: /# (?:GPU|cuda) blocks: 0\b/ },
  {
    cause: 'kv_cache_too_small',
    pattern:
      /To serve at least one request with the model(?:'?s)?(?:'s)? max seq len \((?<len>\d+)\),? \(?(?<need>[\d.]+) GiB KV cache is needed, which is larger than the available KV cache memory \((?<have>-?[\d.]+) GiB\)(?:.*?estimated maximum model length is (?<est>\d+))?/,
  },
  {
    cause: 'kv_cache_too_small',
    pattern:
      /The model's max seq len \((?<len>\d+)\) is larger than the maximum number of tokens that can be stored in KV cache \((?<est>\d+)\)/,
  },
  {
    cause: 'bad_flag_value',
    pattern: /No common block size for (?<size>\d+) \((?<what>.+)\)/,
    remedy: ({ groups }) =>
      fix(
        'Leave --block-size out.',
        `${groups.size ?? ''} is not among ${groups.what ?? 'its sizes'}.`,
        {
          blockSize: null,
        },
      ),
  },
  {
    cause: 'mamba_blocks_too_few',
    pattern:
      /max_num_seqs \((?<seqs>\d+)\) exceeds available Mamba cache blocks \((?<blocks>\d+)\)/,
  },
  {
    cause: 'profiling_disturbed',
    pattern:
      /Error in memory profiling\. Initial (?:free|used) memory (?<before>[\d.]+)[^,]*, current(?:ly)? (?:free|used) memory (?<after>[\d.]+)/,
  },
  {
    cause: 'multimodal_reserve_too_large',
    pattern:
      /multimodal GPU decoding reserves (?<reserved>[\d.]+) GiB, but only (?<left>[\d.]+) GiB/,
  },
  {
    cause: 'cpu_ram_too_small',
    pattern:
      /Available memory on node \d+ \((?<free>[\d.]+)\/(?<total>[\d.]+) GiB\) on kv cache allocation is less than requested memory for kv \((?<want>-?[\d.]+)(?:\/[\d.]+)? GiB\)/,
  },
];

function forFreeMemory({ groups }: CauseMatch): Remedy {
  const free = numberIn(groups, 'free') ?? 0;
  const want = numberIn(groups, 'want') ?? 0;
  const util = numberIn(groups, 'util') ?? 0;
  const total = numberIn(groups, 'total') ?? (util > 0 ? want / util : 0);
  const share = total > 0 ? floorHundredth((free - MARGIN_GIB) / total) : 0;
  const why = `${String(util)} × ${gibText(total)} = ${gibText(want)} wanted, ${gibText(free)} free: ${gibText(want - free)} short.`;
  if (share < 0.05)
    return fix(`Free ${gibText(want - free)} on the GPU: nearly nothing of it is free.`, why);
  return fix(
    `Set --gpu-memory-utilization ${String(share)}, or free ${gibText(want - free)}.`,
    `${why} (${gibText(free)} − ${gibText(MARGIN_GIB)}) / ${gibText(total)} → ${String(share)}.`,
    { gpuMemoryUtilization: share },
  );
}

function forNoBlocks(match: CauseMatch): Remedy {
  const asked = askedFor(match);
  const kvBytes = asked.kvCacheMemoryBytes ?? null;
  if (kvBytes !== null)
    return fix(
      'Drop --kv-cache-memory-bytes (or give it far more): it holds no block for one request.',
      `${kvBytes.toLocaleString('en-US')} bytes were fixed for the KV cache.`,
      { kvCacheMemoryBytes: null },
    );
  const share = defaultUtilization(match);
  const sequences = Math.max(16, Math.floor(Math.min(asked.maxNumSeqs ?? 256, 256) / 4));
  const batch = Math.min(asked.maxNumBatchedTokens ?? 8192, 2048);
  // A small share is itself the mistake: half the card is the least that is useful.
  const higher = share < 0.5 ? 0.6 : floorHundredth(Math.min(HIGHEST_SHARE, share + 0.05));
  const why = `At ${shareText(match)} the weights, the profile run's peak and the graphs already take the whole share, so nothing is left for the KV cache.`;
  if (share < HIGHEST_SHARE)
    return fix(
      `Raise --gpu-memory-utilization to ${String(higher)} with --max-num-seqs ${String(sequences)} and --max-num-batched-tokens ${String(batch)}; else use a quantized checkpoint or tensor parallel.`,
      `${why} Fewer sequences and smaller batches lower that peak.`,
      { gpuMemoryUtilization: higher, maxNumSeqs: sequences, maxNumBatchedTokens: batch },
    );
  return (asked.quantization ?? null) === null
    ? fix('Load the weights in 4 bit, or use tensor parallel.', why, {
        quantization: 'bitsandbytes',
      })
    : fix('Use tensor parallel over two GPUs, or a smaller model.', why, {
        tensorParallelSize: (asked.tensorParallelSize ?? 1) * 2,
      });
}

function forTooSmall(match: CauseMatch): Remedy {
  const { groups } = match;
  const length = numberIn(groups, 'len') ?? 0;
  const estimate = numberIn(groups, 'est');
  const need = numberIn(groups, 'need');
  const have = numberIn(groups, 'have');
  const step = askedFor(match).blockSize ?? BLOCK_TOKENS;
  if (estimate !== null && estimate >= step) {
    const fits = floorToStep(estimate, step);
    return fix(
      `Set --max-model-len ${String(fits)}, or raise --gpu-memory-utilization, or use --kv-cache-dtype fp8.`,
      `vLLM's own estimate is ${String(estimate)} tokens${have === null ? '' : ` for the ${gibText(have)} it has`}; rounded down to blocks of ${String(step)}: ${String(fits)} instead of ${String(length)}.`,
      { maxModelLen: fits },
    );
  }
  if (need === null || have === null || have <= 0) return forNoBlocks(match);
  // Both sizes are rounded to 0.01 GiB: take the unfavourable ends.
  const fits = floorToStep((length * Math.max(0, have - 0.005)) / (need + 0.005), step);
  return fix(
    `Set --max-model-len ${String(fits)}, or raise --gpu-memory-utilization slightly (${gibText(need - have)} are missing).`,
    `${String(length)} tokens need ${gibText(need)}, ${gibText(have)} are there: ${String(length)} × ${have.toFixed(2)} / ${need.toFixed(2)}, less rounding, in blocks of ${String(step)} → ${String(fits)}.`,
    { maxModelLen: fits },
  );
}

export const kvCacheTexts: Readonly<Record<string, CauseText>> = {
  free_memory_check: {
    title: 'Less GPU memory is free than the utilization asks for',
    remedy: forFreeMemory,
  },
  kv_cache_no_blocks: { title: 'No memory is left for the KV cache', remedy: forNoBlocks },
  kv_cache_too_small: {
    title: 'One request of the full length does not fit into the KV cache',
    remedy: forTooSmall,
  },
  mamba_blocks_too_few: {
    title: 'More sequences than state blocks of the hybrid model',
    remedy: ({ groups }) =>
      fix(
        `Set --max-num-seqs ${String(groups.blocks)}.`,
        `The graphs are captured for ${String(groups.seqs)} sequences, and each needs a state block; there are ${String(groups.blocks)}.`,
        { maxNumSeqs: Number(groups.blocks) },
      ),
  },
  profiling_disturbed: {
    title: 'Another process freed GPU memory during the profile run',
    remedy: ({ groups }) =>
      fix(
        'Start again, one server after the other on each GPU.',
        `${String(groups.before)} GiB were free before the profile run and ${String(groups.after)} GiB after it; vLLM bills every change to itself and refuses.`,
      ),
  },
  multimodal_reserve_too_large: {
    title: 'Decoding of pictures reserves more than is left',
    remedy: ({ groups }) =>
      fix(
        'Lower --mm-ipc-gpu-memory-gb in the extra arguments.',
        `${String(groups.reserved)} GiB are reserved, ${String(groups.left)} GiB are left beside weights and profile peak.`,
      ),
  },
  cpu_ram_too_small: {
    title: 'The KV cache asked for is larger than the free memory of the machine',
    remedy: ({ groups }) => {
      const gib = Math.max(1, Math.floor((numberIn(groups, 'free') ?? 2) / 2));
      return fix(
        `Set VLLM_CPU_KVCACHE_SPACE=${String(gib)} (GiB), or give --kv-cache-memory-bytes.`,
        `${String(groups.want)} GiB were asked for, ${String(groups.free)} of ${String(groups.total)} GiB are free; half of it leaves room for weights and the system.`,
        { kvCacheMemoryBytes: gib * 1024 ** 3 },
      );
    },
  },
};
