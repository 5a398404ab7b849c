/** Shown in place of the price while no model is chosen: what would run on this card. */
import { formatGib } from '../../src/shared/units';
import type { Wish } from '../../src/shared/wish';
import { examplesFor, type Example } from '../examples';
import { words } from '../words';
import { button } from './button';
import { h, rowKeeper, setHidden, setText } from './dom';
import type { Actions, PageModel, View } from './view';

export function firstRun(actions: Actions): View {
  const card = h('p', { class: 'help' });
  const list = h('ul', { class: 'plain examples', role: 'list' });
  const keep = rowKeeper<Example>(
    list,
    ({ name }) => name,
    ({ name }) => {
      let take: Partial<Wish> = { model: name };
      const size = h('span', { class: 'aside' });
      const verdict = h('span', { class: 'after' });
      return {
        element: h(
          'li',
          {},
          button([h('strong', {}, name), size, verdict], () => actions.wish(take), {
            class: 'example',
          }),
        ),
        update(example) {
          const { options } = example;
          take = { model: name, ...(options && { options }) };
          setText(size, words.example(example.weightsBytes));
          setText(
            verdict,
            words.exampleVerdict(example.verdict, options?.gpuMemoryUtilization ?? null),
          );
          verdict.dataset.verdict = example.verdict;
        },
      };
    },
  );
  const element = h(
    'div',
    { class: 'first-run' },
    h('p', { class: 'lead' }, words.pickModel),
    h('p', {}, words.pickModelHelp),
    list,
    card,
  );
  let pricedFor = '';
  return {
    element,
    update(page) {
      setHidden(element, page.state.wish.model !== '');
      if (page.state.wish.model !== '') return;
      const key = signature(page);
      if (key === pricedFor) return;
      pricedFor = key;
      const { snapshot, state } = page;
      keep(examplesFor(state.wish, snapshot));
      const first = snapshot.gpus[0];
      setText(
        card,
        first === undefined
          ? words.noGpu
          : words.examples(`${first.name ?? 'this GPU'}, ${formatGib(first.totalBytes, 1)}`),
      );
    },
  };
}

/** Free memory in steps of half a GiB, so that the list does not flicker with every sample. */
const signature = ({ state, snapshot }: PageModel): string =>
  JSON.stringify([
    state.wish.engine,
    state.wish.options,
    snapshot.engines,
    snapshot.coexistence,
    snapshot.gpus.map((gpu) => [
      gpu.name,
      gpu.totalBytes,
      Math.round((gpu.freeBytes ?? 0) / 2 ** 29),
    ]),
  ]);
