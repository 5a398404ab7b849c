/** Which running servers would have to stop so that this fits, each with its own Stop; everyone else is only named. */
import type { MustStop } from '../../src/shared/planAnswer';
import { formatGib } from '../../src/shared/units';
import { words } from '../words';
import { button } from './button';
import { h, presence, rowKeeper, setText } from './dom';
import type { Actions, View } from './view';

type Stoppable = MustStop['servers'][number];

export function mustStopView(actions: Actions): View {
  const text = h('p', { class: 'help' });
  const buttons = h('div', { class: 'buttons' });
  const keep = rowKeeper<Stoppable>(
    buttons,
    ({ id }) => id,
    ({ id }) => {
      const stop = button('', () => actions.stop(id), { testid: `must-stop-${id}` });
      return {
        element: stop,
        update({ title, usedBytes }) {
          setText(stop, `${words.stopServer(title)} · ${formatGib(usedBytes, 1)}`);
        },
      };
    },
  );
  const element = h(
    'section',
    { class: 'must-stop', 'data-testid': 'must-stop' },
    h('h3', {}, words.mustStopHeading),
    text,
    buttons,
  );
  const show = presence(element);
  return {
    element,
    update({ priced }) {
      const mustStop = priced?.plan.mustStop ?? null;
      show(mustStop !== null);
      if (mustStop === null) return;
      setText(text, `${mustStop.text}.`);
      keep(mustStop.servers);
    },
  };
}
