/** What changed between two commands, flag by flag: how a corrected launch is shown. */
import type { Command } from '../shared/planAnswer';

export interface FlagChange {
  /** With its dashes; positional words have none. */
  readonly flag: string;
  /** Its values, joined by spaces; empty for a bare switch; null: not there. */
  readonly before: string | null;
  readonly after: string | null;
}

/** In the order of the new command, then what was removed. Environment variables count as `NAME=`. */
export function commandDiff(before: Command, after: Command): FlagChange[] {
  const [old, now] = [flagsOf(before), flagsOf(after)];
  const changes: FlagChange[] = [];
  for (const [flag, value] of now) {
    const was = old.get(flag) ?? null;
    if (was !== value) changes.push({ flag, before: was, after: value });
  }
  for (const [flag, value] of old)
    if (!now.has(flag)) changes.push({ flag, before: value, after: null });
  return changes;
}

/** `--max-model-len 8192 → 4096`, `+ --enforce-eager`, `− --kv-cache-dtype fp8`. */
export function flagChangeText({ flag, before, after }: FlagChange): string {
  const gap = flag.endsWith('=') ? '' : ' ';
  const withValue = (value: string) => (value === '' ? flag : `${flag}${gap}${value}`);
  if (before === null) return `+ ${withValue(after ?? '')}`;
  if (after === null) return `− ${withValue(before)}`;
  return `${withValue(before)} → ${after}`;
}

function flagsOf({ args, env }: Command): Map<string, string> {
  const flags = new Map<string, string>();
  let current: string | null = null;
  args.forEach((argument, at) => {
    if (argument.startsWith('--')) {
      const [flag = argument, ...value] = argument.split('=');
      current = flag;
      flags.set(flag, value.join('='));
    } else if (current === null) {
      flags.set(`argument ${String(at + 1)}`, argument);
    } else {
      flags.set(current, [flags.get(current) ?? '', argument].join(' ').trim());
    }
  });
  for (const [name, value] of Object.entries(env)) flags.set(`${name}=`, value);
  return flags;
}
