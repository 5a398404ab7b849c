/** What the machine refuses: its GPU, its memory, its files, its network; and a server that it killed. */
import type { CauseRule, CauseText } from '../../logRules';
import { always, duringStart, fix } from '../../remedies';

export const machineRules: readonly CauseRule[] = [
  {
    // Exit codes are below zero where a signal ended it: 9 the killer, 7 no room behind a mapping, 6 and 11 a fault.
    cause: 'engine_killed',
    rank: 90,
    pattern:
      /Failed core proc\(s\): \{[^}]*: -9\b|died unexpectedly \(exit code: -9\)|terminated with signal SIGKILL|oom_kill event|task \d+: Out Of Memory|[Oo]ut of memory: Killed process|^OOMKilled/,
  },
  {
    cause: 'shared_memory_too_small',
    rank: 88,
    pattern: /Failed core proc\(s\): \{[^}]*: -7\b|died unexpectedly \(exit code: -7\)/,
  },
  {
    cause: 'server_crashed',
    rank: 88,
    pattern:
      /Failed core proc\(s\): \{[^}]*: -(?:6|11)\b|died unexpectedly \(exit code: -(?:6|11)\)|Fatal Python error: |!!! Segfault encountered|Segmentation fault \(core|^Aborted \(core/,
  },
  {
    cause: 'cpu_too_old',
    pattern:
      /Illegal instruction(?: \(core dumped\)|$)|Failed core proc\(s\): \{[^}]*: -4\b|Fatal Python error: Illegal instruction/,
  },
  ...duringStart([
    {
      cause: 'gpu_unavailable',
      pattern:
        /Error (?<code>802): system not yet|Driver\/library version mismatch|NVML\/RM version mismatch|Error 804: forward compatibility|CUDA unknown error - this may be due to|CUDA-capable device.* busy or unavailable|CUDA driver initialization failed|CUDA error: (?:initialization error|unknown error)|NVMLError_(?:Unknown|GpuIsLost)|Unable to determine the device handle/,
    },
    {
      cause: 'no_gpu_detected',
      pattern: /invalid literal for int\(\) with base 10: '(?:GPU|MIG)-|NVMLError_InvalidArgument/,
      remedy: always(
        'Set CUDA_VISIBLE_DEVICES to numbers (0,1), as nvidia-smi lists them.',
        'Several versions do not read it as names.',
      ),
    },
    {
      cause: 'host_memory_exhausted',
      pattern:
        /DefaultCPUAllocator: (?:can't|not enough) |^MemoryError\b|_ArrayMemoryError: |terminate called after throwing an instance of 'std::bad_alloc'|\[Errno 12\] Cannot allocate memory|\(os error 1455\)|unable to mmap \d+ bytes|Too large swap space\. /,
    },
    { cause: 'too_many_files', pattern: /^(?:[\w.]*Error: .*)?Too many open files/ },
    {
      cause: 'permission_denied',
      // Reading a model on the way tries folders that it can do without.
      rank: 65,
      pattern:
        /\[Errno 13\] error while attempting to bind|(?:PermissionError: (?:\[Errno 13\] Permission denied|\[WinError 5\][^:]*)|OSError: \[Errno 30\] Read-only file system)(?:: '(?<path>[^']+)')?/,
    },
    {
      cause: 'file_missing',
      rank: 75,
      pattern:
        /^FileNotFoundError: \[Errno 2\] No such file or directory: '(?<path>[^']+)'|chat template string \((?<path2>.+)\) appears path-like|logging config\. File does not exist: %s', '(?<path3>[^']+)'/,
    },
    {
      cause: 'bad_flag_value',
      pattern: /OverflowError: .*port must be 0-65535/,
      remedy: always('Correct --port.', 'Ports are numbers from 1 to 65535.'),
    },
    {
      cause: 'bad_flag_value',
      pattern: /VLLM_PORT '[^']*' (?:appears to be a URI|must be)/,
      remedy: always(
        'Unset VLLM_PORT; in Kubernetes give the service a name other than vllm, or set enableServiceLinks: false.',
        'It must be a number; Kubernetes writes the address of a service called vllm into it.',
      ),
    },
    {
      cause: 'bad_flag_value',
      pattern: /^ValueError: Unknown level: '(?<level>\w+)'/,
      remedy: ({ groups }) =>
        fix('Set VLLM_LOGGING_LEVEL to INFO or DEBUG.', `It is ${groups.level ?? 'another'} now.`),
    },
    {
      cause: 'bad_flag_value',
      pattern: /(?<what>Invalid value '[^']*' for (?<flag>VLLM_\w+).*)/,
    },
    {
      cause: 'file_missing',
      pattern: /ZMQError: .*ipc path "/,
      remedy: always(
        'Set VLLM_RPC_BASE_PATH to a short folder that exists, such as /tmp.',
        'The processes talk through sockets there; such a path has at most 107 characters.',
      ),
    },
    {
      cause: 'bad_host',
      pattern:
        /\[Errno (?:99|10049)\].*annot assign requested address|could not bind on any address|^socket\.gaierror: /,
    },
    {
      cause: 'cluster_unreachable',
      pattern:
        /The client socket has (?:timed out|failed to connect)|DistNetworkError: |DistStoreError: |Gloo connectFullMesh failed|Every node should have a unique IP address|Could not find any running Ray instance|Failed to connect to GCS/,
    },
  ]),
];

