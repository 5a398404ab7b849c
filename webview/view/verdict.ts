/** Whether it fits, in a word, a sentence and, folded out, the whole arithmetic. */
import type { Verdict } from '../../src/shared/planAnswer';
import { verdictSentence } from '../verdictSentence';
import { basisWords, verdictIcons, verdictWords, words } from '../words';
import { button } from './button';
import { h, rowKeeper, setHidden, setText } from './dom';
import { foldable, setOpen } from './fields';
import type { Actions, View } from './view';

/** A drag passes through verdicts; only the one it comes to rest on is spoken. */
const SPEAK_AFTER_MS = 500;

/** `focus`: on what keeps the wish for comparison. */
export function verdictView(actions: Actions): View & { focus(): void } {
  const icon = h('span', { class: 'verdict-icon', 'aria-hidden': 'true' });
  const word = h('strong', {});
  const basis = h('span', { class: 'aside' });
  const sentence = h('p', { class: 'sentence' });
  const spoken = h('div', { class: 'spoken', role: 'status', 'aria-live': 'polite' });
  const steps = h('ol', { class: 'steps' });
  const keepSteps = rowKeeper<{ key: string; text: string }>(
    steps,
    ({ key }) => key,
    () => {
      const item = h('li', {});
      return {
        element: item,
        update: ({ text }) => {
          setText(item, text);
        },
      };
    },
  );
  const keep = button(words.keep, actions.pin, { kind: 'link', testid: 'keep' });
  const tools = h(
    'div',
    { class: 'tools' },
    keep,
    button(words.explainPlan, () => actions.open('report'), { kind: 'link', testid: 'report' }),
  );
  const why = foldable(
    words.why,
    (open) => actions.section('why', open),
    { class: 'fold quiet' },
    steps,
  );
  const verdict = h(
    'div',
    { class: 'verdict', 'data-testid': 'verdict' },
    h('div', { class: 'verdict-head' }, icon, word, basis),
    sentence,
  );
  const element = h('div', {}, verdict, spoken, tools, why);
  let lastSpoken: Verdict | null = null;
  let timer = 0;
  return {
    element,
    focus: () => {
      keep.focus();
    },
    update(page) {
      const plan = page.priced?.plan ?? null;
      setHidden(element, plan === null && !page.planFailed);
      if (plan === null) {
        verdict.dataset.verdict = 'unknown';
        setText(icon, verdictIcons.unknown);
        setText(word, verdictWords.unknown);
        setText(basis, '');
        setText(sentence, words.planFailed);
        return;
      }
      const text = verdictSentence(plan, page.state.wish.engine, page.shortfall);
      verdict.dataset.verdict = plan.verdict;
      setText(icon, verdictIcons[plan.verdict]);
      setText(word, verdictWords[plan.verdict]);
      setText(basis, basisWords[plan.basis]);
      setText(sentence, text);
      window.clearTimeout(timer);
      if (plan.verdict !== lastSpoken) {
        timer = window.setTimeout(() => {
          lastSpoken = plan.verdict;
          setText(spoken, `${verdictWords[plan.verdict]}. ${text}`);
        }, SPEAK_AFTER_MS);
      }
      setOpen(why, page.state.openSections.includes('why'));
      keepSteps(plan.steps.map((step, place) => ({ key: String(place), text: step })));
    },
  };
}
