/** The machine around vLLM: GPU and driver, ports, packages, disks, the cluster. */
import type { CauseRule, CauseText } from '../../logRules';
import { always, fix } from '../../remedies';

export const environmentRules: readonly CauseRule[] = [
  {
    cause: 'port_in_use',
    pattern:
      /\[Errno (?:98|48|10048)\].*already in use|\(errno: 98 - |ZMQError: Address already in use|code: -98, name: EADDRINUSE|[Aa]ddress \('[^']*', (?<port>\d+)\): address already in use/,
  },
  {
    cause: 'no_gpu_detected',
    pattern:
      /Failed to infer device type|Found no NVIDIA driver on your system|No (?:CUDA|HIP) GPUs are available|Torch not compiled with CUDA enabled|Device string must not be empty|^(?:\w+\.)?NVMLError_(?:LibraryNotFound|DriverNotLoaded)|0 active drivers \(\[\]\)|libcuda\.so\.1: cannot open|no (?:CUDA|ROCm)-capable device|could not select device driver|nvidia-container-cli: initialization error/,
  },
  {
    cause: 'driver_too_old',
    pattern:
      /The NVIDIA driver on your system is too old \(found version (?<found>\d+)\)|CUDA driver version is insufficient|provided PTX was compiled with an unsupported toolchain|[Uu]nsupported display driver|nvidia-container-cli: requirement error/,
  },
  {
    cause: 'wrong_build',
    pattern:
      /no kernel image is available for execution on the device|device kernel image is invalid|HIP error: invalid device function|hipErrorNoBinaryForGpu|Cannot read \S*TensileLibrary|Value 'sm_\w+' is not defined for option|No supported CUDA architectures found/,
  },
  {
    cause: 'missing_bitsandbytes',
    pattern: /Please install bitsandbytes>=(?<version>[\d.]+\d)|No module named 'bitsandbytes'/,
  },
  { cause: 'ray_missing', pattern: /Failed to import Ray/ },
  {
    cause: 'compiler_missing',
    pattern:
      /nvcc: (?:command )?not found|No such file or directory: '[^']*(?:nvcc|ninja|gcc|g\+\+|cmake)'|cannot execute 'cc1plus'|CalledProcessError: Command '\[?'?[^' ]*(?:gcc|clang|nvcc)\b|fatal error: cuda_runtime|Could not find nvcc|CUDA_HOME environment variable is not set|ninja: build stopped|Ninja build failed|Error building extension|Failed to find C compiler|fatal error: Python\.h/,
  },
  {
    cause: 'disk_full',
    pattern: /No space left on device|Disk quota exceeded/,
    when: ({ text }) => !/\/dev\/shm|<\/torch_/.test(text),
  },
  {
    cause: 'shared_memory_too_small',
    pattern:
      /Insufficient space in \/dev\/shm|\/dev\/shm.*No space left on device|unable to (?:open|mmap) shared memory|unable to write to file <\/torch_|Bus error|bus error encountered/,
  },
  {
    cause: 'nccl_error',
    pattern:
      /NCCL error|ncclUnhandledCudaError|ncclSystemError|ncclRemoteError|ncclInvalidUsage|ncclInternalError|Duplicate GPU detected|peer access is not supported between|Watchdog caught collective operation timeout|peer-to-peer access from \d+ to \d+:/,
  },
  { cause: 'cuda_fork', pattern: /Cannot re-initialize CUDA in forked subprocess/ },
  {
    cause: 'gpu_fault',
    pattern:
      /(?:CUDA|HIP) error: (?<what>an illegal (?:memory access|instruction) was encountered|misaligned address|unspecified launch failure|the launch timed out|device-side assert triggered|uncorrectable ECC error|CUBLAS_STATUS_(?!ALLOC)\w+)|cuDNN error: CUDNN_STATUS_/,
  },
  { cause: 'engine_hung', pattern: /RPC call to \w+ timed out/ },
  {
    cause: 'start_timeout',
    pattern:
      /Timed out waiting for (?:new )?(?:engine core processes to start|engines to send)|Did not receive response from front-end process within/,
  },
];

