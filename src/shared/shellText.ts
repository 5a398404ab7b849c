/** A command as people paste it into a POSIX shell. For showing and copying only: nothing is ever run through a shell. */
import type { Command } from './planAnswer';

export function shellCommand({ file, args, env }: Command): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${shellWord(value)}`);
  return [...variables, ...[file, ...args].map(shellWord)].join(' ');
}

/** As it is where no shell would touch it, else in single quotes. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
