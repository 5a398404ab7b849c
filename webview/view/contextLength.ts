/** The longest conversation, in tokens: `maxModelLen` for vLLM, `numCtx` for Ollama. */
import { formatCount } from '../../src/shared/units';
import { contextPicks, CONTEXT_STEP_TOKENS, parseTokens, shortTokens, sliderEnd } from '../scales';
import { DEFAULT_CONTEXT_TOKENS, SHORTEST_CONTEXT_TOKENS } from '../state';
import { verdictWords, words } from '../words';
import { button, setPressed } from './button';
import { freshId, h, rowKeeper, setAttribute, setText, setVariable } from './dom';
import { textField } from './fields';
import type { Actions, PageModel, View } from './view';

interface Pick {
  readonly key: string;
  readonly tokens: number;
  readonly label: string;
  readonly chosen: boolean;
}

/** Ollama's own context where none is asked for, if the plan does not say. */
const OLLAMA_DEFAULT_TOKENS = 4096;

export function contextLength(actions: Actions): View {
  let engine: 'vllm' | 'ollama' = 'vllm';
  const choose = (tokens: number): void =>
    actions.options(engine === 'vllm' ? { maxModelLen: tokens } : { numCtx: tokens });

  const sliderId = freshId('context');
  const slider = h('input', {
    type: 'range',
    id: sliderId,
    'data-testid': 'context',
    min: SHORTEST_CONTEXT_TOKENS,
    step: CONTEXT_STEP_TOKENS,
    oninput: () => choose(Number(slider.value)),
  });
  const tick = h('i', { class: 'tick mark-largest' });
  const track = h(
    'div',
    { class: 'track' },
    slider,
    h('div', { class: 'ticks', 'aria-hidden': 'true' }, tick),
  );
  const exact = textField(
    words.context,
    (text) => {
      const tokens = parseTokens(text);
      if (tokens !== null) choose(tokens);
      return tokens === null ? words.badCount : null;
    },
    actions,
    // the visible label belongs to the slider; the field beside it repeats it for those who only hear it
    { testid: 'context-value', class: 'inline' },
  );
  const chips = h('div', { class: 'chips' });
  const keepChips = rowKeeper<Pick>(
    chips,
    ({ key }) => key,
    () => {
      let tokens = 0;
      const chip = button('', () => choose(tokens), { kind: 'chip' });
      return {
        element: chip,
        update(pick) {
          tokens = pick.tokens;
          setText(chip, pick.label);
          setPressed(chip, pick.chosen);
        },
      };
    },
  );
  const helpId = freshId('help');
  const help = h('p', { class: 'help', id: helpId });
  slider.setAttribute('aria-describedby', helpId);
  const element = h(
    'div',
    { class: 'control' },
    h('div', { class: 'label-row' }, h('label', { for: sliderId }, words.context), exact.element),
    track,
    chips,
    help,
  );

  return {
    element,
    update(page) {
      engine = page.state.wish.engine;
      const model = page.snapshot.model;
      const longest = model?.id === page.state.wish.model ? model.longestContext : null;
      const end = sliderEnd(longest);
      const tokens = chosenTokens(page);
      const said = engine === 'vllm' ? (page.priced?.request.options.maxModelLen ?? null) : null;
      setAttribute(slider, 'max', String(end));
      if (slider.value !== String(tokens)) slider.value = String(tokens);
      setVariable(track, '--at', placeOf(tokens, end));
      const verdict =
        page.priced === null ? null : verdictWords[page.priced.plan.verdict].toLowerCase();
      setAttribute(slider, 'aria-valuetext', words.contextSpoken(tokens, verdict));
      exact.show(
        formatCount(tokens),
        said !== null && said !== tokens
          ? words.inArguments(formatCount(said))
          : longest !== null && tokens > longest
            ? words.beyondModel(longest)
            : '',
      );
      const fits = page.priced?.plan.kvCache.longestThatFits ?? null;
      const reachable = fits !== null && fits >= SHORTEST_CONTEXT_TOKENS && fits < end;
      tick.hidden = !reachable;
      if (reachable) setVariable(tick, '--at', placeOf(fits, end));
      const picks = contextPicks(end).map((one) => ({
        key: String(one),
        tokens: one,
        label: one === longest ? `${words.max} ${shortTokens(one)}` : shortTokens(one),
        chosen: one === tokens,
      }));
      if (reachable) {
        const down = Math.floor(fits / CONTEXT_STEP_TOKENS) * CONTEXT_STEP_TOKENS;
        picks.push({
          key: 'longest',
          tokens: down,
          label: words.longest(down),
          chosen: down === tokens,
        });
      }
      keepChips(picks);
      setText(help, engine === 'vllm' ? words.contextHelp : words.numCtxHelp);
    },
  };
}

const placeOf = (tokens: number, end: number): number =>
  end === SHORTEST_CONTEXT_TOKENS
    ? 1
    : Math.min(
        1,
        Math.max(0, (tokens - SHORTEST_CONTEXT_TOKENS) / (end - SHORTEST_CONTEXT_TOKENS)),
      );

function chosenTokens({ state, priced }: PageModel): number {
  const { engine, options } = state.wish;
  return engine === 'vllm'
    ? (options.maxModelLen ?? DEFAULT_CONTEXT_TOKENS)
    : (options.numCtx ?? priced?.plan.kvCache.atLength ?? OLLAMA_DEFAULT_TOKENS);
}
