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
