/** A model that could not be loaded, or was lost while it ran. */
import type { Remedy } from '../../engine';
import type { CauseMatch, CauseRule, CauseText } from '../../logRules';
import { always, askedFor, fix, floorToStep, gibText, numberIn } from '../../remedies';

export const loadRules: readonly CauseRule[] = [
  { cause: 'unknown_architecture', pattern: /unknown model architecture: '(?<arch>[^']+)'/ },
  {
    cause: 'unknown_architecture',
    pattern:
      /unknown pre-tokenizer type: '(?<arch>[^']+)'|has invalid ggml type (?<type>\d+)|unsupported architecture(?: "(?<arch2>\w+))?|unsupported model format/,
    remedy: ({ groups }) =>
      fix(
        'Update Ollama, or use another model or conversion.',
        `The file uses ${groups.arch ?? groups.arch2 ?? 'a format'}, which this version does not know.`,
      ),
  },
  {
    cause: 'vulkan_buffer_limit',
    rank: 30,
    pattern:
      /ggml_vulkan: (?:Device memory allocation of size (?<bytes>\d+) failed|Requested buffer size exceeds device memory allocation limit)/,
  },
  {
    cause: 'system_memory_insufficient',
    rank: 35,
    pattern:
      /model requires more system memory \((?<need>[\d.]+) GiB\) than is available(?: \((?<have>[\d.]+) GiB\))?|model request too large for system requested="(?<need2>[\d.]+) GiB"(?: available="(?<have2>[\d.]+) GiB")?|ggml_aligned_malloc: insufficient memory \(attempted to allocate (?<mb>[\d.]+) MB\)|mmap failed: Cannot allocate memory|^fatal error: runtime: out of memory/,
  },
  {
    cause: 'gpu_oom_compute_buffer',
    rank: 40,
    pattern:
      /ggml_gallocr_reserve_n(?:_impl)?: failed to allocate \S+ buffer of size (?<bytes>\d+)|failed to allocate compute (?:pp )?buffers/,
  },
  { cause: 'gpu_oom_kv_cache', rank: 40, pattern: /failed to allocate buffer for kv cache/ },
  {
    cause: 'gpu_oom_load',
    pattern:
      /allocating (?<mib>[\d.]+) MiB on device (?<device>\d+): cudaMalloc failed|(?:cuda|hip)Malloc failed: out of memory|unable to allocate (?!CPU)\w+ buffer|CUDA error 2 at \S+: out of memory|memory layout cannot be allocated|failed to (?:commit|allocate) memory for model|ErrorOutOfDeviceMemory|kIOGPUCommandBufferCallbackErrorOutOfMemory|alloc_tensor_range: failed to allocate (?!CPU)|_alloc_buffer: error: failed to allocate buffer|unable to load full model on GPU|model requires [\d.]+ GiB but only /,
  },
  {
    cause: 'gpu_oom_runtime',
    rank: 45,
    pattern: /^(?:CUDA|ROCm|HIP) error: (?:out of memory|CUBLAS_STATUS_ALLOC_FAILED)/,
  },
  {
    cause: 'load_timeout',
    pattern:
      /timed out waiting for (?:llama runner|llama-server) to start(?: - progress (?<progress>[\d.]+))?/,
    when: ({ text }) => !text.includes('context canceled'),
  },
  {
    cause: 'load_canceled_by_client',
    pattern:
      /client connection closed before .* finished loading|waiting for llama runner to start: context canceled/,
  },
  {
    cause: 'kv_type_invalid',
    pattern:
      /error while handling argument "--cache-type-[kv]": Unsupported cache type: (?<type>\S+)/,
  },
  {
    cause: 'kv_type_invalid',
    pattern: /cache type (?<type>\S+) with block size \d+ does not divide/,
    remedy: always(
      'Use OLLAMA_KV_CACHE_TYPE=f16 for this model.',
      'Its heads cannot be cut into blocks of that type.',
      {
        kvCacheType: null,
      },
    ),
  },
  {
    cause: 'llama_arg_env_invalid',
    rank: 40,
    pattern: /error while handling environment variable "(?<name>LLAMA_ARG_\w+)": (?<what>.+)/,
  },
  {
    cause: 'kv_type_needs_flash_attention',
    pattern:
      /quantized V cache requires flash_attn|V cache quantization requires flash_attn|quantized V cache was requested, but this requires Flash Attention/,
  },
  { cause: 'llama_server_missing', pattern: /llama-server binary not found/, rank: 40 },
  {
    cause: 'gguf_corrupt',
    pattern:
      /offset\+size \(\d+\) exceeds file size|invalid file magic|check_tensor_dims: tensor '(?<tensor>[^']+)' not found|missing tensor '(?<tensor2>[^']+)'|supplied file was not in GGUF format|invalid magic characters|failed to read tensor data|error loading model: read error|is not within the file bounds, model is corrupted|digest mismatch, file must be downloaded/,
  },
  {
    cause: 'blob_missing',
    pattern: /couldn't open model file error="open (?<path>\S+?): no such file/,
  },
  {
    cause: 'runner_killed_by_os',
    rank: 60,
    pattern:
      /process has terminated: signal: killed|process no longer running sys=9|process has terminated with exit code -1\b|process has terminated: exit status 137/,
  },
  {
    cause: 'runner_terminated',
    rank: 70,
    pattern:
      /(?:llama runner|llama-server)(?: process)? (?:has )?terminated(?: error="|: )exit status (?<status>\w+)|^post predict error=.*EOF|POST predict: Post .*EOF|llama runner process no longer running|llama-server process exited|model runner has unexpectedly stopped|model failed to load, this may be due to/,
  },
];

const lessContext = (match: CauseMatch): number =>
  floorToStep((askedFor(match).numCtx ?? 8192) / 2, 1024);

/** Two layers less on the GPU, where the runner's command told how many there were. */
function fewerLayers(match: CauseMatch): { numGpu?: number } {
  const layers = askedFor(match).numGpu ?? null;
  return layers === null || layers < 2 ? {} : { numGpu: layers - 2 };
}

/** Beyond this a context that is short already makes up for nothing. */
const CONTEXT_CAN_SAVE = 1.25;

function forSystemMemory(match: CauseMatch): Remedy {
  const { groups } = match;
  const mb = numberIn(groups, 'mb');
  const need =
    numberIn(groups, 'need') ?? numberIn(groups, 'need2') ?? (mb === null ? null : mb / 1024);
  const have = numberIn(groups, 'have') ?? numberIn(groups, 'have2');
  const context = lessContext(match);
  const asked = askedFor(match).numCtx ?? null;
  const isHopeless =
    asked !== null && asked <= 8192 && have !== null && (need ?? 0) > have * CONTEXT_CAN_SAVE;
  return fix(
    isHopeless
      ? 'Use a smaller model or quantization; or free memory, or add swap.'
      : `Use a smaller model or quantization, or a shorter context (num_ctx ${String(context)}); close programs or add swap.`,
    `The part that does not go to the GPU must fit into memory: ${need === null ? 'it' : gibText(need)} ${need === null ? 'did not' : 'wanted'}${have === null ? '' : `, ${gibText(have)} available, ${gibText(Math.max(0, (need ?? 0) - have))} short`}.`,
    isHopeless ? {} : { numCtx: context },
  );
}

function forGpuLoad(match: CauseMatch): Remedy {
  const mib = numberIn(match.groups, 'mib');
  const context = lessContext(match);
  return fix(
    `Shorten the context (num_ctx ${String(context)}), put fewer layers on the GPU (num_gpu), or keep memory aside with OLLAMA_GPU_OVERHEAD (LLAMA_ARG_FIT_TARGET from 0.30 on).`,
    mib === null
      ? 'Layers were sent to the GPU that it had no room for; something else may hold its memory.'
      : `${gibText(mib / 1024)} were sent to GPU ${match.groups.device ?? '0'}, which had less.`,
    { numCtx: context, ...fewerLayers(match) },
  );
}

export const loadTexts: Readonly<Record<string, CauseText>> = {
  unknown_architecture: {
    title: 'This Ollama does not support the architecture',
    remedy: ({ groups }) =>
      fix(
        'Update Ollama, or use another model or conversion.',
        `Its runner does not know "${groups.arch ?? ''}". Versions from 0.30 on dropped some older vision models (mllama).`,
      ),
  },
  vulkan_buffer_limit: {
    title: 'One buffer is larger than Vulkan allocates',
    remedy: (match) => {
      const bytes = numberIn(match.groups, 'bytes');
      const context = lessContext(match);
      return fix(
        `Enable flash attention, or lower num_ctx (${String(context)}) or num_batch.`,
        `Vulkan drivers limit one allocation, mostly to 4 GiB${bytes === null ? '' : `; ${gibText(bytes / 1024 ** 3)} were asked for`}.`,
        { flashAttention: true, numCtx: context },
      );
    },
  },
  system_memory_insufficient: {
    title: 'Not enough memory in the machine',
    remedy: forSystemMemory,
  },
  gpu_oom_compute_buffer: {
    title: 'The weights fit on the GPU, the compute buffer does not',
    remedy: (match) => {
      const bytes = numberIn(match.groups, 'bytes');
      const context = lessContext(match);
      return fix(
        `Lower num_ctx (${String(context)}), num_batch, or num_gpu by one or two layers.`,
        `${bytes === null ? 'The compute buffer' : `A compute buffer of ${gibText(bytes / 1024 ** 3)}`} grows with context and batch.`,
        {
          numCtx: context,
          numBatch: Math.max(64, Math.floor((askedFor(match).numBatch ?? 512) / 2)),
        },
      );
    },
  },
  gpu_oom_kv_cache: {
    title: 'The KV cache does not fit',
    remedy: (match) => {
      const context = lessContext(match);
      return fix(
        `Lower num_ctx (${String(context)}), or store the cache in 8 bit (OLLAMA_KV_CACHE_TYPE=q8_0).`,
        'The cache grows with context × slots; q8_0 takes about half.',
        { numCtx: context },
      );
    },
  },
  gpu_oom_load: { title: 'The model does not fit on the GPU', remedy: forGpuLoad },
  gpu_oom_runtime: {
    title: 'The GPU ran out of memory in a request',
    remedy: (match) => {
      const context = lessContext(match);
      return fix(
        `Put fewer layers on the GPU (num_gpu), lower num_ctx (${String(context)}), or keep memory aside (OLLAMA_GPU_OVERHEAD).`,
        'The model was loaded, and the first buffers of a request no longer fitted. On an APU reserve more memory for it in the firmware.',
        { numCtx: context, ...fewerLayers(match) },
      );
    },
  },
  load_timeout: {
    title: 'Loading took longer than Ollama waits',
    remedy: ({ groups }) =>
      fix(
        'Raise OLLAMA_LOAD_TIMEOUT (for example 30m), or move the models to a faster disk.',
        `The limit counts time without progress${groups.progress === undefined ? '' : `; it stood at ${groups.progress}`}. From 0.30 on reading the weights prints nothing, so all of it counts.`,
      ),
  },
  load_canceled_by_client: {
    title: 'The client left while the model loaded',
    remedy: always(
      'Ask again and wait: the answer comes only when the load has ended.',
      'Ollama cancels a load when the one who asked for it hangs up.',
    ),
  },
  kv_type_invalid: {
    title: 'Ollama does not know that KV cache type',
    remedy: ({ groups }) =>
      fix(
        'Set OLLAMA_KV_CACHE_TYPE to f16, q8_0 or q4_0.',
        `"${groups.type ?? ''}" is none of them.`,
        { kvCacheType: null },
      ),
  },
  llama_arg_env_invalid: {
    title: "A variable meant for llama.cpp breaks Ollama's runner",
    remedy: ({ groups }) =>
      fix(
        `Unset ${groups.name ?? 'the LLAMA_ARG_ variable'} for the server.`,
        `Ollama passes its whole environment on: ${groups.what ?? 'the value is refused'}. The search for GPUs fails by it as well.`,
      ),
  },
  kv_type_needs_flash_attention: {
    title: 'A quantized KV cache needs flash attention',
    remedy: always(
      'Enable flash attention (OLLAMA_FLASH_ATTENTION=1), or use f16.',
      'The quantized V cache is only read by the flash attention kernels.',
      {
        flashAttention: true,
      },
    ),
  },
  llama_server_missing: {
    title: "Ollama's installation is incomplete",
    remedy: always(
      'Install Ollama again, with its lib/ollama folder.',
      'The binary was copied without llama-server beside it.',
    ),
  },
  gguf_corrupt: {
    title: 'The model file is damaged',
    remedy: ({ groups }) =>
      fix(
        'Remove the model and pull or create it again.',
        (groups.tensor ?? groups.tensor2)
          ? `It lacks the tensor ${groups.tensor ?? groups.tensor2 ?? ''}.`
          : 'Its header does not agree with its size.',
      ),
  },
  blob_missing: {
    title: 'The model is listed, but its file is gone',
    remedy: ({ groups }) =>
      fix(
        'Pull the model again.',
        `${groups.path ?? 'Its blob'} does not exist; Ollama then says that the model "does not support generate".`,
      ),
  },
  runner_killed_by_os: {
    title: 'The runner was killed, most likely for lack of memory',
    remedy: always(
      'Use a smaller model or more memory; dmesg tells what the out-of-memory killer did.',
      'It ended by SIGKILL, which neither Ollama nor the model sends by itself.',
    ),
  },
  runner_terminated: {
    title: 'The runner ended by itself',
    remedy: (match) =>
      match.groups.status === '127'
        ? fix(
            'Install Ollama again; check the runner with ldd.',
            'Exit status 127: the runner or one of its libraries is missing.',
          )
        : fix(
            'Look for the error above; lower num_ctx or num_gpu.',
            `It ended${match.groups.status === undefined ? '' : ` with status ${match.groups.status}`} during a load or a request.`,
            {
              numCtx: lessContext(match),
            },
          ),
  },
};
