const INTERPRETER = /^(?:python|pypy|node|bun|deno|perl|ruby|(?:ba|z|fi|da)?sh)[\d.]*(?:\.exe)?$/i;
/** Chromium's helpers are told apart by it. */
const TELLING_OPTION = '--type=';

/** The program's name and its first telling argument, of an interpreter what it runs; the full command stands in the tree. */
export function shortCommand(command: string | null): string {
  if (command === null) return 'unknown process';
  const [path = '', ...args] = command.split(' ');
  const program = baseOf(path);
  const what = INTERPRETER.test(program) ? scriptOf(args) : argumentOf(args);
  return [program, what]
    .filter((word) => word !== '')
    .join(' ')
    .slice(0, 40);
}

const baseOf = (word: string): string => word.split(/[\\/]/).at(-1) ?? word;

function argumentOf([first = '']: readonly string[]): string {
  return first.startsWith('-') && !first.startsWith(TELLING_OPTION) ? '' : baseOf(first);
}

/** Behind `-m` a module; behind `-c` a text that names nothing. */
function scriptOf(args: readonly string[]): string {
  const at = args.findIndex((arg) => !arg.startsWith('-') || arg === '-m' || arg === '-c');
  const found = args[at] ?? '';
  if (found === '-m') return args[at + 1] ?? '';
  return found === '-c' ? '' : baseOf(found);
}
