/** What is installed: packages that are missing or do not match, and kernels that could not be compiled. */
import type { CauseRule, CauseText } from '../../logRules';
import { always, duringStart, fix } from '../../remedies';

export const installationRules: readonly CauseRule[] = duringStart([
  {
    cause: 'package_missing',
    pattern:
      /^ModuleNotFoundError: No module named '(?:resource|fcntl|termios|uvloop)'|uvloop does not support Windows/,
    remedy: always('Run vLLM in WSL or a container.', 'It does not run on Windows itself.'),
  },
  {
    cause: 'package_mismatch',
    pattern:
      /(?<lib>lib(?:cu|nvrtc|nccl|torch|c10)\w*\.so[\d.]*): cannot open shared object file|version `(?<lib2>GLIBC(?:XX)?_[\d.]+)' not found|: undefined symbol: |operator torchvision::nms does not exist|^ImportError: cannot import name '[^']+' from '(?<from>[^']+)'|numpy\.dtype size changed|compiled using NumPy 1\.x cannot be run|has no attribute '?all_special_tokens_extended|cuDNN version incompatibility|is required for a normal functioning of this module|flashinfer\S* version \(.*does not match|'_OpNamespace' '_\w*C' object has no attribute|Could not run '_\w*C\w*::|^ModuleNotFoundError: No module named 'vllm\./,
  },
  {
    cause: 'package_missing',
    rank: 60,
    pattern:
      /^ModuleNotFoundError: No module named '(?<name>[\w.]+)'|PackageNotFoundError: No package metadata was found for (?!vllm\b)(?<name2>[\w.-]+)/,
  },
  {
    cause: 'package_missing',
    pattern:
      /vllm: (?:command )?not found|'vllm' is not recognized as|: No module named vllm\b|metadata was found for vllm\b/,
    remedy: always('Install vLLM, or activate its environment.', 'There is no vllm on the path.'),
  },
  {
    cause: 'package_missing',
    rank: 62,
    pattern:
      /^ImportError: (?:Please install (?<name2>[\w.\-[\]]+)|(?<name3>lib[^:]+): cannot open|(?<name4>\w+) is not installed)|^[\w.]*Error: .*(?:pip install|uv pip install) (?:-\S+ )*[`'"]?(?<name>[\w.\-[\]]+[\w\]])/,
  },
  {
    cause: 'compiler_missing',
    rank: 45,
    pattern: /cannot find -lcuda|libcuda\.so cannot found/,
    remedy: always(
      'Run ldconfig; in WSL add /usr/lib/wsl/lib to LD_LIBRARY_PATH and LIBRARY_PATH.',
      'The linker does not find libcuda.so of the driver.',
    ),
  },
  {
    cause: 'kernel_too_large',
    pattern:
      /out of resource: (?<what>[a-z ]+), Required: (?<need>\d+),? Hardware limit: (?<limit>\d+)/,
  },
  {
    cause: 'compile_failed',
    // Mostly a wrapper: the compiler's own words come before or after.
    rank: 65,
    pattern:
      /InductorError: |BackendCompilerFailed: |torch\._dynamo\.exc\.\w+: |vLLM failed to compile the model|Inductor cache lookup failed|PassManager::run failed|ptxas fatal|PTXASError: |LLVM ERROR: /,
  },
]);

export const installationTexts: Readonly<Record<string, CauseText>> = {
  package_mismatch: {
    title: 'Packages of this environment do not match each other',
    remedy: ({ groups }) =>
      fix(
        'Install vLLM in a fresh environment, so that it brings its own torch and transformers, or use its container image.',
        (groups.lib ?? groups.lib2)
          ? `${groups.lib ?? groups.lib2 ?? ''} is not there: the build is for another system, CUDA or torch.`
          : `${groups.from ?? 'One'} was updated, or built against other versions.`,
      ),
  },
  package_missing: {
    title: 'A Python package is not installed',
    remedy: ({ groups }) =>
      fix(
        `Install ${groups.name ?? groups.name2 ?? groups.name3 ?? groups.name4 ?? 'it'} in the environment of vLLM.`,
        'This model or option needs it, and vLLM does not bring it.',
      ),
  },
  kernel_too_large: {
    title: 'A kernel needs more of the GPU than this one has',
    remedy: ({ groups }) =>
      fix(
        'Try another --attention-backend or --kv-cache-dtype, or another vLLM.',
        `${groups.need ?? ''} of ${groups.what ?? 'it'} wanted, ${groups.limit ?? ''} there.`,
        { kvCacheDtype: null },
      ),
  },
  compile_failed: {
    title: 'Compiling the model failed',
    remedy: always(
      'Delete ~/.cache/vllm/torch_compile_cache and ~/.triton/cache and start again; else --enforce-eager.',
      'Often a broken cache, or a GPU newer than the compiler.',
      { enforceEager: true },
    ),
  },
};
