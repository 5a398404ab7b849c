/** The daemon: its port, its folders, its environment, and the GPUs it found or did not. */
import type { CauseRule, CauseText } from '../../logRules';
import { always, fix, numberIn } from '../../remedies';

export const daemonRules: readonly CauseRule[] = [
  {
    // The words after bind: are localized on Windows, so all count but the two that mean something else.
    cause: 'port_in_use',
    pattern: /listen tcp (?<address>\S+): bind: (?!cannot assign|permission denied)/,
  },
  {
    cause: 'bad_host',
    pattern: /listen tcp.*(?:no such host|invalid port|bind: cannot assign requested address)/,
  },
  {
    cause: 'bad_host',
    pattern: /listen tcp \S+: bind: permission denied/,
    remedy: always('Choose a port from 1024 on.', 'Lower ones are reserved for the administrator.'),
  },
  { cause: 'home_missing', pattern: /\$HOME is not defined/ },
  {
    cause: 'models_dir_permission',
    pattern: /mkdir (?<path>\S+): permission denied: ensure path elements are traversable/,
  },
  {
    cause: 'home_permission',
    pattern:
      /(?:could not create directory mkdir (?<path>\S+)|open (?<path2>\S*id_ed25519)): permission denied/,
  },
  {
    cause: 'models_dir_permission',
    rank: 60,
    pattern: /^Error: (?:open|mkdir) (?<path>\S+): permission denied/,
  },

  {
    cause: 'bad_env',
    effect: 'degraded',
    rank: 52,
    pattern:
      /invalid environment variable, using default key=(?<key>\S+) value=(?<value>\S*)|invalid port, using default port=(?<port>\S+)/,
  },
  {
    cause: 'manifest_corrupt',
    effect: 'degraded',
    rank: 52,
    pattern: /bad manifest name=(?<name>\S+)|corrupt manifests detected/,
  },
  {
    cause: 'kv_type_needs_flash_attention',
    effect: 'degraded',
    rank: 52,
    pattern:
      /OLLAMA_FLASH_ATTENTION must be enabled to use a quantized OLLAMA_KV_CACHE_TYPE type=(?:q8_0|q4_0)/,
  },
  {
    cause: 'kv_type_invalid',
    effect: 'degraded',
    rank: 52,
    pattern:
      /OLLAMA_FLASH_ATTENTION must be enabled to use a quantized OLLAMA_KV_CACHE_TYPE type=(?!q8_0|q4_0)(?<type>\S+)/,
  },
  {
    cause: 'queue_full',
    effect: 'degraded',
    rank: 54,
    pattern:
      /server busy, please try again|^\[GIN\] [^|]*\| 503 \|[^|]*\|[^|]*\| POST +"\/(?:api|v1)\//,
  },
  {
    cause: 'num_ctx_clamped',
    effect: 'degraded',
    rank: 54,
    pattern:
      /requested context size too large for model num_ctx=(?<asked>\d+).* n_ctx_train=(?<trained>\d+)/,
  },
  {
    cause: 'cpu_fallback_insufficient_vram',
    effect: 'degraded',
    rank: 45,
    pattern:
      /insufficient VRAM to load any model layers|gpu has too little memory to allocate any layers|layers\.offload=0 .*memory\.required\.full="(?<need>[^"]+)"/,
    when: ({ text }) => !text.includes('offload to cpu') && !text.includes('library=cpu'),
  },
  {
    cause: 'cpu_fallback_driver_error',
    effect: 'degraded',
    rank: 45,
    // 100 is "no device"; the others are a driver that is there and does not work.
    pattern:
      /cuda(?:rt| driver library) (?:init failure|failed to get device context)[: ]+(?!100\b)(?<code>\d+)|cudaSetDevice err: (?!100\b)(?<code2>\d+)|ggml_cuda_init: failed to initialize CUDA: (?!no CUDA-capable)(?<what>.+)|NVIDIA driver too old|nvml vram init failure: (?<code3>18)\b/,
  },
  {
    cause: 'cpu_fallback_driver_error',
    effect: 'degraded',
    rank: 44,
    pattern: /permission problems block access|open (?<path>\/dev\/\S+): permission denied/,
    remedy: ({ groups }) =>
      fix(
        'Add its user to the groups render and video, or pass the devices to the container; then restart Ollama.',
        `${groups.path ?? 'The device file'} is not allowed to it.`,
      ),
  },
  {
    cause: 'cpu_fallback_gpu_unsupported',
    effect: 'degraded',
    rank: 45,
    pattern:
      /amdgpu is not supported.*gpu_type=(?<gpu>\w+)|skipping CUDA device .*compute capability not in compiled architectures|dropping integrated GPU/,
  },
  {
    cause: 'llama_server_missing',
    effect: 'degraded',
    rank: 42,
    pattern: /failure during llama-server GPU discovery.*llama-server binary not found/,
  },
  {
    cause: 'cpu_fallback_no_gpu',
    effect: 'degraded',
    rank: 60,
    pattern:
      /no compatible GPUs were discovered|cudart init failure: 100\b|no (?:CUDA|ROCm)-capable device is detected|no suitable rocm found|^inference compute id=\S+ library=cpu/,
  },
  {
    cause: 'partial_offload',
    effect: 'degraded',
    rank: 62,
    pattern: /offloaded (?<on>\d+)\/(?<of>\d+) layers to GPU/,
    when: ({ groups }) => Number(groups.on) < Number(groups.of),
  },
];

