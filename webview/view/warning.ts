/** The share exceeds what is free now: said where the share is chosen, in the place of its help, so that nothing moves. */
import { formatShare } from '../scales';
import { words } from '../words';
import { button } from './button';
import { h, presence, setHidden, setText } from './dom';
import type { Actions, View } from './view';

export function warningView(actions: Actions): View {
  const text = h('p', {});
  let share: number | null = null;
  const use = button(
    '',
    () => {
      if (share !== null)
        actions.options({ gpuMemoryUtilization: share, kvCacheMemoryBytes: null });
    },
    { testid: 'use-share' },
  );
  const element = h(
    'div',
    {
      class: 'warning',
      'data-testid': 'warning',
      role: 'note',
      'aria-label': words.warningHeading,
    },
    h('strong', {}, `⚠ ${words.warningHeading}`),
    text,
    h(
      'div',
      { class: 'buttons' },
      use,
      button(words.cleanUp, () => actions.open('cleanUp')),
    ),
  );
  const show = presence(element);
  return {
    element,
    update({ shortfall }) {
      show(shortfall !== null);
      if (shortfall === null) return;
      share = shortfall.share;
      setText(text, shortfall.text);
      setHidden(use, share === null);
      if (share !== null) setText(use, words.use(formatShare(share)));
    },
  };
}
