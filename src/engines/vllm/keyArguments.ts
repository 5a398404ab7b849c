/**
 * API keys among vLLM's arguments. Only its process gets them: in what is shown, copied, kept and planned stands `***`, and
 * an argument list read back from there asks for a key without saying which.
 */
import type { Command } from '../../shared/planAnswer';
import type { Wish } from '../../shared/wish';

/** Of the process that is to ask for a key; vLLM reads it where no `--api-key` is given. */
export const API_KEY_VARIABLE = 'VLLM_API_KEY';

/** Stands for what is not shown. */
export const HIDDEN = '***';

const isFlag = (argument: string): boolean => argument.startsWith('-');

const flagOf = (argument: string): string => (argument.split('=')[0] ?? '').replaceAll('_', '-');

/** One argument after another, each with whether it belongs to `--api-key`, which takes all up to the next option. */
function marked(args: readonly string[]): { readonly argument: string; readonly isKey: boolean }[] {
  let isKey = false;
  return args.map((argument) => {
    if (isFlag(argument)) isKey = flagOf(argument) === '--api-key';
    return { argument, isKey };
  });
}

export const withoutKeys = (args: readonly string[]): string[] =>
  marked(args).flatMap(({ argument, isKey }) => (isKey ? [] : [argument]));

/** The keys that are given, as vLLM takes them; empty where there are none, or they are hidden. */
export function keysGiven({ args, env }: Pick<Command, 'args' | 'env'>): readonly string[] {
  const all = marked(args).flatMap(({ argument, isKey }) => {
    if (!isKey) return [];
    return isFlag(argument) ? argument.split('=').slice(1).join('=') : [argument];
  });
  const isKnown = (key: string) => key !== '' && key !== HIDDEN;
  const given = all.filter(isKnown);
  const ofEnvironment = env[API_KEY_VARIABLE] ?? '';
  return given.length > 0 || !isKnown(ofEnvironment) ? given : [ofEnvironment];
}

/** With `***` in the place of each key; an empty one stays, because to vLLM it is none. */
export function hideKeys(args: readonly string[]): string[] {
  return marked(args).map(({ argument, isKey }) => {
    if (!isKey || argument === '') return argument;
    if (!isFlag(argument)) return HIDDEN;
    return /=./.test(argument) ? `${argument.split('=')[0] ?? ''}=${HIDDEN}` : argument;
  });
}

export function wishWithoutKeys(wish: Wish): Wish {
  return wish.engine === 'vllm' ? { ...wish, extraArguments: hideKeys(wish.extraArguments) } : wish;
}

/** A variable whose value is nobody's business: `HF_TOKEN`, `AWS_SECRET_ACCESS_KEY`. */
export const isSecretVariable = (name: string): boolean =>
  /(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$/i.test(name);

/** As a launch is listed. Other secrets among its variables stay: its process needs them. */
export function commandWithoutKeys({ file, args, env }: Command): Command {
  const isGiven = (env[API_KEY_VARIABLE] ?? '') !== '';
  return {
    file,
    args: hideKeys(args),
    env: isGiven ? { ...env, [API_KEY_VARIABLE]: HIDDEN } : env,
  };
}

/** For showing and keeping: without the values of all variables that are secret by their name. */
export function variablesWithoutSecrets(env: Command['env']): Record<string, string> {
  const shown = Object.entries(env).map(([name, value]): [string, string] => [
    name,
    value !== '' && isSecretVariable(name) ? HIDDEN : value,
  ]);
  return Object.fromEntries(shown);
}
