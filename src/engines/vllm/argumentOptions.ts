/** Options of a plan that stand in free arguments: `['-tp', '2', '--max-model-len=8k']` → `{ tensorParallelSize: 2, maxModelLen: 8000 }`. */
import * as z from 'zod/mini';
import { planOptionsSchema, type PlanOptions } from '../../shared/planRequest';
import { shortForms } from './flagTable';
import { optionOfFlag } from './options';

type OptionKey = keyof PlanOptions;

/**
 * Later ones win, as in argparse. What is no option of a plan, or has a value that none can have, is left out: the check
 * of the arguments speaks about those.
 */
export function optionsInArguments(args: readonly string[]): Partial<PlanOptions> {
  const options: Record<string, unknown> = {};
  args.forEach((argument, index) => {
    if (!/^--?[A-Za-z]/.test(argument)) return;
    const [asked = '', ...inline] = argument.split('=');
    const long = shortForms[asked] ?? asked.replace(/^--/, '').replaceAll('_', '-');
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

const takes = (key: OptionKey, value: unknown): boolean =>
  z.safeParse(planOptionsSchema.shape[key], value).success;

/** undefined: not of the kind that the option has. */
function valueOf(key: OptionKey, text: string | undefined): unknown {
  if (text === undefined) return undefined;
  return [humanNumber(text), text, jsonOf(text)].find(
    (value) => value !== undefined && takes(key, value),
  );
}

const STEPS = 'kmgt';

/** vLLM's human-readable numbers: `8k` is 8000, `8K` is 8192. */
function humanNumber(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([kmgtKMGT])?$/.exec(text.trim());
  if (!match) return undefined;
  const suffix = match[2] ?? '';
  if (suffix === '') return Number(match[1]);
  const power = STEPS.indexOf(suffix.toLowerCase()) + 1;
  const base = suffix === suffix.toLowerCase() ? 1000 : 1024;
  return Math.round(Number(match[1]) * base ** power);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