export const daemonTexts: Readonly<Record<string, CauseText>> = {
  port_in_use: {
    title: 'The port is taken',
    remedy: ({ groups }) =>
      fix(
        'Use the Ollama that already runs there, stop it, or set OLLAMA_HOST to another port.',
        `Something listens on ${groups.address ?? 'it'}; most often it is Ollama's own service.`,
      ),
  },
  bad_host: {
    title: 'OLLAMA_HOST is no address of this machine',
    remedy: always(
      'Set OLLAMA_HOST to 127.0.0.1 and a free port.',
      'The name does not resolve, or the address belongs to another machine.',
    ),
  },
  home_missing: {
    title: 'HOME is not set',
    remedy: always(
      'Start the server with HOME set.',
      'Ollama keeps its key and models there and does not start without it.',
    ),
  },
  models_dir_permission: {
    title: 'The models folder is not accessible',
    remedy: ({ groups }) =>
      fix(
        'Set OLLAMA_MODELS to a folder of your own, or join the group that owns it.',
        `${groups.path ?? 'The folder'} cannot be entered or made by this user.`,
      ),
  },
  home_permission: {
    title: 'The home folder cannot be written',
    remedy: ({ groups }) =>
      fix(
        'Set HOME to a folder of this user.',
        `${groups.path ?? groups.path2 ?? 'It'} could not be created or read.`,
      ),
  },
  bad_env: {
    title: 'A setting of the server is not valid and was ignored',
    remedy: ({ groups }) =>
      groups.port === undefined
        ? fix(
            `Correct ${groups.key ?? 'the variable'}.`,
            `"${groups.value ?? ''}" is not valid; the default is used.`,
          )
        : fix(
            'Choose a port up to 65535.',
            `Port ${groups.port} does not exist; the server listens on its default port instead.`,
          ),
  },
  manifest_corrupt: {
    title: 'The manifest of a model is damaged',
    remedy: ({ groups }) =>
      fix(
        'Pull or delete that model.',
        `${groups.name ?? 'One manifest'} cannot be read; the model is missing from lists and cannot be loaded.`,
      ),
  },
  queue_full: {
    title: 'Requests were turned away: the queue is full',
    remedy: always(
      'Ask less at once, or raise OLLAMA_MAX_QUEUE.',
      'Beyond the queue the server answers 503.',
    ),
  },
  num_ctx_clamped: {
    title: 'The context is longer than the model was trained for, and was cut',
    remedy: ({ groups }) => {
      const trained = numberIn(groups, 'trained') ?? 0;
      return fix(
        `Set num_ctx ${String(trained)} or less.`,
        `${groups.asked ?? ''} tokens were asked for, ${String(trained)} are the model's longest.`,
        {
          ...(trained > 0 && { numCtx: trained }),
        },
      );
    },
  },
  cpu_fallback_insufficient_vram: {
    title: 'No layer fitted on the GPU: the model runs on the CPU',
    remedy: always(
      'Free GPU memory, lower num_ctx, enable flash attention, or use a smaller model (or one without a vision part).',
      'Before any layer, the GPU must hold the compute graph, the projector and a reserve of 457 MiB.',
      { flashAttention: true, numCtx: 4096 },
    ),
  },
  cpu_fallback_driver_error: {
    title: 'The GPU driver does not answer: Ollama runs on the CPU',
    remedy: ({ groups }) => {
      const code = groups.code ?? groups.code2;
      if (groups.code3 !== undefined)
        return fix(
          'Reboot after the driver update, then restart Ollama.',
          'NVML 18: the driver in the kernel and its libraries are of different versions.',
        );
      return fix(
        code === '802'
          ? 'Start nvidia-fabricmanager of the driver’s version, then restart Ollama.'
          : 'Reload nvidia_uvm (rmmod nvidia_uvm && modprobe nvidia_uvm) or reboot, then restart Ollama.',
        code === '802'
          ? 'CUDA 802: the NVSwitch fabric of this machine is not set up.'
          : `CUDA ${code ?? groups.what ?? 'error'}: mostly after suspend, or when a container lost its GPU; else the driver is too old.`,
      );
    },
  },
  cpu_fallback_gpu_unsupported: {
    title: 'Ollama has no kernels for this GPU and runs on the CPU',
    remedy: ({ groups }) =>
      fix(
        'On Linux try HSA_OVERRIDE_GFX_VERSION with a close relative (11.0.0 for gfx110x), else the Vulkan backend; OLLAMA_IGPU_ENABLE=1 for integrated GPUs.',
        `${groups.gpu ?? 'The GPU'} is not among those this build was made for.`,
      ),
  },
  cpu_fallback_no_gpu: {
    title: 'Ollama found no GPU and runs on the CPU',
    remedy: always(
      'Check the driver (nvidia-smi, rocminfo), CUDA_VISIBLE_DEVICES and the container’s access to the GPU, then restart Ollama.',
      'No device was visible to it when it started.',
    ),
  },
  partial_offload: {
    title: 'Only part of the model is on the GPU',
    remedy: ({ groups }) =>
      fix(
        'Free GPU memory, lower num_ctx, or use a smaller quantization.',
        `${groups.on ?? ''} of ${groups.of ?? ''} layers are on the GPU; the rest runs on the CPU and slows every token.`,
      ),
  },
};
