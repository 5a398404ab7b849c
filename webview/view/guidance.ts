/** Which share usually suits: by model size and by use, with the row for the chosen model marked. */
import {
  guidanceBySize,
  guidanceByUse,
  guidanceFor,
  parametersInName,
  type GuidanceRow,
} from '../guidance';
import { words } from '../words';
import { freshId, h } from './dom';
import type { View } from './view';

export function guidanceView(): View {
  const line = (
    title: string,
    rows: readonly GuidanceRow[],
  ): { element: HTMLElement; cells: readonly HTMLElement[] } => {
    const id = freshId('guidance');
    const cells = rows.map((row) =>
      h('li', {}, h('span', {}, row.label), ' ', h('b', {}, row.range)),
    );
    return {
      cells,
      element: h(
        'div',
        { class: 'guidance-line' },
        h('span', { class: 'guidance-title', id }, title),
        h('ul', { class: 'plain', role: 'list', 'aria-labelledby': id }, ...cells),
      ),
    };
  };
  const bySize = line(words.bySize, guidanceBySize);
  const byUse = line(words.byUse, guidanceByUse);
  return {
    element: h('div', { class: 'guidance' }, bySize.element, byUse.element),
    update(page) {
      const parameters =
        page.priced?.request.model.parameterCount ?? parametersInName(page.state.wish.model);
      const fitting = guidanceFor(parameters);
      guidanceBySize.forEach((row, place) => {
        bySize.cells[place]?.classList.toggle('suits', row === fitting);
      });
    },
  };
}
