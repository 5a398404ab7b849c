/** One stacked bar per GPU and a table that says the same in figures, with patterns beside the colours. */
import { keptForOllama } from '../../src/planner/vllm/budget';
import { formatGib, GIB } from '../../src/shared/units';
import { memoryBar, type MemoryBar, type MemoryPart, type PartId } from '../memoryParts';
import { partWords, words } from '../words';
import { h, rowKeeper, setAttribute, setHidden, setText, setVariable, type Row } from './dom';
import type { PageModel, View } from './view';

/** More columns than this do not fit; the tightest cards decide anyway. */
const COLUMNS_SHOWN = 4;
/** More bars than this are drawn lower, so that the table stays in sight. */
const TALL_BARS = 2;

function barRow(): Row<MemoryBar> {
  const name = h('span', { class: 'bar-name' });
  const note = h('span', { class: 'figure' });
  const strip = h('div', { class: 'bar' });
  const cardEnd = h('i', { class: 'card-end', 'aria-hidden': 'true' });
  const frame = h('div', { class: 'bar-frame', role: 'img' }, strip, cardEnd);
  const bracket = h('div', { class: 'bracket', 'aria-hidden': 'true' });
  const keep = rowKeeper<MemoryPart>(
    strip,
    ({ id }) => id,
    ({ id }) => {
      const element = h('i', { class: `part part-${id}` });
      return {
        element,
        update: (part) => {
          setVariable(element, '--bytes', Math.max(0, part.bytes ?? 0) / GIB);
        },
      };
    },
  );
  return {
    element: h(
      'div',
      { class: 'bar-row' },
      h('div', { class: 'label-row' }, name, note),
      frame,
      bracket,
    ),
    update(bar) {
      setText(name, words.barName(bar.index, bar.plannedBytes, bar.totalBytes));
      setVariable(bracket, '--from', bar.plannedFrom / bar.scaleBytes);
      setVariable(bracket, '--length', bar.plannedBytes / bar.scaleBytes);
      const free = bar.parts.find((part) => part.id === 'free')?.bytes ?? 0;
      setText(
        note,
        bar.overBytes > 0
          ? `${formatGib(bar.overBytes, 1)} ${partWords.over.toLowerCase()}`
          : `${formatGib(free, 1)} ${partWords.free.toLowerCase()}`,
      );
      note.classList.toggle('over', bar.overBytes > 0);
      keep(bar.parts);
      setVariable(frame, '--card', bar.totalBytes / bar.scaleBytes);
      frame.classList.toggle('is-over', bar.overBytes > 0);
      setAttribute(frame, 'aria-label', spoken(bar));
    },
  };
}

const spoken = (bar: MemoryBar): string =>
  bar.parts
    .filter((part) => part.bytes === null || part.bytes > 0)
    .map((part) => `${partWords[part.id]} ${formatGib(part.bytes, 1)}`)
    .join(', ');

interface LegendRow {
  readonly id: PartId;
  readonly cells: readonly MemoryPart[];
}

function legendRow(): Row<LegendRow> {
  const swatch = h('i', { class: 'swatch', 'aria-hidden': 'true' });
  const name = h('th', { scope: 'row' });
  const element = h('tr', {}, name);
  let columns: HTMLElement[] = [];
  const range = h('td', { class: 'range' });
  return {
    element,
    update({ id, cells }) {
      if (columns.length !== cells.length) {
        columns = cells.map(() => h('td', {}));
        swatch.className = `swatch part-${id}`;
        name.replaceChildren(swatch, partWords[id]);
        element.replaceChildren(name, ...columns, range);
      }
      cells.forEach((part, column) => {
        const cell = columns[column];
        if (cell) setText(cell, part.bytes === null ? '?' : (part.bytes / GIB).toFixed(2));
      });
      const first = cells.find((part) => part.range !== null)?.range ?? null;
      setText(range, first === null ? '' : words.range(first[0], first[1]));
    },
  };
}

export function memoryBars(): View {
  const bars = h('div', { class: 'bars' });
  const keepBars = rowKeeper<MemoryBar>(bars, ({ index }) => String(index), barRow);
  const column = (text: string): HTMLElement => h('th', { scope: 'col' }, text);
  const head = h('tr', {});
  let columns = '';
  const body = h('tbody', {});
  const keepLegend = rowKeeper<LegendRow>(body, ({ id }) => id, legendRow);
  const notAll = h('p', { class: 'help' });
  const offload = h('p', { class: 'help' });
  const element = h(
    'div',
    { class: 'memory', 'data-testid': 'memory-bar' },
    bars,
    h('table', { class: 'legend' }, h('thead', {}, head), body),
    notAll,
    offload,
  );
  return {
    element,
    update(page) {
      const { priced } = page;
      const plan = priced?.plan ?? null;
      setHidden(element, plan === null || plan.perGpu.length === 0);
      if (plan === null || priced === null) return;
      const list = plan.perGpu.map((gpu) =>
        memoryBar(gpu, priced.request.engine, plan.ranges, keptClear(page, gpu.index)),
      );
      keepBars(list);
      bars.classList.toggle('low', list.length > TALL_BARS);
      const shown = tightest(list);
      const named = shown.map(({ index }) =>
        list.length === 1 ? words.partsOfOne : words.partsOn(index),
      );
      if (columns !== named.join()) {
        columns = named.join();
        const range = column(words.rangeHeading);
        range.className = 'range';
        head.replaceChildren(column(words.part), ...named.map(column), range);
      }
      setHidden(notAll, shown.length === list.length);
      setText(notAll, words.tightest(shown.length, list.length));
      const ids = shown[0]?.parts.map((part) => part.id) ?? [];
      keepLegend(
        ids.map((id) => ({
          id,
          cells: shown.flatMap((bar) => bar.parts.filter((part) => part.id === id)),
        })),
      );
      const whole = plan.offload?.layersOnGpu === plan.offload?.layersTotal;
      // all layers on the GPU is what the verdict says already
      setHidden(offload, plan.offload === null || (whole && !plan.offload.hostBytes));
      if (plan.offload !== null) {
        const { layersOnGpu, layersTotal, hostBytes } = plan.offload;
        setText(offload, words.offload(layersOnGpu, layersTotal, hostBytes));
      }
    },
  };
}

/** Those with the least left, in the order of the cards. */
function tightest(list: readonly MemoryBar[]): readonly MemoryBar[] {
  const left = ({ totalBytes, parts, plannedBytes }: MemoryBar): number =>
    totalBytes - plannedBytes - (parts.find(({ id }) => id === 'others')?.bytes ?? 0);
  const shown = new Set([...list].sort((a, b) => left(a) - left(b)).slice(0, COLUMNS_SHOWN));
  return list.filter((bar) => shown.has(bar));
}

/** The host passes the head room as the buffer of the plan too; it is kept clear once. Ollama keeps nothing from itself. */
const keptClear = ({ snapshot: { defaults, coexistence }, priced }: PageModel, place: number) =>
  Math.max(defaults.headroomBytes, coexistence.safetyBufferBytes) +
  (priced?.request.engine === 'vllm' ? keptForOllama(priced.request, place) : 0);
