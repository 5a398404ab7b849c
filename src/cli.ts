/** Front door in a terminal and in CI: hands the process's words and streams to the command line, sets the exit code. */
import fs from 'node:fs';
import readline from 'node:readline';
import { EXIT_BUG, oneLine } from './app/commands/command';
import type { Log } from './app/ports';
import { runCommandLine, type CommandLineDoors } from './commandLine';
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

const openDoors = (): CommandLineDoors => ({
  ...openSystem(),
  log: noLog,
  environment: process.env,
  readStdin,
  readLines,
  write: (text) => write(process.stdout, text),
  writeError: (text) => void process.stderr.write(text),
});

function main(args: readonly string[]): Promise<number> {
  // what the extension starts instead of vLLM while it simulates; lives until it is stopped
  if (args[0] === 'simulated-server') return runSimulatedServer(args.slice(1));
  return runCommandLine(args, openDoors());
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
