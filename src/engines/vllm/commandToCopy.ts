import type { Command } from '../../shared/planAnswer';
import { shellCommand } from '../../shared/shellText';
import { API_KEY_VARIABLE, isSecretVariable, withoutKeys } from './keyArguments';
import { isOpenToNetwork, keyInArguments } from './listening';

/**
 * For a POSIX shell. A key is never written out: it is left to the shell, also where Deploy would make one. Without it the
 * shell refuses to start the server, rather than leave it open to everybody.
 */
export function commandToCopy({ file, args, env }: Command): string {
  const asks = keyInArguments(args) !== null || isOpenToNetwork(args);
  const secrets = new Set(asks ? [API_KEY_VARIABLE] : []);
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (isSecretVariable(name)) secrets.add(name);
    else plain[name] = value;
  const fromShell = [...secrets].map((name) => `${name}="\${${name}:?}" `);
  return fromShell.join('') + shellCommand({ file, args: withoutKeys(args), env: plain });
}
