/** The wish that was kept, live against the one on the page. */
import { compareRows, type CompareRow } from '../compare';
import { words } from '../words';
import { button } from './button';
import { h, presence, rowKeeper, setText, type Row } from './dom';
import type { Actions, View } from './view';

function compareRow(): Row<CompareRow> {
  const name = h('th', { scope: 'row' });
  const kept = h('td', {});
  const now = h('td', {});
  const element = h('tr', {}, name, kept, now);
  return {
    element,
    update(row) {
      setText(name, row.label);
      setText(kept, row.kept);
      setText(now, row.now);
      element.classList.toggle('differs', row.differs);
    },
  };
}

/** @param leave takes the focus before this goes away */
export function compareView(actions: Actions, leave: () => void): View {
  const body = h('tbody', {});
  const keep = rowKeeper<CompareRow>(body, ({ key }) => key, compareRow);
  const column = (text: string): HTMLElement => h('th', { scope: 'col' }, text);
  const link = (text: string, act: () => void, testid: string): HTMLElement =>
    button(text, act, { kind: 'link', testid });
  const end = (act: () => void) => () => {
    leave();
    act();
  };
  const element = h(
    'section',
    { class: 'compare', 'data-testid': 'compare' },
    h(
      'div',
      { class: 'section-head' },
      h('h3', {}, words.compareHeading),
      h('span', { class: 'spacer' }),
      link(words.swap, actions.swapPinned, 'compare-swap'),
      link(words.useKept, end(actions.usePinned), 'compare-use'),
      link(words.stopComparing, end(actions.unpin), 'compare-stop'),
    ),
    h(
      'table',
      { class: 'side-by-side' },
      h('thead', {}, h('tr', {}, h('td', {}), column(words.kept), column(words.now))),
      body,
    ),
  );
  const show = presence(element);
  return {
    element,
    update({ state, priced, keptPriced }) {
      const { pinned, wish } = state;
      show(pinned !== null);
      if (pinned === null) return;
      keep(compareRows({ wish: pinned.wish, priced: keptPriced }, { wish, priced }));
    },
  };
}
