/** A whole command line without a process around it: from the words to an answer in writing and an exit code. */
import { parseArgs } from 'node:util';
import { version } from '../package.json';
import {
  EXIT_USAGE,
  isRefusal,
  oneLine,
  printable,
  type CliCommand,
  type CommandDoors,
  type CommandInput,
} from './app/commands/command';
import { findCommand } from './app/commands/commandTable';
import {
  commandHelpText,
  commandNamed,
  flagProblem,
  helpText,
  unknownCommand,
} from './app/commands/helpText';
import { normalizeArguments } from './app/commands/optionFlags';

export interface CommandLineDoors extends Omit<CommandDoors, 'tell'> {
  /** Writes to standard error. */
  writeError(text: string): void;
}

/** A text says what is wrong with the usage. */
function parseInput(
  command: CliCommand,
  args: readonly string[],
): { input: CommandInput; json: boolean } | string {
  const options = { ...command.flags, json: { type: 'boolean' } } as const;
  const normal = normalizeArguments(args);
  const problem = flagProblem(normal, options);
  if (problem !== null) return `${command.name}: ${problem}`;
  try {
    const { values, positionals } = parseArgs({ args: normal, options, allowPositionals: true });
    return { input: { flags: values, positionals }, json: values.json === true };
  } catch (error) {
    return error instanceof Error ? error.message : 'wrong usage';
  }
}

/** @returns the exit code; what is written is handed over by then */
export async function runCommandLine(
  args: readonly string[],
  doors: CommandLineDoors,
): Promise<number> {
  const [first] = args;
  if (first === '--version' || first === '-v' || first === '-V' || first === 'version') {
    await doors.write(`${version}\n`);
    return 0;
  }
  const wrong = (message: string): number => {
    doors.writeError(`vram-pilot: ${oneLine(message)}\n`);
    return EXIT_USAGE;
  };
  const isHelp = first === 'help';
  if (isHelp || args.includes('--help') || args.includes('-h')) {
    const words = isHelp ? args.slice(1) : args;
    const about = commandNamed(words);
    if (isHelp && !about && /^[^-]/.test(words[0] ?? '')) return wrong(unknownCommand(words));
    await doors.write(`${about ? commandHelpText(about) : helpText(version)}\n`);
    return 0;
  }
  const found = findCommand(args);
  if (!found) return wrong(unknownCommand(args));
  const parsed = parseInput(found.command, args.slice(found.words));
  if (typeof parsed === 'string') return wrong(parsed);
  // they wait: a refusal is one line on standard error and nothing else
  const remarks: string[] = [];
  const tell = (line: string): void => {
    remarks.push(oneLine(line));
  };
  const outcome = await found.command.run(parsed.input, { ...doors, tell });
  if ('streamed' in outcome) return 0;
  if (isRefusal(outcome)) {
    doors.writeError(`vram-pilot: ${outcome.message}\n`);
    return outcome.exitCode;
  }
  for (const remark of remarks) doors.writeError(`${remark}\n`);
  await doors.write(`${parsed.json ? JSON.stringify(outcome.json) : printable(outcome.text)}\n`);
  return outcome.exitCode;
}
