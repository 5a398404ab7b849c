/** What a process looks like. A look is a hint for words and for refusing; alone it never allows a signal. */
import type { ProcessInfo } from './process';

export type ProcessRole =
  /** Answers requests: `vllm serve`, or one of its `VLLM::APIServer`s. */
  | 'vllmServer'
  | 'vllmEngine'
  | 'vllmWorker'
  /** Of data parallel engines; holds no GPU. */
  | 'vllmCoordinator'
  /** Of PyTorch's inductor; leaves by itself. */
  | 'compileWorker'
  /** Made by Python's multiprocessing: an engine process without a title yet, or any program's helper. */
  | 'spawned'
  /** Python's, removes shared memory that others left behind; leaves by itself. */
  | 'tracker'
  | 'ollamaServer'
  | 'ollamaRunner'
  /** A notebook's or debugger's kernel: somebody works with it. */
  | 'notebook'
  | 'ray'
  | 'python'
  | 'display'
  | 'editor'
  | 'shell'
  /** Takes over children whose parent has ended, and makes no engine. */
  | 'reaper'
  | 'other';

interface Look {
  /** First argument, or the short name where the arguments are already gone (an exiting process). */
  readonly title: string;
  /** Last part of the executable's path as it was called. */
  readonly base: string;
  readonly comm: string;
  readonly args: readonly string[];
}

const basename = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;

const PYTHON = /^(python|pypy)[\d.]*(\.exe)?$/i;
/** PyTorch renames the main thread. */
const PYTHON_COMM = /^(python[\d.]*|pt_main_thread)$/;

const isPython = (look: Look): boolean => PYTHON.test(look.base) || PYTHON_COMM.test(look.comm);

/** `python …/ipykernel_launcher`, `-m ipykernel…`: an argument of its own, not a word somewhere in a line. */
const hasArgument = (look: Look, pattern: RegExp): boolean =>
  look.args.some((argument) => pattern.test(argument));

const PYTHON_OPTION_WITH_VALUE = /^-[XW]$/;

/**
 * The program itself. Whoever was given these words to start it with (`uv run vllm serve`, a supervisor, a shell) is
 * none: it may well live on when the server is gone, and be the one its leftovers are handed to.
 */
function isVllmProgram(look: Look): boolean {
  const { args } = look;
  let at = 0;
  if (isPython(look))
    for (at = 1; args[at]?.startsWith('-') === true && args[at] !== '-m';)
      at += PYTHON_OPTION_WITH_VALUE.test(args[at] ?? '') ? 2 : 1;
  if (args[at] === '-m') return /^vllm(\.entrypoints\..+)?$/.test(args[at + 1] ?? '');
  const program = args[at] ?? '';
  return (
    (basename(program) === 'vllm' && args[at + 1] === 'serve') ||
    /[\\/]vllm[\\/]entrypoints[\\/]/.test(program)
  );
}

const SHELL = /^-?(ba|z|fi|da|k|mk|tc|c|a)?sh$|^-?(nu|pwsh|login|elvish|xonsh)$/;

const DISPLAY =
  /^(Xorg.*|Xwayland|X|gnome-shell|\.?kwin_(x11|wayland).*|plasmashell|mutter.*|weston|sway|Hyprland|niri|labwc|river|wayfire|cosmic-comp|gamescope.*|enlightenment|cinnamon|xfwm4|picom|compiz|sddm.*|gdm.*|lightdm.*|marco|budgie-wm|WindowServer|nxagent|X(tiger|tight)?vnc|Xvfb)$|^(dwm|csrss|explorer|SearchHost|ShellHost|ShellExperienceHost|StartMenuExperienceHost|TextInputHost|ApplicationFrameHost|SystemSettings)\.exe$|^(firefox|librewolf|chrome|chromium|brave|msedge|vivaldi|opera)([-.].*)?$/i;

/** Reap other people's children: pid 1 of systems and containers, systemd --user, container shims. */
const REAPER =
  /^(systemd|init|tini|dumb-init|docker-init|catatonit|s6-svscan|runit|openrc-init|launchd|containerd-shim.*|conmon)$/;

/** On macOS its parts are called `Code Helper (Plugin)`, on Windows `Code.exe`. */
const EDITOR =
  /^(code( - insiders)?|code-insiders|code-tunnel|code-server|codium|vscodium|cursor|windsurf|electron|openvscode-server)( helper.*)?(\.exe)?$/i;

/**
 * First match wins. Titles: vLLM sets `VLLM::…` through setproctitle since 0.10.1, and the kernel cuts the short
 * name at 15 characters (`VLLM::EngineCor`). Until the title is set (10-15 s) an engine process is a plain `spawn_main`.
 * Runners of Ollama: `ollama runner` up to 0.2x, its own `lib/ollama/llama-server` since 0.30.
 */
