/**
 * vLLM's share of the card: one value in three linked units (fraction, GiB of KV cache, requests at once), with marks
 * for the smallest, the recommended and the largest share. All three can be typed; the slider moves in steps of 0.05.
 */
import { formatCount, GIB } from '../../src/shared/units';
import {
  formatRequests,
  formatShare,
  parseGib,
  parseUtilization,
  placeOnSlider,
  shareForPool,
  shareForRequests,
  spokenUtilization,
  tightestGpu,
  UTILIZATION,
} from '../scales';
import { words } from '../words';
import { button, setPressed } from './button';
import { freshId, h, setAttribute, setHidden, setText, setVariable } from './dom';
import { textField } from './fields';
import { guidanceView } from './guidance';
import { marksView } from './marks';
import type { Actions, PageModel, View } from './view';
import { warningView } from './warning';

const presets = { conservative: 0.6, balanced: 0.7, aggressive: 0.85, auto: 0 } as const;
type Preset = keyof typeof presets;

export function utilizationControl(actions: Actions): View & { focus(): void } {
  let page: PageModel | null = null;
  const choose = (share: number): void => {
    actions.options({ gpuMemoryUtilization: share, kvCacheMemoryBytes: null });
  };

  const sliderId = freshId('utilization');
  const slider = h('input', {
    type: 'range',
    id: sliderId,
    'data-testid': 'utilization',
    min: UTILIZATION.least,
    max: UTILIZATION.most,
    step: UTILIZATION.step,
    oninput: () => choose(Number(Number(slider.value).toFixed(2))),
  });
  const percent = h('output', { for: sliderId, class: 'figure percent' });
  const marks = marksView(choose);
  const track = h('div', { class: 'track' }, slider, marks.ticks);

  const unitNote = (): HTMLElement => h('p', { class: 'help unit-note' });
  const fractionNote = unitNote();
  const fraction = textField(
    words.share,
    (text) => {
      const share = parseUtilization(text);
      if (share !== null) choose(share);
      return share === null ? words.badUtilization : null;
    },
    actions,
    { testid: 'utilization-value', note: fractionNote },
  );
  const solved = (share: number | null): string | null => {
    if (share === null) return words.pickModel;
    if (share > 1) return words.needsMoreThanCard(share);
    if (share <= 0) return words.belowNothing;
    choose(share);
    return null;
  };
  const poolNote = unitNote();
  const pool = textField(
    words.pool,
    (text) => {
      const bytes = parseGib(text);
      if (bytes === null) return words.badGib;
      return solved(page?.priced == null ? null : shareForPool(page.priced.plan, bytes));
    },
    actions,
    { testid: 'utilization-gib', note: poolNote },
  );
  const requestsNote = unitNote();
  const requests = textField(
    words.requests,
    (text) => {
      const count = Number(text.replace(',', '.'));
      if (!(count > 0)) return words.badRequests;
      return solved(page?.priced == null ? null : shareForRequests(page.priced.plan, count));
    },
    actions,
    { testid: 'utilization-requests', note: requestsNote },
  );

  const presetButtons = (Object.keys(presets) as Preset[]).map((name) => ({
    name,
    element: button(
      [h('b', {}, words.preset[name]), h('small', {}, words.presetDetail[name])],
      () => choose(presets[name]),
      { testid: `preset-${name}`, class: 'preset' },
    ),
  }));

  const guidance = guidanceView();
  const helpId = freshId('help');
  slider.setAttribute('aria-describedby', `${helpId} ${marks.spoken.id}`);
  const help = h('p', { class: 'help', id: helpId }, words.utilizationHelp);
  const known = h('p', { class: 'help', 'data-testid': 'known' });
  const helpStack = h('div', { class: 'help-stack' }, help, guidance.element, known);
  const warning = warningView(actions);
  const element = h(
    'div',
    { class: 'control', 'data-vllm': true },
    h('div', { class: 'label-row' }, h('label', { for: sliderId }, words.utilization), percent),
    h(
      'div',
      { class: 'presets', role: 'group', 'aria-label': words.presets },
      ...presetButtons.map((one) => one.element),
    ),
    track,
    marks.rows,
    marks.spoken,
    h('div', { class: 'units' }, fraction.element, pool.element, requests.element),
    h('div', { class: 'help-slot' }, helpStack, warning.element),
  );

  return {
    element,
    focus: () => {
      slider.focus();
    },
    update(next) {
      page = next;
      const { wish } = next.state;
      const plan = next.priced?.plan ?? null;
      const wished = wish.options.gpuMemoryUtilization ?? null;
      const auto = wished === 0;
      const share = auto || wished === null ? (plan?.utilization?.effective ?? null) : wished;
      const shown = share ?? next.snapshot.defaults.utilization;
      const snapped = snap(shown);
      setVariable(track, '--at', placeOnSlider(snapped));
      if (slider.value !== String(snapped)) slider.value = String(snapped);
      setAttribute(slider, 'aria-valuetext', spokenUtilization(plan, shown));
      setText(percent, words.percent(share, auto));
      for (const one of presetButtons) {
        setPressed(one.element, wished === presets[one.name]);
      }
      marks.update(next);
      warning.update(next);
      helpStack.classList.toggle('covered', next.shortfall !== null);
      const gpu = plan === null ? null : tightestGpu(plan);
      fraction.show(share === null ? (auto ? words.auto : '') : formatShare(share));
      const total = gpu?.totalBytes ?? next.snapshot.gpus[0]?.totalBytes ?? null;
      const wanted = total === null ? null : shown * total;
      const said = saidElsewhere(next);
      setText(
        fractionNote,
        said === null
          ? words.ofCard(gpu?.budgetBytes ?? wanted, total)
          : words.inArguments(formatShare(said)),
      );
      for (const { input } of [pool, requests]) {
        if (input.disabled !== (gpu === null)) input.disabled = gpu === null;
      }
      pool.show(gpu?.kvCacheBytes == null ? '' : `${(gpu.kvCacheBytes / GIB).toFixed(2)} GiB`);
      const tokens = plan?.kvCache.tokens ?? null;
      setText(
        poolNote,
        tokens === null
          ? words.unknownMark
          : `${formatCount(tokens)} ${words.tokens.toLowerCase()}`,
      );
      const most = plan?.kvCache.maxConcurrency ?? null;
      requests.show(most === null ? '' : formatRequests(most));
      setText(
        requestsNote,
        words.atLength(plan?.kvCache.atLength ?? wish.options.maxModelLen ?? null),
      );
      guidance.update(next);
      const sayings = plan?.known ?? [];
      setHidden(known, sayings.length === 0);
      setText(known, sayings.map((saying) => `${saying}.`).join(' '));
    },
  };
}

/** The share in the extra arguments, where that is another one: it wins. */
function saidElsewhere({ priced, state }: PageModel): number | null {
  const planned = priced?.request.options.gpuMemoryUtilization ?? null;
  return planned === (state.wish.options.gpuMemoryUtilization ?? null) ? null : planned;
}

const snap = (share: number): number => {
  const step = Math.round(share / UTILIZATION.step) * UTILIZATION.step;
  return Number(Math.min(UTILIZATION.most, Math.max(UTILIZATION.least, step)).toFixed(2));
};
