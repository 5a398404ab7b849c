/** What `help`, `COMMAND --help` and a wrong word on the command line answer. */
import { nearestName } from '../../shared/nearestName';
import type { CliCommand, FlagSpec, FlagTable } from './command';
import { COMMANDS } from './commandTable';
import { columns } from './columns';

const EXIT_CODES = '64 wrong usage or input, 66 a file that is missing or unreadable, 70 a bug.';

/** All commands, a line each. */
export function helpText(version: string): string {
  return [
    `vram-pilot ${version}`,
    '',
    'Usage: vram-pilot COMMAND …',
    ...columns(COMMANDS.map(({ name, summary }) => [`  ${name}`, summary])),
    '',
    'For example:',
    '  vram-pilot plan Qwen/Qwen3-8B --gpu "RTX 4090" --max-model-len 8192',
    '  vram-pilot plan llama3.1:8b --gpu 12GiB --num-ctx 32768',
    '  vram-pilot workers --total 24GiB --free 22GiB',
    '  vram-pilot diagnose server.log',
    '',
    'vram-pilot COMMAND --help lists the options of one.',
    'With --json standard output holds one JSON document. Sizes: 24GiB, 24GB, 512MiB.',
    `Exit codes: the verdict's for plan and profile check; ${EXIT_CODES}`,
  ].join('\n');
}

/** One command with its options. */
export function commandHelpText({ name, summary, usage, flags, more = [] }: CliCommand): string {
  const rows = Object.entries(flags).flatMap(([flag, { value, short, about }]) =>
    about === undefined
      ? []
      : [
          [
            `  --${flag}${value === undefined ? '' : ` ${value}`}${short ? `, -${short}` : ''}`,
            about,
          ],
        ],
  );
  return [
    `vram-pilot ${name}: ${summary}`,
    '',
    'Usage:',
    ...usage.map((line) => `  vram-pilot ${line}`),
    '',
    'Options:',
    ...columns([...rows, ['  --json', 'one JSON document on standard output']]),
    '',
    ...more,
    `All commands: ${EXIT_CODES}`,
  ].join('\n');
}

/** The words after `help`, or before `--help`; null: no command is among them. */
export function commandNamed([first = '']: readonly string[]): CliCommand | null {
  return COMMANDS.find(({ name }) => name.split(' ')[0] === first) ?? null;
}

/** Why the first words are no command. */
export function unknownCommand(words: readonly string[]): string {
  const names = [...COMMANDS.map(({ name }) => name), 'help'];
  const found = words.slice(0, words[0] === 'profile' ? 2 : 1).join(' ');
  if (found === '') return `found no command, expected one of ${names.join(', ')}`;
  return `found "${found}", expected one of ${names.join(', ')}${meant(nearestName(found, names) ?? names.find((name) => name.startsWith(found)) ?? null)}`;
}

const meant = (name: string | null): string => (name === null ? '' : `; did you mean ${name}?`);

/** What is wrong with the flags themselves; null: nothing. `args` are normalized. */
export function flagProblem(args: readonly string[], flags: FlagTable): string | null {
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    if (argument === '--') return null;
    if (!/^-[^\d]/.test(argument)) continue;
    const [word = '', ...inline] = argument.split('=');
    const [name, spec] = flagOf(word, flags);
    if (!spec) {
      const near = word.startsWith('--') ? nearestName(name, Object.keys(flags)) : null;
      return `${word}: unknown flag${meant(near === null ? null : `--${near}`)}`;
    }
    if (spec.type === 'boolean') {
      if (inline.length > 0) return `${word}: found "${inline.join('=')}", it takes no value`;
      continue;
    }
    if (inline.length > 0) continue;
    const next = args[index + 1];
    if (next === undefined || /^-./.test(next))
      return `${word}: found no value, expected ${spec.value ?? 'one'}`;
    index += 1;
  }
  return null;
}

function flagOf(word: string, flags: FlagTable): readonly [string, FlagSpec | undefined] {
  const name = word.replace(/^--?/, '');
  if (word.startsWith('--')) return [name, Object.hasOwn(flags, name) ? flags[name] : undefined];
  return [name, Object.values(flags).find(({ short }) => short === name)];
}
