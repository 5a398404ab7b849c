/**
 * The room `app/commands`: what each subcommand of the CLI does, with ports only. A command takes parsed flags and gives
 * back an answer or a refusal; `commandLine.ts` parses and prints.
 */
import type { Failure } from '../../shared/failure';
import type { Verdict } from '../../shared/planAnswer';
import type { Clock, Environment, Exec, Files, Http, Log, ProcessTable } from '../ports';

/** Exit codes fixed by the contracts. */
export const EXIT_USAGE = 64;
export const EXIT_MISSING = 66;
export const EXIT_BUG = 70;

/** Those of `plan` and `profile check`. */
export const VERDICT_EXIT: Readonly<Record<Verdict, number>> = {
  fits: 0,
  doesNotFit: 2,
  tight: 3,
  unknown: 4,
};

export const VERDICT_EXITS = 'Exit codes: 0 fits, 2 does not fit, 3 tight, 4 unknown';

/** As `parseArgs` of Node takes them, with what the help says. */
export interface FlagSpec {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  readonly short?: string;
  /** What stands for the value of a text flag: `FILE|-`. */
  readonly value?: string;
  /** Absent: not listed one by one. */
  readonly about?: string;
}

export type FlagTable = Readonly<Record<string, FlagSpec>>;

export interface CommandInput {
  readonly flags: Readonly<
    Record<string, string | boolean | readonly (string | boolean)[] | undefined>
  >;
  readonly positionals: readonly string[];
}

export interface CommandDoors {
  readonly exec: Exec;
  readonly http: Http;
  readonly files: Files;
  readonly table: ProcessTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly environment: Environment;
  /** All of standard input as text. */
  readStdin(): Promise<string>;
  /** Lines of a file, or of standard input for `-`; the caller has checked that the file is there. */
  readLines(path: string): AsyncIterable<string>;
  /** Writes to standard output at once; for answers that come in a stream. */
  write(text: string): Promise<void>;
  /** One line for people on standard error, shown unless the command refuses. */
  tell(line: string): void;
}

/** A whole answer: `json` with `--json`, else `text`. */
export interface CommandAnswer {
  readonly exitCode: number;
  readonly json: unknown;
  readonly text: string;
}

/** A refusal: nothing on standard output, one line on standard error. */
export interface CommandRefusal {
  readonly exitCode: typeof EXIT_USAGE | typeof EXIT_MISSING;
  readonly message: string;
}

/** `streamed`: the answer has been written already. */
export type CommandOutcome = CommandAnswer | CommandRefusal | { readonly streamed: true };

export interface CliCommand {
  /** Words that call it: `plan`, `profile check`. */
  readonly name: string;
  readonly summary: string;
  readonly usage: readonly string[];
  /** Lines of the help below its flags. */
  readonly more?: readonly string[];
  readonly flags: FlagTable;
  run(input: CommandInput, doors: CommandDoors): Promise<CommandOutcome>;
}

export const refuse = (message: string): CommandRefusal => ({
  exitCode: EXIT_USAGE,
  message: oneLine(message),
});

/** A file that can't be had is 66, anything else about it is wrong input. */
export const refuseFailure = ({ reason, detail }: Failure): CommandRefusal => ({
  exitCode: reason === 'notFound' || reason === 'unreadable' ? EXIT_MISSING : EXIT_USAGE,
  message: oneLine(detail),
});

export const isRefusal = (value: object): value is CommandRefusal => 'message' in value;

export const oneLine = (text: string): string =>
  printable(text.replaceAll(/\s*[\r\n]+\s*/g, ' ').trim());

/** Names, files and command lines of others may hold what steers a terminal; line ends and tabs stay. */
export const printable = (text: string): string =>
  text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');

/** The last value given for a flag that takes one. */
export function textFlag(input: CommandInput, name: string): string | null {
  const value = input.flags[name];
  const last = Array.isArray(value) ? (value as readonly unknown[]).at(-1) : value;
  return typeof last === 'string' ? last : null;
}

export function textFlags(input: CommandInput, name: string): string[] {
  const value = input.flags[name];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((entry): entry is string => typeof entry === 'string');
}

export const isSet = (input: CommandInput, name: string): boolean => input.flags[name] === true;
