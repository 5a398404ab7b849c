/** One stacked bar per GPU and a table that says the same in figures, with patterns beside the colours. */
import { formatGib, GIB } from '../../src/shared/units';
import { memoryBar, type MemoryBar, type MemoryPart, type PartId } from '../memoryParts';
import { partWords, words } from '../words';
import { h, rowKeeper, setAttribute, setHidden, setText, setVariable, type Row } from './dom';
import type { PageModel, View } from './view';

/** More columns than this do not fit; the tightest cards decide anyway. */
const COLUMNS_SHOWN = 4;

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
  const unit = h('th', { scope: 'col' });
  const head = h('tr', {}, h('th', { scope: 'col' }, words.part), unit);
  const body = h('tbody', {});
  const keepLegend = rowKeeper<LegendRow>(body, ({ id }) => id, legendRow);
  const offload = h('p', { class: 'help' });
  const element = h(
    'div',
    { class: 'memory', 'data-testid': 'memory-bar' },
    bars,
    h('table', { class: 'legend' }, h('thead', {}, head), body),
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
      const shown = list.slice(0, COLUMNS_SHOWN);
      setText(unit, words.parts(list.length));
      unit.setAttribute('colspan', String(Math.max(1, shown.length)));
      if (head.children.length === 2)
        head.append(h('th', { scope: 'col', class: 'range' }, words.rangeHeading));
      const ids = shown[0]?.parts.map((part) => part.id) ?? [];
      keepLegend(
        ids.map((id) => ({
          id,
          cells: shown.flatMap((bar) => bar.parts.filter((part) => part.id === id)),
        })),
      );
      setHidden(offload, plan.offload === null);
      if (plan.offload !== null) {
        const { layersOnGpu, layersTotal, hostBytes } = plan.offload;
        setText(offload, words.offload(layersOnGpu, layersTotal, hostBytes));
      }
    },
  };
}

/** The host passes the head room as the buffer of the plan too; it is kept clear once. Ollama keeps nothing from itself. */
const keptClear = ({ snapshot: { defaults, coexistence }, priced }: PageModel, place: number) =>
  Math.max(defaults.headroomBytes, coexistence.safetyBufferBytes) +
  (priced?.request.engine === 'vllm' && (coexistence.ollamaGpus ?? [place]).includes(place)
    ? coexistence.ollamaReservationBytes
    : 0);
