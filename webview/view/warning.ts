/** The share exceeds what is free now: said where the share is chosen, in the place of its help, so that nothing moves. */
import { changedWish } from '../../src/engines/vllm/argumentOptions';
import type { Wish } from '../../src/shared/wish';
import { formatShare } from '../scales';
import { isFixed } from '../state';
import { words } from '../words';
import { button } from './button';
import { h, presence, setAttribute, setHidden, setText } from './dom';
import type { Actions, View } from './view';

export function warningView(actions: Actions): View {
  const text = h('p', {});
  const heading = h('strong', {});
  let lower: Wish | null = null;
  const use = button(
    '',
    () => {
      if (lower !== null) actions.wish(lower);
    },
    { testid: 'use-share' },
  );
  const element = h(
    'div',
    {
      class: 'warning',
      'data-testid': 'warning',
      role: 'note',
    },
    heading,
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
    update({ shortfall, state: { wish }, snapshot }) {
      show(shortfall !== null);
      if (shortfall === null) return;
      const { kind, share } = shortfall;
      const title = words.warningHeading[kind];
      setText(heading, `⚠ ${title}`);
      setAttribute(element, 'aria-label', title);
      setText(text, shortfall.text);
      const change = { gpuMemoryUtilization: share, kvCacheMemoryBytes: null };
      lower = share === null || isFixed(change, wish, snapshot) ? null : changedWish(wish, change);
      setHidden(use, lower === null);
      if (share !== null) setText(use, words.use(formatShare(share)));
    },
  };
}
