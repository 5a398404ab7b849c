/** What a tool said when it named no GPU: its own words, because nothing more is known about them. */
import type { Gpu, GpuProblem, ToolOutput } from './gpu';
import { firstLine } from './values';

/** What tools of every maker say when they fail, and what it means. One row per cause, the first that fits. */
const CAUSES: readonly (readonly [id: string, pattern: RegExp, advice: string])[] = [
  [
    'permission',
    /permission denied|missing the following required groups|STATUS_NO_PERM/i,
    'No right to use the GPU: check the groups video and render.',
  ],
  [
    'driver_not_loaded',
    /amdgpu not found in modules|DRIVER_NOT_LOADED|Driver not initialized|Level Zero Initialization Error/i,
    "The GPU's driver is not running: load or reinstall it.",
  ],
  [
    'no_devices',
    /No devices? discovered|No (?:AMD )?GPUs? (?:was |were )?(?:found|detected)|No JSON data to report/i,
    'The tool runs but sees no GPU.',
  ],
  [
    'tool_missing',
    /: (?:command )?not found$|-smi: No such file or directory$|is not recognized as (?:an internal|the name)/im,
    'The tool is not installed on that machine.',
  ],
  ['crash', /^Segmentation fault|core dumped|^Aborted\b/m, 'The tool crashed.'],
];

/** What a recording without a figure says went wrong; null: nothing that is known. */
export function recordedProblem(text: string): GpuProblem | null {
  const cause = CAUSES.find(([, pattern]) => pattern.test(text));
  return cause ? { id: cause[0], text: `${cause[2]} It says: ${firstLine(text)}` } : null;
}

/** Nothing where there are GPUs: warnings beside good figures are no problem. */
export function toolProblems(
  tool: string,
  outputs: readonly (ToolOutput | null)[],
  gpus: readonly Gpu[],
): GpuProblem[] {
  const [first] = outputs;
  if (gpus.length > 0) return [];
  if (first == null) return [{ id: 'timeout', text: `${tool} did not answer.` }];
  const said = [first.stderr, first.stdout].map(firstLine).find((line) => line !== '');
  const cause = CAUSES.find(
    ([id, pattern]) => id !== 'tool_missing' && pattern.test(`${first.stdout}\n${first.stderr}`),
  );
  if (cause) return [{ id: cause[0], text: `${cause[2]} ${tool} says: ${said ?? ''}` }];
  if (first.exitCode === null) return [{ id: 'crash', text: `${tool} crashed.` }];
  return first.exitCode === 0
    ? [{ id: 'no_devices', text: `${tool} named no GPU${said === undefined ? '.' : `: ${said}`}` }]
    : [
        {
          id: 'failed',
          text: `${tool} failed, exit code ${String(first.exitCode)}${said === undefined ? '.' : `: ${said}`}`,
        },
      ];
}
