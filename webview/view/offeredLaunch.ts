/** A launch offered in place of a server's own: how its command changes, the arithmetic, the button that starts it. */
import type { OfferedLaunchRow } from '../../src/shared/protocol';
import { button, setSpoken } from './button';
import { h, rowKeeper, setHidden, setText } from './dom';

export interface OfferView {
  readonly element: HTMLElement;
  update(offer: OfferedLaunchRow | null, spoken: string): void;
}

export function offerView(
  wording: { readonly heading: string; readonly button: string; readonly testid: string },
  start: () => void,
): OfferView {
  const diff = h('span', { class: 'diff', 'data-testid': `${wording.testid}-diff` });
  const why = h('p', { class: 'help' });
  const go = button(wording.button, start, { testid: wording.testid });
  const element = h(
    'div',
    { class: 'offer' },
    h('div', { class: 'offer-line' }, h('strong', {}, wording.heading), diff, go),
    why,
  );
  const keep = rowKeeper<string>(
    diff,
    (line) => line,
    (line) => ({ element: h('code', {}, line), update: () => undefined }),
  );
  return {
    element,
    update(offer, spoken) {
      setHidden(element, offer === null);
      keep(offer?.diff ?? []);
      setText(why, offer === null ? '' : `${offer.why} ${offer.plan}.`);
      setSpoken(go, spoken);
    },
  };
}
