/** What would help, each with the bytes it brings, what it costs and the verdict after it; applied with one click, undone with another. */
import type { Advice } from '../../src/shared/planAnswer';
import { isFixed } from '../state';
import { describeChange } from '../verdictSentence';
import { verdictIcons, verdictWords, words } from '../words';
import { button, setSpoken } from './button';
import { h, presence, rowKeeper, setHidden, setText, type Row } from './dom';
import { foldable, setOpen } from './fields';
import type { Actions, View } from './view';

/** The planner puts the best first; the rest, and what alone does not make it fit, is folded away. */
const SHOWN = 3;
/** The rule of thumb stands beside the slider already. */
const SHOWN_ELSEWHERE = 'guidance-utilization';

interface Offer {
  readonly advice: Advice;
  /** The user's settings say otherwise, and win. */
  readonly fixed: boolean;
}

function adviceRow(take: (advice: Advice) => void): Row<Offer> {
  let current: Advice | null = null;
  const title = h('strong', {});
  const after = h('span', { class: 'after' });
  const why = h('p', { class: 'help' });
  const fixedNote = h('p', { class: 'help', 'data-testid': 'fixed' }, words.fixedBySetting);
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
      h(
        'div',
        { class: 'advice-text' },
        h('div', { class: 'advice-head' }, title, after),
        why,
        fixedNote,
      ),
      apply,
    ),
    update({ advice, fixed }) {
      current = advice;
      const change = describeChange(advice.change);
      const saves = (advice.savesBytes ?? 0) > 0 ? words.saves(advice.savesBytes) : null;
      const { verdictAfter } = advice;
      setText(title, change === '' ? words.adviceName(advice.id) : change);
      setText(after, `${verdictIcons[verdictAfter]} ${verdictWords[verdictAfter].toLowerCase()}`);
      after.dataset.verdict = verdictAfter;
      setText(why, saves === null ? advice.why : `${saves}. ${advice.why}`);
      setHidden(fixedNote, !fixed);
      setHidden(apply, change === '' || fixed);
      setSpoken(apply, `${words.apply}: ${change}`);
    },
  };
}

export function adviceView(actions: Actions): View {
  /** What was clicked goes away with the change: the focus follows to what undoes it, or does it again. */
  let focusNext: 'undo' | 'apply' | null = null;
  const list = (): { element: HTMLElement; keep: (items: readonly Offer[]) => void } => {
    const element = h('ul', { class: 'plain', role: 'list' });
    return {
      element,
      keep: rowKeeper<Offer>(
        element,
        ({ advice }) => advice.id,
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
    update({ priced, state, snapshot }) {
      const offers = (priced?.plan.advice ?? [])
        .filter(({ id }) => id !== SHOWN_ELSEWHERE)
        .map((advice) => ({ advice, fixed: isFixed(advice.change, state.wish, snapshot) }));
      const last = state.applied.at(-1);
      setHidden(element, offers.length === 0 && last === undefined);
      setHidden(undoRow, last === undefined);
      if (last !== undefined) {
        setText(applied, words.applied(last.what, state.applied.length));
        setSpoken(undo, words.undoOf(last.what));
      }
      const helping = offers.filter(({ advice }) => advice.verdictAfter !== 'doesNotFit');
      const shown = (helping.length > 0 ? helping : offers).slice(0, SHOWN);
      best.keep(shown);
      const folded = offers.filter((offer) => !shown.includes(offer));
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