export const environmentTexts: Readonly<Record<string, CauseText>> = {
  port_in_use: {
    title: 'The port is taken',
    remedy: ({ groups }) =>
      fix(
        'Choose another port, or stop the server that listens there; a leftover vLLM worker may hold it.',
        `Something else listens on ${groups.port === undefined ? 'it' : `port ${groups.port}`}; vLLM takes its port before it loads.`,
      ),
  },
  no_gpu_detected: {
    title: 'vLLM found no GPU it can use',
    remedy: always(
      'Check the driver (nvidia-smi), start containers with --gpus all, and use the vLLM build for this device.',
      'No driver, an empty CUDA_VISIBLE_DEVICES, a CPU build of torch, or no access from the container.',
    ),
  },
  driver_too_old: {
    title: 'The GPU driver is older than this vLLM needs',
    remedy: ({ groups }) =>
      fix(
        'Update the driver, or install an older vLLM or its build for an older CUDA.',
        `${groups.found === undefined ? 'The driver' : `Driver version ${groups.found}`} does not run this build; wheels from 0.20 on are built with CUDA 13.`,
      ),
  },
  wrong_build: {
    title: 'This build has no kernels for the GPU',
    remedy: always(
      'Install the wheel or image for this GPU; new GPUs need a newer vLLM.',
      "The compute capability is not among the build's.",
    ),
  },
  missing_bitsandbytes: {
    title: 'bitsandbytes is not installed',
    remedy: ({ groups }) =>
      fix(
        `Install it in the environment of vLLM: pip install "bitsandbytes${groups.version === undefined ? '' : `>=${groups.version}`}".`,
        '4-bit loading needs that package; vLLM does not bring it.',
      ),
  },
  ray_missing: {
    title: 'Ray is not installed',
    remedy: always(
      'pip install "ray[cgraph]", or leave out --distributed-executor-backend ray.',
      'vLLM does not bring it any more.',
    ),
  },
  compiler_missing: {
    title: 'A kernel had to be compiled, and the tools for it are missing',
    remedy: always(
      'Install build-essential, python3-dev, ninja and the CUDA toolkit, or set VLLM_USE_FLASHINFER_SAMPLER=0 and --attention-backend FLASH_ATTN.',
      'FlashInfer, DeepGEMM and Triton compile for the GPU at the first start.',
    ),
  },
  disk_full: {
    title: 'A disk is full',
    remedy: always(
      'Free space, or put the cache on another disk (HF_HOME).',
      'The download or a cache could not be written.',
    ),
  },
  shared_memory_too_small: {
    title: 'Shared memory is too small',
    remedy: always(
      'Start the container with --ipc=host or --shm-size=8g.',
      'Containers get 64 MiB of /dev/shm; the workers need more.',
    ),
  },
  nccl_error: {
    title: 'The GPUs could not talk to each other',
    remedy: always(
      'Start with NCCL_DEBUG=INFO to see why; try NCCL_P2P_DISABLE=1 and --disable-custom-all-reduce.',
      'NCCL failed: peer access, the network interface, or two ranks on one GPU.',
    ),
  },
  cuda_fork: {
    title: 'CUDA was used before the worker was forked',
    remedy: always(
      'Set VLLM_WORKER_MULTIPROC_METHOD=spawn.',
      'A forked process cannot take over CUDA.',
    ),
  },
  gpu_fault: {
    title: 'The GPU reported a fault',
    remedy: ({ groups }) =>
      fix(
        'Start again; if it comes back, try --enforce-eager or another attention backend, and look at dmesg for Xid lines.',
        `CUDA: ${groups.what ?? 'fault'}. A kernel bug or the hardware.`,
        { enforceEager: true },
      ),
  },
  engine_hung: {
    title: 'A worker did not answer in time',
    remedy: always(
      'Restart; look for NCCL or GPU faults above.',
      'The engine waits 300 s for one step.',
    ),
  },
  start_timeout: {
    title: 'The engine took longer to start than vLLM waits',
    remedy: always(
      'Raise VLLM_ENGINE_READY_TIMEOUT_S (600 s).',
      'Large models on slow disks, or compilation, take longer.',
    ),
  },
};
