/** The last one counts, as in vLLM's own parser, which takes `_` for `-` and `--flag=value` too. null: not given. */
export function valueOfFlag(args: readonly string[], name: string): string | null {
  const flags = args.map((argument) => (argument.split('=')[0] ?? '').replaceAll('_', '-'));
  const at = flags.lastIndexOf(`--${name}`);
  const given = args[at];
  if (given === undefined) return null;
  const equals = given.indexOf('=');
  return equals >= 0 ? given.slice(equals + 1) : (args[at + 1] ?? null);
}
