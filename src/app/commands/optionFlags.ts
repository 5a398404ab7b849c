/** Engine options as flags by their engines' own names, derived from the request's schema so that none is forgotten. */
import * as z from 'zod/mini';
import { humanNumber } from '../../engines/vllm/humanNumber';
import { shortForms } from '../../engines/vllm/shortForms';
import { parseJsonObject } from '../../shared/json';
import { fail, ok, type Result } from '../../shared/failure';
import { engineNames } from '../../shared/engineNames';
import { planOptionsSchema, type EngineId } from '../../shared/planRequest';
import { parseSize } from '../../shared/units';
import { wrapped } from './columns';
import { flagOfOption } from '../planning/flagOfOption';
import { textFlag, type CommandInput, type FlagSpec, type FlagTable } from './command';

type OptionKind = 'number' | 'text' | 'flag' | 'json' | 'list';

interface OptionFlag {
  readonly key: string;
  readonly flag: string;
  readonly kind: OptionKind;
}

const OPTION_FLAGS: readonly OptionFlag[] = Object.entries(planOptionsSchema.shape).map(
  ([key, schema]) => ({
    key,
    flag: flagOfOption(key).slice(2),
    kind: kindOf(schema),
  }),
);

function kindOf(schema: z.core.$ZodType): OptionKind {
  if (z.safeParse(schema, true).success) return 'flag';
  if (z.safeParse(schema, 'auto').success) return 'text';
  if (z.safeParse(schema, [0]).success) return 'list';
  return z.safeParse(schema, {}).success ? 'json' : 'number';
}

const EXPECTED: Readonly<Record<OptionKind, string>> = {
  number: 'a number',
  text: 'a text',
  flag: 'nothing',
  json: 'a JSON object',
  list: 'numbers with commas between them',
};

export const optionFlagTable: FlagTable = Object.fromEntries(
  OPTION_FLAGS.flatMap(({ flag, kind }): [string, FlagSpec][] =>
    kind === 'flag'
      ? [
          [flag, { type: 'boolean' }],
          [`no-${flag}`, { type: 'boolean' }],
        ]
      : [[flag, { type: 'string', value: EXPECTED[kind] }]],
  ),
);

/** The rest are vLLM's, but for `visibleDevices`, which is both engines'. */
const OLLAMA_OPTIONS: ReadonlySet<string> = new Set([
  'numCtx',
  'numParallel',
  'kvCacheType',
  'flashAttention',
  'numGpu',
  'numBatch',
]);

const isFor = (engine: EngineId, key: string): boolean =>
  key === 'visibleDevices' || OLLAMA_OPTIONS.has(key) === (engine === 'ollama');

/** For the help: the flags of each engine. */
export const optionFlagLines = (): string[] =>
  (['vllm', 'ollama'] as const).flatMap((engine) => [
    `Flags of ${engineNames[engine]}:`,
    ...wrapped(
      OPTION_FLAGS.flatMap(({ key, flag }) => (isFor(engine, key) ? [`--${flag}`] : [])),
      '  ',
    ),
  ]);

/** How long the context is, in each engine's own word. */
const LENGTH_OPTION: Readonly<Record<EngineId, string>> = {
  vllm: 'maxModelLen',
  ollama: 'numCtx',
};

/** Without what the engine has no such setting for; a length in the other's word is meant all the same. */
export function ownOptions(
  engine: EngineId,
  options: Readonly<Record<string, unknown>>,
): { readonly options: Record<string, unknown>; readonly remarks: readonly string[] } {
  const own: Record<string, unknown> = {};
  const remarks: string[] = [];
  const [length, other] = [LENGTH_OPTION[engine], LENGTH_OPTION[otherEngine(engine)]];
  for (const [key, value] of Object.entries(options)) {
    if (isFor(engine, key)) own[key] = value;
    else if (key === other && options[length] === undefined) {
      own[length] = value;
      remarks.push(`${flagOfOption(key)}: taken as ${flagOfOption(length)}.`);
    } else
      remarks.push(`${flagOfOption(key)}: ${engineNames[engine]} has no such setting; left out.`);
  }
  return { options: own, remarks };
}

const otherEngine = (engine: EngineId): EngineId => (engine === 'vllm' ? 'ollama' : 'vllm');

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

/** `--engine-version`; null: not given. */
export function engineVersionFlag(input: CommandInput): Result<string | null> {
  const version = textFlag(input, 'engine-version');
  return version === null || /^v?\d+\.\d/.test(version)
    ? ok(version)
    : fail('invalid', `--engine-version: found "${version}", expected a version such as 0.19.1`);
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

/** undefined: can't be read as that kind. */
function valueOf(key: string, kind: OptionKind, text: string): unknown {
  if (kind === 'text') return text;
  if (kind === 'list') {
    const numbers = text.split(',').map(humanNumber);
    return numbers.every((number) => number !== undefined) ? numbers : undefined;
  }
  if (kind === 'json') return parseJsonObject(text) ?? undefined;
  if (key === 'gpuMemoryUtilization' && text === 'auto') return 0;
  return humanNumber(text) ?? (key.endsWith('Bytes') ? (parseSize(text) ?? undefined) : undefined);
}
