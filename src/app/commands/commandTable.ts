/** Every subcommand of the CLI. A new one is a file and a row. */
import { cleanCommand } from './cleanCommand';
import type { CliCommand } from './command';
import { diagnoseCommand } from './diagnoseCommand';
import { gpusCommand } from './gpusCommand';
import { planCommand } from './planCommand';
import { profileCheckCommand } from './profileCheckCommand';
import { workersCommand } from './workersCommand';

export const COMMANDS: readonly CliCommand[] = [
  planCommand,
  gpusCommand,
  cleanCommand,
  workersCommand,
  diagnoseCommand,
  profileCheckCommand,
];

/** The command whose words the arguments begin with, and how many words those are. */
export function findCommand(
  args: readonly string[],
): { readonly command: CliCommand; readonly words: number } | null {
  for (const command of COMMANDS) {
    const words = command.name.split(' ');
    if (words.every((word, index) => args[index] === word)) return { command, words: words.length };
  }
  return null;
}

export function helpText(version: string): string {
  const lines = [`vram-pilot ${version}`, '', 'Usage:'];
  for (const { usage, summary } of COMMANDS) {
    for (const line of usage) lines.push(`  vram-pilot ${line}`);
    lines.push(`      ${summary}`);
  }
  lines.push(
    '  vram-pilot help | --version',
    '',
    'Engine flags of plan carry their engines’ own names: --gpu-memory-utilization 0.8, --max-model-len 8192, --num-ctx 16384 …',
    'Sizes: 24GiB, 24GB, 512MiB. With --json standard output holds one JSON document.',
    'Exit codes of plan and profile check: 0 fits, 2 does not fit, 3 tight, 4 unknown.',
    'All: 64 wrong usage or input, 66 a file that is missing or unreadable, 70 a bug.',
  );
  return lines.join('\n');
}
