/**
 * A whole document made fit to be sent to strangers: no values of the environment, no keys, no prompts, no home folders,
 * no names of users. What is known to be secret in one place is looked for in all others.
 */
import { redactArguments, redactText } from './redact';

const HIDDEN = '***';
const NOT_SHOWN = '(not shown)';
/** Shorter ones (`1`, `true`, `0,1`) are no secrets, and stand everywhere. */
const SHORTEST_SECRET = 6;
const SHORTEST_NAME = 3;
const ENVIRONMENT_KEY = /^(env|.*environment)$/i;
const ARGUMENTS_KEY = /(args|arguments)$/i;
const USER_KEY = /^user$/;

/** What betrays itself by its surroundings in the output of an engine; `redactText` knows the rest. */
const OUTPUT_FORMS: readonly (readonly [RegExp, string])[] = [
  // vLLM's list of its own arguments, with lists in it
  [
    /((?<![\w-])["']?[\w-]*(?:api[-_]?key|token|secret|password|credential)s?["']?\s*[:=]\s*)\[[^\]]*\]/gi,
    `$1[${HIDDEN}]`,
  ],
  // on one line, but for options that count tokens
  [
    /((?<![\w-])--?(?![\w-]*(?:max|min|num|batched|per)[-_])[\w-]*(?:api[-_]?key|token|secret|password)s?)[ =](?!-)\S+/gi,
    `$1 ${HIDDEN}`,
  ],
  // what people asked, in requests that are logged
  [/\b(prompt|prompts|messages|content|input|text)(["']?\s*[:=]\s*)(["'[{]).*/gi, `$1$2${HIDDEN}`],
  [/\b(prompt(?:_token_ids)?)(\s*[:=]\s*)\S.*/gi, `$1$2${HIDDEN}`],
];

/** Home folders of anybody, on any system. */
const HOMES: readonly RegExp[] = [
  /(?:\/home|\/Users|\/var\/home)\/[^\s/:"',;)\]}]+/g,
  /[A-Za-z]:(?:\\{1,2}|\/)Users(?:\\{1,2}|\/)[^\s\\/:"',;)\]}]+/g,
  /\/mnt\/[a-z]\/Users\/[^\s/:"',;)\]}]+/g,
];

export interface Owner {
  /** Of this user, as the system says it. */
  readonly homeFolder: string;
  /** Names of users to be left out, e.g. of those whose processes were seen. */
  readonly userNames: readonly string[];
}

/** Plain data in, plain data out. */
export function redactDocument(document: unknown, owner: Owner): unknown {
  const redact = textRedactor(secretsIn(document), owner);
  const walk = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') return USER_KEY.test(key) ? NOT_SHOWN : redact(value);
    if (Array.isArray(value)) {
      const args = argumentsIn(value, key);
      return (args ? redactArguments(args) : value).map((one) => walk(one, ''));
    }
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [
        redact(name),
        ENVIRONMENT_KEY.test(key) ? NOT_SHOWN : walk(one, name),
      ]),
    );
  };
  return walk(document, '');
}

function textRedactor(secrets: readonly string[], owner: Owner): (text: string) => string {
  const home = owner.homeFolder.replace(/[/\\]+$/, '');
  const name = home.split(/[/\\]/).at(-1) ?? '';
  // "root" is in half of all error messages, and tells nothing
  const names = [...new Set([name, ...owner.userNames])].filter(
    (one) => one.length >= SHORTEST_NAME && one !== 'root',
  );
  const namePattern =
    names.length === 0
      ? null
      : new RegExp(`(?<![\\w-])(?:${names.map(escaped).join('|')})(?![\\w-])`, 'g');
  return (text) => {
    let result = secrets.reduce((rest, secret) => rest.replaceAll(secret, HIDDEN), text);
    for (const [form, replacement] of OUTPUT_FORMS) result = result.replace(form, replacement);
    result = redactText(result);
    if (home.length > 1) result = result.replaceAll(home, '~');
    for (const form of HOMES) result = result.replace(form, '~');
    return namePattern ? result.replace(namePattern, '(user)') : result;
  };
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Values of environments, and what stands behind options that take a secret; longest first. */
function secretsIn(document: unknown): string[] {
  const found = new Set<string>();
  const add = (value: unknown) => {
    if (typeof value === 'string' && value.length >= SHORTEST_SECRET) found.add(value);
  };
  const walk = (value: unknown, key: string): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      hiddenOf(argumentsIn(value, key) ?? []).forEach(add);
      for (const one of value) walk(one, '');
      return;
    }
    if (ENVIRONMENT_KEY.test(key)) Object.values(value).forEach(add);
    for (const [name, one] of Object.entries(value)) walk(one, name);
  };
  walk(document, '');
  return [...found].sort((a, b) => b.length - a.length);
}

/** null: no command line. */
function argumentsIn(list: readonly unknown[], key: string): readonly string[] | null {
  if (!ARGUMENTS_KEY.test(key)) return null;
  return list.every((one): one is string => typeof one === 'string') ? list : null;
}

/** `--api-key`'s value, with `=` or as the next arguments. */
function hiddenOf(args: readonly string[]): string[] {
  return redactArguments(args).flatMap((redacted, at) => {
    const original = args[at] ?? '';
    if (redacted === HIDDEN) return [original];
    return redacted.startsWith('-') && redacted.endsWith(`=${HIDDEN}`)
      ? [original.slice(redacted.length - HIDDEN.length)]
      : [];
  });
}