export const machineTexts: Readonly<Record<string, CauseText>> = {
  cpu_too_old: {
    title: 'The processor lacks instructions this build uses',
    remedy: always(
      'Use another machine, or build vLLM on this one.',
      'Mostly AVX-512 or AVX2, which a virtual machine may hide.',
    ),
  },
  gpu_unavailable: {
    title: 'The GPU is there and does not answer',
    remedy: ({ groups }) =>
      groups.code === undefined
        ? fix(
            "Reboot after a driver update; in a container use the host driver's libraries; else end the process that holds the GPU.",
            'Driver and libraries differ, a suspend, or exclusive mode.',
          )
        : fix(
            "Start nvidia-fabricmanager of the driver's version.",
            'CUDA 802: the NVSwitch fabric is not set up.',
          ),
  },
  host_memory_exhausted: {
    title: 'Not enough memory in the machine (not on the GPU)',
    remedy: always(
      'Free memory or add swap; lower --swap-space, --cpu-offload-gb or the number of ranks.',
      'Weights pass through it, and each rank pins buffers of its own.',
    ),
  },
  too_many_files: {
    title: 'Too many open files',
    remedy: always(
      'Raise the limit first: ulimit -n 65535.',
      'Each rank and connection needs some.',
    ),
  },
  permission_denied: {
    title: 'A file or port is not allowed to this user',
    remedy: ({ groups }) =>
      groups.path === undefined
        ? fix('Choose a port from 1024 on.', 'Lower ones are reserved.')
        : fix(
            `Give this user access to ${groups.path}, or choose another folder (HF_HOME, VLLM_CACHE_ROOT).`,
            'Another user or a container made it.',
          ),
  },
  file_missing: {
    title: 'A file that the launch names does not exist',
    remedy: ({ groups }) =>
      fix(
        `Correct the path ${groups.path ?? groups.path2 ?? groups.path3 ?? ''}.`,
        'It is looked for where the server runs.',
      ),
  },
  bad_host: {
    title: 'The host to listen on is no address of this machine',
    remedy: always(
      'Set --host 127.0.0.1 or 0.0.0.0, and VLLM_HOST_IP to an address of this machine.',
      'It does not resolve, or belongs to another machine.',
    ),
  },
  cluster_unreachable: {
    title: 'The ranks or nodes did not find each other',
    remedy: always(
      'Set VLLM_HOST_IP, GLOO_SOCKET_IFNAME and NCCL_SOCKET_IFNAME to the network between them; check the firewall.',
      'One failed before, or listens on another network.',
    ),
  },
};
