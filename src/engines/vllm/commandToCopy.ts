import type { Command } from '../../shared/planAnswer';
import { shellCommand } from '../../shared/shellText';
import { API_KEY_VARIABLE, isOpenToNetwork, keyInArguments } from './listening';

/** Without it a shell refuses to start the server, rather than leave it open to everybody. */
const FROM_SHELL = `${API_KEY_VARIABLE}="\${${API_KEY_VARIABLE}:?}"`;

/** For a POSIX shell. A key is never written out: it is left to the shell, also where Deploy would make one. */
export function commandToCopy({ file, args, env }: Command): string {
  const { [API_KEY_VARIABLE]: given, ...others } = env;
  const asks = given !== undefined || keyInArguments(args) !== null || isOpenToNetwork(args);
  const words = shellCommand({ file, args: withoutKeys(args), env: others });
  return asks ? `${FROM_SHELL} ${words}` : words;
}

/** `--api-key` takes several values: everything up to the next option is one. */
function withoutKeys(args: readonly string[]): readonly string[] {
  let isKey = false;
  return args.filter((argument) => {
    if (argument.startsWith('-'))
      isKey = argument.replaceAll('_', '-').split('=')[0] === '--api-key';
    return !isKey;
  });
}