const LOOKS: readonly (readonly [ProcessRole, (look: Look) => boolean])[] = [
  ['vllmEngine', ({ title }) => /^VLLM::EngineCor(e(_DP\d+)?)?$/.test(title)],
  ['vllmWorker', ({ title }) => /^VLLM::Worker(_[A-Z]+\d*)*$/.test(title)],
  ['vllmServer', ({ title }) => /^VLLM::APIServer(_\w+)?$/.test(title)],
  ['vllmCoordinator', ({ title }) => /^VLLM::DPCoordinat(or)?$/.test(title)],
  [
    'notebook',
    (look) =>
      hasArgument(
        look,
        /(^|[\\/.])(ipykernel|ipykernel_launcher|colab_kernel_launcher|debugpy|pydevd|pydevconsole|spyder_kernels|IJulia)([\\/.]|$)|^IRkernel::main\(/,
      ) ||
      (isPython(look) && /[\\/](ipython3?|marimo)$/.test(look.args[1] ?? '')),
  ],
  [
    'spawned',
    (look) =>
      hasArgument(look, /^from multiprocessing\.spawn import spawn_main/) &&
      look.args.includes('--multiprocessing-fork'),
  ],
  ['tracker', (look) => hasArgument(look, /^from multiprocessing\.resource_tracker import main/)],
  [
    'compileWorker',
    (look) => isPython(look) && hasArgument(look, /torch[\\/]_inductor[\\/]compile_worker/),
  ],
  [
    'ray',
    (look) =>
      look.title.startsWith('ray::') ||
      /^(raylet|gcs_server)$/.test(look.base) ||
      /^ray::|^raylet$/.test(look.comm),
  ],
  ['vllmServer', isVllmProgram],
  ['vllmServer', ({ base, comm }) => base === 'vllm' || comm === 'vllm'],
  ['ollamaServer', ({ base, args }) => /^ollama(\.exe)?$/.test(base) && args[1] === 'serve'],
  ['ollamaRunner', ({ base, args }) => /^ollama(\.exe)?$/.test(base) && args[1] === 'runner'],
  ['ollamaRunner', ({ base }) => base === 'ollama_llama_server'],
  [
    'ollamaRunner',
    (look) =>
      /^llama-server(\.exe)?$/.test(look.base) &&
      /[\\/]lib[\\/]ollama[\\/]/.test(look.title) &&
      hasArgument(look, /[\\/]blobs[\\/]sha256-/),
  ],
  [
    'display',
    (look) =>
      DISPLAY.test(look.comm) ||
      DISPLAY.test(look.base) ||
      look.args.includes('--type=gpu-process'),
  ],
  [
    'editor',
    (look) =>
      EDITOR.test(look.base) ||
      EDITOR.test(look.comm) ||
      hasArgument(look, /bootstrap-fork|^--type=(extensionHost|ptyHost)$/),
  ],
  ['shell', (look) => SHELL.test(look.base) || SHELL.test(look.comm)],
  ['reaper', (look) => REAPER.test(look.comm) || REAPER.test(look.base)],
  ['python', isPython],
];

/** By its look alone (title, name, arguments), which anybody can imitate: enough to spare a process, never to end one. */
export function roleOf(process: ProcessInfo): ProcessRole {
  const title = (process.args[0] ?? process.comm).trim();
  const look: Look = {
    title,
    base: basename(title),
    comm: process.comm,
    args: process.args,
  };
  return LOOKS.find(([, test]) => test(look))?.[0] ?? 'other';
}

/** Answers requests; while one lives, the processes around it are not left over. */
export function isServerRole(role: ProcessRole): boolean {
  return role === 'vllmServer' || role === 'ollamaServer';
}

/** Processes an engine makes for itself, and which can outlive their server. */
export function isEngineRole(role: ProcessRole): boolean {
  return (
    role === 'vllmEngine' ||
    role === 'vllmWorker' ||
    role === 'vllmCoordinator' ||
    role === 'spawned' ||
    role === 'ollamaRunner'
  );
}

/** Nothing we look after, wherever in a tree it stands. */
export function isUntouchableRole(role: ProcessRole): boolean {
  return role === 'display' || role === 'editor' || role === 'notebook' || role === 'reaper';
}

const INTERACTIVE_FLAG = /^(-[a-z]*[il][a-z]*|--login|--interactive)$/;

/** A shell somebody may sit at: a login shell, one asked to be interactive, or one without a script. */
export function isInteractiveShell(process: ProcessInfo): boolean {
  if (roleOf(process) !== 'shell') return false;
  const rest = process.args.slice(1);
  return (
    rest.length === 0 ||
    (process.args[0] ?? '').startsWith('-') ||
    (INTERACTIVE_FLAG.test(rest[0] ?? '') && !rest.includes('-c'))
  );
}
