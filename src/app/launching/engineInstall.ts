/** How to get an engine on this machine, as its makers say it: commands to copy and pages to read. Nothing is run. */
import type { EngineId } from '../../shared/planRequest';
import type { SelfFacts } from '../../processes/scene';

export interface InstallWay {
  readonly engine: EngineId;
  readonly label: string;
  readonly detail: string;
  /** To copy into a terminal; null: see the page. */
  readonly command: string | null;
  readonly page: string;
}

const VLLM_PAGE = 'https://docs.vllm.ai/en/latest/getting_started/installation/';
const OLLAMA_PAGE = 'https://ollama.com/download';

type System = NonNullable<SelfFacts['system']>;

const OLLAMA: Readonly<Record<System, { command: string; detail: string }>> = {
  linux: { command: 'curl -fsSL https://ollama.com/install.sh | sh', detail: "Ollama's installer" },
  wsl: { command: 'curl -fsSL https://ollama.com/install.sh | sh', detail: "Ollama's installer" },
  mac: { command: 'brew install ollama', detail: 'with Homebrew' },
  windows: { command: 'winget install Ollama.Ollama', detail: 'with WinGet' },
};

/**
 * @param system absent: Linux
 * @param vendor maker of the first GPU; absent: not known
 */
export function waysToInstall(system: System = 'linux', vendor?: string): readonly InstallWay[] {
  const vllm = { engine: 'vllm', page: VLLM_PAGE } as const;
  const ollama = { engine: 'ollama', page: OLLAMA_PAGE } as const;
  const hasVllm = system === 'linux' || system === 'wsl';
  // the wheels that a bare name installs are built for CUDA; other makers have builds and steps of their own
  const isCuda = vendor === undefined || vendor === 'nvidia';
  return [
    ...(hasVllm && isCuda
      ? [
          {
            ...vllm,
            label: 'Copy: uv tool install vllm',
            detail: 'vLLM for NVIDIA, found on PATH afterwards',
            command: 'uv tool install vllm',
          },
        ]
      : []),
    {
      ...vllm,
      label: 'How to install vLLM',
      detail: hasVllm
        ? 'for every GPU, in an environment or a container'
        : 'it has no build for this system; on Windows it runs in WSL',
      command: null,
    },
    { ...ollama, ...OLLAMA[system], label: `Copy: ${OLLAMA[system].command}` },
    { ...ollama, label: 'Download Ollama', detail: 'for every system', command: null },
  ];
}
