/** What NVIDIA's tools say when they fail, and what it means. Data: one row per cause. */
import type { GpuProblem, ToolOutput } from '../gpu';
import { firstLine } from '../values';

interface ProblemRow {
  readonly id: string;
  /** Whole outputs are searched with `\s+` for blanks, because narrow Windows consoles wrap the text. */
  readonly pattern: RegExp;
  readonly advice: string;
}

const ROWS: readonly ProblemRow[] = [
  {
    id: 'driver_library_mismatch',
    pattern: /Driver\s*\/\s*library\s+version\s+mismatch/i,
    advice: 'The NVIDIA driver was updated while it was loaded: restart the machine.',
  },
  {
    id: 'driver_not_loaded',
    pattern:
      /couldn.{0,3}t\s+communicate\s+with\s+the\s+NVIDIA\s+driver|Failed\s+to\s+initialize\s+NVML:\s+Driver\s+Not\s+Loaded/i,
    advice: 'The NVIDIA driver is not running: load or reinstall it.',
  },
  {
    id: 'no_devices',
    pattern: /No\s+devices\s+were\s+found/i,
    advice:
      'The NVIDIA driver runs but sees no GPU: check the card, Above 4G Decoding, and that the driver knows this card.',
  },
  {
    id: 'unknown_field',
    pattern: /Field\s+"[^"]*"\s+is\s+not\s+a\s+valid\s+field\s+to\s+query/i,
    advice: 'This nvidia-smi does not know a field it was asked for.',
  },
  {
    id: 'gpu_requires_reset',
    pattern: /GPU\s+requires\s+reset/i,
    advice: 'A GPU needs a reset: end what uses it, then reset it or restart the machine.',
  },
  {
    id: 'power_cables',
    pattern: /insufficiently\s+powered|external\s+power\s+cables/i,
    advice: "A GPU's external power cables are not attached properly: shut down and check them.",
  },
  {
    id: 'gpu_lost',
    // of a GPU whose handle is refused for a reason that has an id of its own, that is said
    pattern:
      /GPU\s+is\s+lost|Unable\s+to\s+determine\s+the\s+device\s+handle\s+for\s+GPU(?!.{0,200}(?:Insufficient\s+Permissions|insufficiently\s+powered|requires\s+reset))/i,
    advice: 'A GPU fell off the bus: restart the machine, then check its power and its slot.',
  },
  {
    id: 'permission',
    pattern:
      /(?:initialize\s+NVML|device\s+handle\s+for\s+GPU.{0,200}):\s+(?:Insufficient\s+Permissions|No\s+Permission|GPU\s+access\s+blocked)/i,
    advice:
      'No right to use the GPU: check the groups video and render, and /dev/nvidia*; under WSL, the driver of Windows.',
  },
  {
    id: 'nvml_unknown',
    pattern: /Failed\s+to\s+initialize\s+NVML:\s+Unknown\s+Error/i,
    advice: 'The container lost its access to the GPU: restart the container.',
  },
  {
    id: 'library_not_found',
    pattern:
      /couldn.{0,3}t\s+find\s+\S*(?:libnvidia-ml|nvml)|Failed\s+to\s+initialize\s+NVML:\s+\S*\s*Not\s+Found/i,
    advice: "NVIDIA's management library is missing: reinstall the driver.",
  },
  {
    id: 'nvml_failed',
    pattern: /Failed\s+to\s+initialize\s+NVML/i,
    advice: "NVIDIA's management library does not start.",
  },
  {
    id: 'inforom_corrupted',
    pattern: /infoROM\s+is\s+corrupted/i,
    advice: "A GPU's infoROM is corrupted; its readings are still valid.",
  },
];

/** Exit codes of nvidia-smi's own page, for outputs without a known text. */
const BY_EXIT_CODE: Readonly<Record<number, { id: string; advice: string }>> = {
  4: { id: 'permission', advice: 'No right to use the GPU.' },
  8: { id: 'power_cables', advice: "A GPU's external power cables are not attached properly." },
  9: { id: 'driver_not_loaded', advice: 'The NVIDIA driver is not running.' },
  12: { id: 'library_not_found', advice: "NVIDIA's management library is missing." },
  15: { id: 'gpu_lost', advice: 'A GPU cannot be reached.' },
};

/** Every known failure named in a text, each with the line that says so; of the causes for "it does not start" only the first. */
export function findProblems(text: string): GpuProblem[] {
  const problems: GpuProblem[] = [];
  for (const { id, pattern, advice } of ROWS) {
    const match = pattern.exec(text);
    const starts = problems.some((problem) => NOT_STARTED.has(problem.id));
    if (match && !(starts && NOT_STARTED.has(id)))
      problems.push({ id, text: `${advice} nvidia-smi says: ${lineAround(text, match.index)}` });
  }
  return problems;
}

const NOT_STARTED = new Set([
  'driver_library_mismatch',
  'driver_not_loaded',
  'permission',
  'nvml_unknown',
  'library_not_found',
  'nvml_failed',
]);

/** The field an old nvidia-smi refuses; one such field fails the whole query. */
export function refusedField(text: string): string | null {
  return /Field\s+"([^"]*)"\s+is\s+not\s+a\s+valid\s+field\s+to\s+query/i.exec(text)?.[1] ?? null;
}

/** What the end of a call says that nothing it printed explains; null where it ended well. */
export function problemOfExit(output: ToolOutput): GpuProblem | null {
  const { exitCode } = output;
  // 14 is the infoROM warning: values are printed and valid.
  if (exitCode === 0 || exitCode === 14) return null;
  if (exitCode === null)
    return {
      id: 'crash',
      text: 'nvidia-smi crashed, as some drivers make it under WSL: update the Windows driver.',
    };
  const known = BY_EXIT_CODE[exitCode];
  const said = firstLine(output.stdout) || firstLine(output.stderr);
  return {
    id: known?.id ?? 'failed',
    text: `${known?.advice ?? 'nvidia-smi failed.'} Exit code ${exitCode}${said === '' ? '' : `: ${said}`}`,
  };
}

function lineAround(text: string, at: number): string {
  const start = text.lastIndexOf('\n', at) + 1;
  const end = text.indexOf('\n', at);
  return text
    .slice(start, end === -1 ? undefined : end)
    .trim()
    .slice(0, 200);
}
