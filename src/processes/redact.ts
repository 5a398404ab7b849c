/** Command lines as they may be shown and logged: without keys and tokens. */

const HIDDEN = '***';

/** Options whose value is a secret, as `--option value` and `--option=value`. */
const SECRET_OPTION = /^--?[\w-]*(api[-_]?key|token|secret|password|passwd|credential)s?$/i;
/** `--max-num-batched-tokens`, `--num-speculative-tokens`: these count tokens. */
const COUNTING_OPTION = /(^|[-_])(max|min|num|batched|per)[-_]/i;

const isSecretOption = (name: string): boolean =>
  SECRET_OPTION.test(name) && !COUNTING_OPTION.test(name);

/** Secrets that betray themselves by their form, anywhere in an argument. */
const SECRET_FORMS: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic)\s+[^\s"']+/gi, `$1 ${HIDDEN}`],
  [/\bhf_[A-Za-z0-9]{8,}/g, `hf_${HIDDEN}`],
  [/\b(sk|pk|rk)-[A-Za-z0-9_-]{8,}/g, `$1-${HIDDEN}`],
  [/\b(gh[pousr]_|github_pat_|glpat-|xox[abp]-)[A-Za-z0-9_-]{8,}/g, `$1${HIDDEN}`],
  [/\bAKIA[A-Z0-9]{12,}/g, `AKIA${HIDDEN}`],
  [/([a-z][a-z0-9+.-]{0,30}:\/\/[^\s/:@]*):[^\s/@]+@/gi, `$1:${HIDDEN}@`],
  [/([?&](?:[\w-]*(?:key|token|secret|signature|sig))=)[^&\s"']+/gi, `$1${HIDDEN}`],
  [
    /\b(\w*(?:API_?KEY|TOKEN(?!S|IZER)|SECRET|PASSWORD)\w*["']?\s*[=:]\s*["']?)[^\s"',}]+/gi,
    `$1${HIDDEN}`,
  ],
];

/** Arguments with every secret replaced by `***`. */
export function redactArguments(args: readonly string[]): readonly string[] {
  // `--api-key` takes several values in vLLM: everything up to the next option is one.
  let secret = false;
  return args.map((argument) => {
    const [name = '', ...value] = argument.split('=');
    if (argument.startsWith('-') && argument.length > 1) {
      secret = value.length === 0 && isSecretOption(name);
      return value.length > 0 && isSecretOption(name) ? `${name}=${HIDDEN}` : redactText(argument);
    }
    return secret ? HIDDEN : redactText(argument);
  });
}

/** Any text: log lines, error messages, names that a tool printed. */
export function redactText(text: string): string {
  return SECRET_FORMS.reduce(
    (result, [form, replacement]) => result.replace(form, replacement),
    text,
  );
}

/** One line for people, redacted first and then cut at `maxLength` characters; `[comm]` where there are no arguments. */
export function commandForShowing(args: readonly string[], comm: string, maxLength = 400): string {
  const line =
    args.length === 0 ? `[${comm}]` : redactArguments(args).join(' ').replace(/\s+/g, ' ');
  return line.length > maxLength ? `${line.slice(0, maxLength - 1)}…` : line;
}
