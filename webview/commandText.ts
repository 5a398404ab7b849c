/** A command as people read it: one group per flag, so that lines break between flags and never inside one. */
import type { Command } from '../src/shared/planAnswer';
import { shellWord } from '../src/shared/shellText';

/** `["vllm serve Qwen/Qwen3-8B", "--max-model-len 8192", "--enforce-eager"]` */
export function commandGroups(command: Command): readonly string[] {
  const groups = Object.entries(command.env).map(([name, value]) => `${name}=${shellWord(value)}`);
  let group = shellWord(command.file);
  for (const arg of command.args) {
    if (arg.startsWith('-')) {
      groups.push(group);
      group = shellWord(arg);
    } else {
      group += ` ${shellWord(arg)}`;
    }
  }
  return [...groups, group];
}
