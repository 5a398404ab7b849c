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

function adviceRow(take: (advice: Advice) => void): Row<Advice> {
  let current: Advice | null = null;
  const title = h('strong', {});
  const after = h('span', { class: 'after' });
  const why = h('p', { class: 'help' });
  const apply = button(
    words.apply,
    () => {
      if (current !== null) take(current);
    },
    { testid: 'apply' },
  );
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
  /** What was clicked goes away with the change: the focus follows to what undoes it, or does it again. */
  let focusNext: 'undo' | 'apply' | null = null;
  const list = (): { element: HTMLElement; keep: (items: readonly Advice[]) => void } => {
    const element = h('ul', { class: 'plain', role: 'list' });
    return {
      element,
      keep: rowKeeper<Advice>(
        element,
        ({ id }) => id,
        () =>
          adviceRow(({ change }) => {
            focusNext = 'undo';
            actions.apply(change, describeChange(change));
          }),
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
  const applied = h('span', { role: 'status', 'data-testid': 'applied' });
  const undo = button(
    words.undo,
    () => {
      focusNext = 'apply';
      actions.undo();
    },
    { kind: 'link', testid: 'undo' },
  );
  const undoRow = h('p', { class: 'applied' }, applied, ' ', undo);
  const element = h(
    'section',
    { class: 'advices' },
    h('h3', {}, words.adviceHeading),
    undoRow,
    best.element,
    more,
  );
  return {
    element,
    update({ priced, state }) {
      const advice = (priced?.plan.advice ?? []).filter(({ id }) => id !== SHOWN_ELSEWHERE);
      const last = state.applied.at(-1);
      setHidden(element, advice.length === 0 && last === undefined);
      setHidden(undoRow, last === undefined);
      if (last !== undefined) {
        setText(applied, words.applied(last.what, state.applied.length));
        setSpoken(undo, words.undoOf(last.what));
      }
      best.keep(advice.slice(0, SHOWN));
      const folded = advice.slice(SHOWN);
      rest.keep(folded);
      showMore(folded.length > 0);
      setText(restTitle, words.moreAdvice(folded.length));
      setOpen(more, state.openSections.includes('advice'));
      if (focusNext === null) return;
      const apply = best.element.querySelector<HTMLElement>('[data-testid="apply"]:not([hidden])');
      const target = last !== undefined ? undo : apply;
      target?.focus();
      focusNext = null;
    },
  };
}
