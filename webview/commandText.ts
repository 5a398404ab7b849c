/**
 * A command as people read it: one group per flag, so that lines break between flags and never inside one. Keys and tokens
 * are left out.
 */
import { HIDDEN, hideKeys, variablesWithoutSecrets } from '../src/engines/vllm/keyArguments';
import type { Command } from '../src/shared/planAnswer';
import { shellWord } from '../src/shared/shellText';

/** `["vllm serve Qwen/Qwen3-8B", "--max-model-len 8192", "--enforce-eager"]` */
export function commandGroups(command: Command): readonly string[] {
  const variables = Object.entries(variablesWithoutSecrets(command.env));
  const groups = variables.map(([name, value]) => `${name}=${shownWord(value)}`);
  let group = shellWord(command.file);
  for (const arg of hideKeys(command.args)) {
    if (arg.startsWith('-')) {
      groups.push(group);
      group = shownWord(arg);
    } else {
      group += ` ${shownWord(arg)}`;
    }
  }
  return [...groups, group];
}

/** A mark is no word of a shell. */
const shownWord = (word: string): string => (word.endsWith(HIDDEN) ? word : shellWord(word));
