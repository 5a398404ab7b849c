/** Options of a plan that stand in free arguments: `['-tp', '2', '--max-model-len=8k']` → `{ tensorParallelSize: 2, maxModelLen: 8000 }`. */
import * as z from 'zod/mini';
import { parseJson } from '../../shared/json';
import { planOptionsSchema, type PlanOptions, type PlanRequest } from '../../shared/planRequest';
import { humanNumber } from './humanNumber';
import type { Wish } from '../../shared/wish';
import { optionOfFlag } from './options';
import { shortForms } from './shortForms';

type OptionKey = keyof PlanOptions;

/**
 * Later ones win, as in argparse. What is no option of a plan, or has a value that none can have, is left out: the check
 * of the arguments speaks about those.
 */
export function optionsInArguments(args: readonly string[]): Partial<PlanOptions> {
  const options: Record<string, unknown> = {};
  args.forEach((argument, index) => {
    if (!isFlag(argument)) return;
    const [asked = '', ...inline] = argument.split('=');
    const long = longName(asked);
    const key = optionOfFlag(`--${long}`);
    if (key === null) {
      const denied = optionOfFlag(`--${long.replace(/^no-/, '')}`);
      if (long.startsWith('no-') && denied !== null && takes(denied, false))
        options[denied] = false;
      return;
    }
    const value = takes(key, true)
      ? true
      : valueOf(key, inline.length > 0 ? inline.join('=') : args[index + 1]);
    if (value !== undefined) options[key] = value;
  });
  return options;
}

/** The request as vLLM runs it with these arguments: what stands in them wins over the request's own options. */
export function withArguments(request: PlanRequest, args: readonly string[]): PlanRequest {
  if (request.engine !== 'vllm') return request;
  return { ...request, options: optionsWith(request.options, args) };
}

/** A share counts beside a pool fixed in bytes only where the arguments name it: else the command leaves it out. */
export function optionsWith(options: PlanOptions, args: readonly string[]): PlanOptions {
  const said = optionsInArguments(args);
  const all: PlanOptions = { ...options, ...said };
  if (all.kvCacheMemoryBytes != null && said.gpuMemoryUtilization === undefined)
    delete all.gpuMemoryUtilization;
  return all;
}

/**
 * The wish with a change. Among its arguments the options that the change names are dropped, because they would win over
 * it. `null` takes an option away: the engine's own default.
 */
export function changedWish(wish: Wish, change: PlanOptions): Wish {
  // a pool fixed in bytes and a share exclude each other: the newer word counts
  const full =
    change.gpuMemoryUtilization == null ? change : { kvCacheMemoryBytes: null, ...change };
  const options = Object.entries({ ...wish.options, ...full }).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  return {
    ...wish,
    options: Object.fromEntries(options),
    extraArguments: withoutOptions(wish.extraArguments, full),
  };
}

function withoutOptions(args: readonly string[], change: PlanOptions): string[] {
  let isDropping = false;
  return args.filter((argument) => {
    if (isFlag(argument)) {
      const flag = `--${longName(argument.split('=')[0] ?? '')}`;
      const option = optionOfFlag(flag) ?? optionOfFlag(flag.replace(/^--no-/, '--'));
      isDropping = option !== null && option in change;
    }
    return !isDropping;
  });
}

const isFlag = (argument: string): boolean => /^--?[A-Za-z]/.test(argument);

/** `-tp`, `--tensor_parallel_size` → `tensor-parallel-size`. */
const longName = (flag: string): string =>
  shortForms[flag] ?? flag.replace(/^--/, '').replaceAll('_', '-');

const takes = (key: OptionKey, value: unknown): boolean =>
  z.safeParse(planOptionsSchema.shape[key], value).success;

/** undefined: not of the kind that the option has. */
function valueOf(key: OptionKey, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  return [humanNumber(text), text, parseJson(text)].find(
    (value) => value !== undefined && takes(key, value),
  );
}
