/** The shares worth knowing: ticks on the slider's track and, below, a row for each that says its units and takes it. */
import type { MarkName } from '../../src/shared/planAnswer';
import { formatShare, markUnits, placeOnSlider, sliderMarks, UTILIZATION } from '../scales';
import { words } from '../words';
import { button, setDisabled } from './button';
import { freshId, h, setAttribute, setHidden, setText, setVariable } from './dom';
import type { PageModel } from './view';

const markNames: readonly MarkName[] = ['smallest', 'recommended', 'beside', 'largest'];

export interface Marks {
  readonly ticks: HTMLElement;
  readonly rows: HTMLElement;
  /** All marks in one sentence, for whoever hears the slider. */
  readonly spoken: HTMLElement;
  update(page: PageModel): void;
}

export function marksView(choose: (share: number) => void): Marks {
  const shares: Partial<Record<MarkName, number | null>> = {};
  const made = markNames.map((name) => {
    const line = (kind: string): HTMLElement => h('span', { class: kind }, words.unknownMark);
    const [share, pool, room] = [line('mark-share'), line('mark-unit'), line('mark-unit')];
    const sign = h('i', { class: 'mark-sign', 'aria-hidden': 'true' });
    const row = button(
      [h('span', { class: 'mark-name' }, sign, words.marks[name]), share, pool, room],
      () => {
        const value = shares[name] ?? null;
        if (value !== null) choose(value);
      },
      { testid: `mark-${name}`, class: `mark mark-${name}` },
    );
    return { name, share, pool, room, row, tick: h('i', { class: `tick mark-${name}` }) };
  });
  const kept = h('p', { class: 'help', 'data-testid': 'kept-for-ollama' });
  const spoken = h('span', { class: 'spoken', id: freshId('marks') });
  const rows = h(
    'div',
    { class: 'marks', role: 'group', 'aria-label': words.marksHeading },
    kept,
    h(
      'div',
      { class: 'marks-head', 'aria-hidden': 'true' },
      ...words.marksColumns.map((text) => h('span', {}, text)),
    ),
    ...made.map((one) => one.row),
  );
  return {
    spoken,
    ticks: h('div', { class: 'ticks', 'aria-hidden': 'true' }, ...made.map((one) => one.tick)),
    rows,
    update(page) {
      const plan = page.priced?.plan ?? null;
      const { ollamaReservationBytes, ollamaReason = null } = page.snapshot.coexistence;
      setHidden(kept, ollamaReservationBytes === 0);
      setText(kept, words.keptForOllama(ollamaReservationBytes, ollamaReason));
      // without a card or a model there is nothing to say of any of them
      setHidden(rows, plan === null || plan.perGpu.length === 0);
      const found = sliderMarks(plan);
      const sentences: string[] = [];
      for (const one of made) {
        const share = found[one.name];
        shares[one.name] = share;
        const units = share === null ? null : markUnits(plan, one.name);
        setText(one.share, share === null ? words.unknownMark : formatShare(share));
        setText(one.pool, units?.pool ?? words.unknownMark);
        setText(one.room, units?.room ?? words.unknownMark);
        setDisabled(one.row, share === null);
        const help = markHelp(one.name, page);
        setAttribute(one.row, 'title', help);
        const name = words.marks[one.name];
        if (share !== null)
          sentences.push(words.markSpoken(name, formatShare(share), units?.spoken ?? null));
        const onTrack = share !== null && share >= UTILIZATION.least && share <= UTILIZATION.most;
        setHidden(one.tick, !onTrack);
        if (share !== null) setVariable(one.tick, '--at', placeOnSlider(share));
      }
      setText(spoken, sentences.join('; '));
    },
  };
}

function markHelp(name: MarkName, { snapshot }: PageModel): string {
  return name === 'beside'
    ? words.besideHelp(snapshot.coexistence.safetyBufferBytes)
    : words.markHelp[name];
}
