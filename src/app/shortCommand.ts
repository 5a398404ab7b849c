/** The program's name and its first telling argument; the full command stands in the tree. */
export function shortCommand(command: string | null): string {
  if (command === null) return 'unknown process';
  const base = command.split(' ').map((word) => word.split(/[\\/]/).at(-1) ?? word);
  return base.slice(0, 2).join(' ').slice(0, 40);
}
