/** What a tool said when it named no GPU: its own words, because nothing more is known about them. */
import type { Gpu, GpuProblem, ToolOutput } from './gpu';
import { firstLine } from './values';

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
  if (/permission denied|missing the following required groups/i.test(first.stdout + first.stderr))
    return [
      {
        id: 'permission',
        text: `No right to use the GPU: check the groups video and render. ${tool} says: ${said ?? ''}`,
      },
    ];
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
