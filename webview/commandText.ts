/** A command as people read it: one group per flag, so that lines break between flags and never inside one. */
import type { Command } from '../src/shared/planAnswer';

const PLAIN = /^[\w@%+=:,./-]+$/;

/** Quoted as a shell would need it to be pasted; VRAM Pilot itself never uses a shell. */
export const quote = (word: string): string =>
  PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** `["vllm serve Qwen/Qwen3-8B", "--max-model-len 8192", "--enforce-eager"]` */
export function commandGroups(command: Command): readonly string[] {
  const groups = Object.entries(command.env).map(([name, value]) => `${name}=${quote(value)}`);
  let group = quote(command.file);
  for (const arg of command.args) {
    if (arg.startsWith('-')) {
      groups.push(group);
      group = quote(arg);
    } else {
      group += ` ${quote(arg)}`;
    }
  }
  return [...groups, group];
}
