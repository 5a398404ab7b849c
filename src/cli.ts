/** Front door in a terminal and in CI: parses arguments, runs a command, prints its answer, sets the exit code. */
import fs from 'node:fs';
import readline from 'node:readline';
import { parseArgs } from 'node:util';
import { version } from '../package.json';
import {
  EXIT_BUG,
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
import type { Log } from './app/ports';
import { openSystem } from './system/openSystem';
import { runSimulatedServer } from './system/simulatedServer';

const silent = (): void => undefined;
const noLog: Log = { debug: silent, info: silent, warn: silent, error: silent };

/** Resolves when the text is handed over, so that an exit loses none of it and a slow reader is waited for. */
function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, (error) => {
      if (error) endUnwritten(error);
      resolve();
    });
  });
}

async function* readLines(path: string): AsyncIterable<string> {
  const input = path === '-' ? process.stdin : fs.createReadStream(path);
  yield* readline.createInterface({ input, crlfDelay: Infinity });
}

async function readStdin(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

/** Remarks wait in `remarks`: a refusal is one line on standard error and nothing else. */
function openDoors(remarks: string[]): CommandDoors {
  return {
    ...openSystem(),
    log: noLog,
    environment: process.env,
    readStdin,
    readLines,
    write: (text) => write(process.stdout, text),
    tell: (line) => {
      remarks.push(oneLine(line));
    },
  };
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

async function main(args: readonly string[]): Promise<number> {
  const [first] = args;
  if (first === '--version' || first === '-v' || first === '-V' || first === 'version') {
    await write(process.stdout, `${version}\n`);
    return 0;
  }
  const wrong = (message: string): number => {
    process.stderr.write(`vram-pilot: ${oneLine(message)}\n`);
    return EXIT_USAGE;
  };
  const isHelp = first === 'help';
  if (isHelp || args.includes('--help') || args.includes('-h')) {
    const words = isHelp ? args.slice(1) : args;
    const about = commandNamed(words);
    if (isHelp && !about && /^[^-]/.test(words[0] ?? '')) return wrong(unknownCommand(words));
    await write(process.stdout, `${about ? commandHelpText(about) : helpText(version)}\n`);
    return 0;
  }
  // what the extension starts instead of vLLM while it simulates; lives until it is stopped
  if (first === 'simulated-server') return runSimulatedServer(args.slice(1));
  const found = findCommand(args);
  if (!found) return wrong(unknownCommand(args));
  const parsed = parseInput(found.command, args.slice(found.words));
  if (typeof parsed === 'string') return wrong(parsed);
  const remarks: string[] = [];
  const outcome = await found.command.run(parsed.input, openDoors(remarks));
  if ('streamed' in outcome) return 0;
  if (isRefusal(outcome)) {
    process.stderr.write(`vram-pilot: ${outcome.message}\n`);
    return outcome.exitCode;
  }
  for (const remark of remarks) process.stderr.write(`${remark}\n`);
  await write(
    process.stdout,
    `${parsed.json ? JSON.stringify(outcome.json) : printable(outcome.text)}\n`,
  );
  return outcome.exitCode;
}

/** A reader that has seen enough (`| head`) closes the pipe: that is no error. A full disk is. */
function endUnwritten({ code = '' }: NodeJS.ErrnoException): never {
  if (code === 'EPIPE') process.exit(0);
  process.stderr.write(`vram-pilot: the answer can't be written: ${code}\n`);
  process.exit(EXIT_BUG);
}

process.stdout.on('error', endUnwritten);
process.stderr.on('error', silent);

main(process.argv.slice(2)).then(
  // Not `exitCode`: a GPU tool that hangs must not keep a finished command from ending.
  (code) => process.exit(code),
  (error: unknown) => {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    process.stderr.write(`vram-pilot: a bug, please report it: ${oneLine(text)}\n`);
    process.exit(EXIT_BUG);
  },
);
