/** What would help, each with the bytes it brings, what it costs and the verdict after it; applied with one click, undone with another. */
import type { Advice } from '../../src/shared/planAnswer';
import { describeChange } from '../verdictSentence';
import { verdictIcons, verdictWords, words } from '../words';
import { button, setSpoken } from './button';
import { h, presence, rowKeeper, setHidden, setText, type Row } from './dom';
import { foldable, setOpen } from './fields';
import type { Actions, View } from './view';

/** The planner puts the best first; the rest is folded away. */
const SHOWN = 3;
/** The rule of thumb stands beside the slider already. */
const SHOWN_ELSEWHERE = 'guidance-utilization';

function adviceRow(actions: Actions): Row<Advice> {
  let current: Advice | null = null;
  const title = h('strong', {});
  const after = h('span', { class: 'after' });
  const why = h('p', { class: 'help' });
  const apply = button(words.apply, () => {
    if (current !== null) actions.apply(current.change, describeChange(current.change));
  });
  return {
    element: h(
      'li',
      { class: 'advice' },
      h('div', { class: 'advice-text' }, h('div', { class: 'advice-head' }, title, after), why),
      apply,
    ),
    update(advice) {
      current = advice;
      const change = describeChange(advice.change);
      const saves = (advice.savesBytes ?? 0) > 0 ? words.saves(advice.savesBytes) : null;
      const { verdictAfter } = advice;
      setText(title, change === '' ? words.adviceName(advice.id) : change);
      setText(after, `${verdictIcons[verdictAfter]} ${verdictWords[verdictAfter].toLowerCase()}`);
      after.dataset.verdict = verdictAfter;
      setText(why, saves === null ? advice.why : `${saves}. ${advice.why}`);
      setHidden(apply, change === '');
      setSpoken(apply, `${words.apply}: ${change}`);
    },
  };
}

export function adviceView(actions: Actions): View {
  const list = (): { element: HTMLElement; keep: (items: readonly Advice[]) => void } => {
    const element = h('ul', { class: 'plain', role: 'list' });
    return {
      element,
      keep: rowKeeper<Advice>(
        element,
        ({ id }) => id,
        () => adviceRow(actions),
      ),
    };
  };
  const best = list();
  const rest = list();
  const restTitle = h('span', {});
  const more = foldable(
    restTitle,
    (open) => actions.section('advice', open),
    { class: 'fold quiet' },
    rest.element,
  );
  const showMore = presence(more);
  const applied = h('span', {});
  const undo = h(
    'p',
    { class: 'applied' },
    applied,
    ' ',
    button(words.undo, () => actions.undo(), { kind: 'link', testid: 'undo' }),
  );
  const element = h(
    'section',
    { class: 'advices' },
    h('h3', {}, words.adviceHeading),
    undo,
    best.element,
    more,
  );
  return {
    element,
    update(page) {
      const advice = (page.priced?.plan.advice ?? []).filter(({ id }) => id !== SHOWN_ELSEWHERE);
      setHidden(element, advice.length === 0 && page.applied === null);
      setHidden(undo, page.applied === null);
      if (page.applied !== null) setText(applied, words.applied(page.applied));
      best.keep(advice.slice(0, SHOWN));
      const folded = advice.slice(SHOWN);
      rest.keep(folded);
      showMore(folded.length > 0);
      setText(restTitle, words.moreAdvice(folded.length));
      setOpen(more, page.state.openSections.includes('advice'));
    },
  };
}
