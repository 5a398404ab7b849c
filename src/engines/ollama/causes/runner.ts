/** The runner itself: its build, the GPU under it, and an end that only the last lines explain. */
import type { CauseRule, CauseText } from '../../logRules';
import { always, fix } from '../../remedies';

export const runnerRules: readonly CauseRule[] = [
  {
    cause: 'wrong_build',
    rank: 45,
    pattern:
      /(?:CUDA|ROCm|HIP) error: (?:no kernel image is available|invalid device function|the provided PTX)|Cannot read \S*TensileLibrary|failed to initialize the Metal library/,
  },
  {
    cause: 'wrong_build',
    pattern: /this model requires MLX support/,
    remedy: always(
      'Pull a GGUF tag of the model.',
      'It is stored for MLX, whose runtime is not here.',
    ),
  },
  {
    cause: 'gpu_fault',
    rank: 48,
    pattern:
      /(?:CUDA|ROCm|HIP) error: (?<what>an illegal memory access was encountered|misaligned address|unspecified launch failure|the launch timed out|device-side assert triggered|uncorrectable ECC error|CUBLAS_STATUS_\w+)|GPU has fallen off the bus/,
    // Without memory for its workspace cuBLAS says so in words of its own.
    when: ({ text }) => !text.includes('ALLOC_FAILED'),
  },
  {
    cause: 'cpu_too_old',
    pattern: /SIGILL: illegal instruction|signal: illegal instruction|exit status 0xc000001d/,
  },
  {
    cause: 'llama_server_missing',
    rank: 45,
    pattern:
      /error while loading shared libraries: (?<lib>\S+?):|version `(?<lib2>GLIBC(?:XX)?_[\d.]+)' not found|^error: invalid argument: /,
    remedy: ({ groups }) =>
      fix(
        'Install Ollama again, with its lib/ollama folder, or use its container image.',
        `${groups.lib ?? groups.lib2 ?? 'A runner of the same version'} is not there.`,
      ),
  },
  {
    cause: 'model_refused',
    // Mostly the second half of a sentence whose first half has a row of its own.
    rank: 65,
    pattern:
      /error loading model: (?!unable to allocate)(?<what>.+?)"?$|unable to load model: |panic: failed to load model/,
  },
  {
    cause: 'runner_terminated',
    rank: 75,
    pattern:
      /(?:llama runner|llama-server) process has terminated: (?!signal: killed)|GGML_ASSERT\(|an error was encountered while running the model/,
  },
];

export const runnerTexts: Readonly<Record<string, CauseText>> = {
  wrong_build: {
    title: 'This build has no kernels for the GPU',
    remedy: always(
      'Update Ollama and the driver; for AMD try HSA_OVERRIDE_GFX_VERSION or Vulkan, for old cards an older release.',
      'The GPU is not among those it was made for, or the driver is too old.',
    ),
  },
  gpu_fault: {
    title: 'The GPU reported a fault',
    remedy: ({ groups }) =>
      fix(
        'Restart Ollama; if it comes back, turn flash attention off and look at dmesg for Xid lines.',
        `${groups.what ?? 'The GPU was lost'}: a kernel bug, overclocked memory or the hardware.`,
        { flashAttention: false },
      ),
  },
  cpu_too_old: {
    title: 'The processor lacks instructions this build uses',
    remedy: always(
      "Use the official build; in a virtual machine pass the host's processor through.",
      'Illegal instruction: mostly AVX, which a virtual machine hides.',
    ),
  },
  model_refused: {
    title: 'The runner does not take the model file',
    remedy: ({ groups }) =>
      fix(
        'Update Ollama and pull the model again; else use another conversion of it.',
        groups.what ?? "Its reason stands in the server's log.",
      ),
  },
};
