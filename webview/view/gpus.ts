/** What runs now: every GPU with its use, the largest holders, the age of the sample, and problems. */
import type { Snapshot } from '../../src/shared/protocol';
import { GIB } from '../../src/shared/units';
import { words } from '../words';
import { button } from './button';
import { h, rowKeeper, setAttribute, setHidden, setText, setVariable, type Row } from './dom';
import type { Actions, View } from './view';

type GpuRow = Snapshot['gpus'][number];
const HOLDERS_SHOWN = 3;
/** What a driver keeps for itself is no question. */
const UNNAMED_BYTES = 0.5 * GIB;
/** From here on the cards stand closer. */
const MANY = 4;

function gpuCard(index: number): Row<{ gpu: GpuRow; holders: Snapshot['holders'] }> {
  const name = h('span', { class: 'gpu-name' });
  const use = h('span', { class: 'figure' });
  const fill = h('div', { class: 'meter-fill' });
  const meter = h('div', { class: 'meter', role: 'meter', 'aria-valuemin': 0 }, fill);
  const holding = h('p', { class: 'help holders' });
  const element = h(
    'div',
    { class: 'gpu', 'data-testid': `gpu-${index}` },
    h('div', { class: 'label-row' }, name, use),
    meter,
    holding,
  );
  return {
    element,
    update({ gpu, holders }) {
      const used = gpu.usedBytes ?? (gpu.freeBytes == null ? null : gpu.totalBytes - gpu.freeBytes);
      const title = words.gpu(gpu.index, gpu.name ?? null);
      setText(name, title);
      setAttribute(name, 'title', gpu.name ?? null);
      setText(use, words.used(used, gpu.totalBytes));
      setVariable(fill, '--part', used === null ? 0 : used / gpu.totalBytes);
      setAttribute(meter, 'aria-label', title);
      setAttribute(meter, 'aria-valuemax', String(gpu.totalBytes));
      setAttribute(meter, 'aria-valuenow', String(used ?? 0));
      setAttribute(meter, 'aria-valuetext', words.usedSpoken(used, gpu.totalBytes));
      meter.classList.toggle('unknown', used === null);
      meter.classList.toggle('pressed', used !== null && used / gpu.totalBytes >= 0.85);
      const here = holders.filter((holder) => holder.gpus.includes(gpu.index));
      const shown = here
        .slice(0, HOLDERS_SHOWN)
        .map((holder) => words.holder(holder.pid, holder.label, holder.usedBytes));
      if (here.length > HOLDERS_SHOWN) shown.push(words.moreHolders(here.length - HOLDERS_SHOWN));
      // the room is there either way
      if (here.length === 0 && (used ?? 0) > UNNAMED_BYTES) shown.push(words.noHolder);
      setText(holding, shown.join(' · '));
    },
  };
}

export function gpuHeader(actions: Actions): View {
  const badge = h('span', { class: 'badge', title: words.simulatedHelp }, words.simulated);
  const age = h('span', { class: 'age' });
  const cards = h('div', { class: 'gpus' });
  const empty = h('p', { class: 'notice' }, words.noGpu);
  const problems = h('ul', { class: 'problems', role: 'list' });
  const keepCards = rowKeeper<{ gpu: GpuRow; holders: Snapshot['holders'] }>(
    cards,
    ({ gpu }) => String(gpu.index),
    ({ gpu }) => gpuCard(gpu.index),
  );
  const keepProblems = rowKeeper<string>(
    problems,
    (text) => text,
    () => {
      const item = h('li', {});
      return {
        element: item,
        update: (text) => {
          setText(item, text);
        },
      };
    },
  );
  let sampledAtMs: number | null = null;
  let latest: Snapshot | null = null;
  const showAge = (): void => {
    const seconds = sampledAtMs === null ? null : Math.round((Date.now() - sampledAtMs) / 1000);
    setText(age, seconds === null ? words.noSample : words.age(seconds));
    age.classList.toggle('stale', seconds !== null && seconds > 10);
  };
  window.setInterval(showAge, 1000);
  const element = h(
    'header',
    { class: 'machine' },
    h(
      'div',
      { class: 'section-head' },
      h('h2', {}, words.gpusHeading),
      badge,
      age,
      h('span', { class: 'spacer' }),
      h(
        'div',
        { class: 'links' },
        button(words.report, () => actions.open('gpuReport'), { kind: 'link' }),
        button(words.cleanUp, () => actions.open('cleanUp'), { kind: 'link' }),
      ),
    ),
    cards,
    empty,
    problems,
  );
  return {
    element,
    update({ snapshot }) {
      if (snapshot === latest) return;
      latest = snapshot;
      sampledAtMs = snapshot.sampleAgeMs === null ? null : Date.now() - snapshot.sampleAgeMs;
      showAge();
      setHidden(badge, !snapshot.simulated);
      setHidden(empty, snapshot.gpus.length > 0);
      cards.classList.toggle('many', snapshot.gpus.length > MANY);
      setHidden(age, snapshot.gpus.length === 0);
      keepCards(snapshot.gpus.map((gpu) => ({ gpu, holders: snapshot.holders })));
      keepProblems([...new Set(snapshot.problems)]);
      setHidden(problems, snapshot.problems.length === 0);
    },
  };
}
