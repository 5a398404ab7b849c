/** Engine options as flags by their engines' own names, derived from the request's schema so that none is forgotten. */
import * as z from 'zod/mini';
import { humanNumber } from '../../engines/vllm/humanNumber';
import { shortForms } from '../../engines/vllm/shortForms';
import { parseJsonObject } from '../../shared/json';
import { fail, ok, type Result } from '../../shared/failure';
import { planOptionsSchema } from '../../shared/planRequest';
import type { CommandInput, FlagSpec, FlagTable } from './command';

type OptionKind = 'number' | 'text' | 'flag' | 'json' | 'list';

interface OptionFlag {
  readonly key: string;
  readonly flag: string;
  readonly kind: OptionKind;
}

const OPTION_FLAGS: readonly OptionFlag[] = Object.entries(planOptionsSchema.shape).map(
  ([key, schema]) => ({
    key,
    flag: key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    kind: kindOf(schema),
  }),
);

function kindOf(schema: z.core.$ZodType): OptionKind {
  if (z.safeParse(schema, true).success) return 'flag';
  if (z.safeParse(schema, 'auto').success) return 'text';
  if (z.safeParse(schema, [0]).success) return 'list';
  return z.safeParse(schema, {}).success ? 'json' : 'number';
}

export const optionFlagTable: FlagTable = Object.fromEntries(
  OPTION_FLAGS.flatMap(({ flag, kind }): [string, FlagSpec][] =>
    kind === 'flag'
      ? [
          [flag, { type: 'boolean' }],
          [`no-${flag}`, { type: 'boolean' }],
        ]
      : [[flag, { type: 'string' }]],
  ),
);

/** `-tp 2` → `--tensor-parallel-size 2`, `--max_model_len` → `--max-model-len`: as vLLM's own parser does. */
function normalizeFlag(argument: string): string {
  const short = /^(-[a-z]{1,3})(=.*)?$/.exec(argument);
  const long = short?.[1] === undefined ? undefined : shortForms[short[1]];
  if (long !== undefined) return `--${long}${short?.[2] ?? ''}`;
  const [name = '', ...value] = argument.split('=');
  if (!/^--\w/.test(name)) return argument;
  return [name.replaceAll('_', '-'), ...value].join('=');
}

/** All arguments in the form that `parseArgs` takes: it would read `--num-gpu -1` as two flags. */
export function normalizeArguments(args: readonly string[]): string[] {
  const normal: string[] = [];
  for (const argument of args) {
    const before = normal.at(-1) ?? '';
    if (/^-\d/.test(argument) && /^--[\w-]+$/.test(before))
      normal[normal.length - 1] = `${before}=${argument}`;
    else normal.push(normalizeFlag(argument));
  }
  return normal;
}

/** Plain data for the request's `options`, not yet checked against its schema. */
export function optionsFromFlags(input: CommandInput): Result<Record<string, unknown>> {
  const options: Record<string, unknown> = {};
  for (const { key, flag, kind } of OPTION_FLAGS) {
    if (kind === 'flag') {
      if (input.flags[flag] === true) options[key] = true;
      if (input.flags[`no-${flag}`] === true) options[key] = false;
      continue;
    }
    const given = input.flags[flag];
    if (typeof given !== 'string') continue;
    const value = valueOf(key, kind, given);
    if (value === undefined)
      return fail('invalid', `--${flag}: found "${given}", expected ${EXPECTED[kind]}`);
    options[key] = value;
  }
  return ok(options);
}

const EXPECTED: Readonly<Record<OptionKind, string>> = {
  number: 'a number',
  text: 'a text',
  flag: 'nothing',
  json: 'a JSON object',
  list: 'numbers with commas between them',
};

/** undefined: can't be read as that kind. */
function valueOf(key: string, kind: OptionKind, text: string): unknown {
  if (kind === 'text') return text;
  if (kind === 'list') {
    const numbers = text.split(',').map(humanNumber);
    return numbers.every((number) => number !== undefined) ? numbers : undefined;
  }
  if (kind === 'json') return parseJsonObject(text) ?? undefined;
  if (key === 'gpuMemoryUtilization' && text === 'auto') return 0;
  return humanNumber(text);
}
