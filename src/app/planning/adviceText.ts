/** What would help, in words. */
import type { Advice, PlanAnswer, Verdict } from '../../shared/planAnswer';
import type { PlanRequest } from '../../shared/planRequest';
import { flagOfOption } from './flagOfOption';

export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  fits: 'fits',
  tight: 'tight: it may start, or not',
  doesNotFit: 'does not fit',
  unknown: 'unknown: facts are missing',
};

/** Shorter than those of the plan itself. */
export const ADVICE_VERDICTS: Readonly<Record<Verdict, string>> = {
  ...VERDICT_WORDS,
  tight: 'tight',
};

const isChange = ({ change }: Advice): boolean => Object.keys(change).length > 0;
/** What leaves the verdict unknown is no advice. */
export const isEnough = (advice: Advice): boolean =>
  isChange(advice) && (advice.verdictAfter === 'fits' || advice.verdictAfter === 'tight');

/** What brings it on the card, each with its cost; what does not, by name; what is no setting last. */
export function adviceLines(request: PlanRequest, { advice }: PlanAnswer): string[] {
  const lines = advice
    .filter(isEnough)
    .map(
      ({ change, verdictAfter, why }) =>
        `${changeWords(request, change)} → ${ADVICE_VERDICTS[verdictAfter]}. ${why}`,
    );
  const short = advice.filter((one) => isChange(one) && one.verdictAfter === 'doesNotFit');
  if (short.length > 0)
    lines.push(
      `Not enough by itself: ${short.map(({ change }) => changeWords(request, change)).join('; ')}`,
    );
  return [...lines, ...advice.filter((one) => !isChange(one)).map(({ why }) => why)];
}

/** vLLM's as flags, Ollama's as the fields and variables that carry them. */
export function changeWords({ engine }: Pick<PlanRequest, 'engine'>, change: object): string {
  return Object.entries(change)
    .map(([key, value]: [string, unknown]) => {
      const flag = flagOfOption(key);
      if (engine === 'vllm' && typeof value === 'boolean')
        return value ? flag : flag.replace('--', '--no-');
      const name = engine === 'vllm' ? flag : flag.slice(2).replaceAll('-', '_');
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      return `${name} ${value === null ? 'left out' : typeof value === 'boolean' ? (value ? 'on' : 'off') : text}`;
    })
    .join(engine === 'vllm' ? ' ' : ', ');
}
