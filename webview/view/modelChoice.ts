/** Which engine and which model. Typed names and paths count as much as chosen ones. */
import type { ModelChoice } from '../../src/shared/protocol';
import type { EngineId } from '../../src/shared/planRequest';
import { engineNames, words } from '../words';
import { button } from './button';
import { freshId, h, setAttribute, setHidden, setText } from './dom';
import { describedBy, selectField } from './fields';
import type { Actions, PageModel, View } from './view';

/** Ollama runs its own models and GGUF files; vLLM everything but Ollama's. */
const suits = (choice: ModelChoice, engine: EngineId): boolean =>
  engine === 'ollama'
    ? choice.source === 'ollama' || choice.source === 'gguf'
    : choice.source !== 'ollama';

export function modelChoice(actions: Actions): View & { focus(): void } {
  const engine = selectField(
    words.engine,
    [
      { value: 'vllm', label: engineNames.vllm },
      { value: 'ollama', label: engineNames.ollama },
    ],
    (value) => actions.engine(value === 'ollama' ? 'ollama' : 'vllm'),
    { testid: 'engine' },
  );
  // what tells models apart is at the end of a name, and more so of a path
  const showEnd = (): void => {
    requestAnimationFrame(() => {
      const { control } = input;
      if (document.activeElement !== input) control.scrollLeft = control.scrollWidth;
    });
  };
  const listId = freshId('models');
  const suggestions = h('datalist', { id: listId });
  const input = h(
    'vscode-text-field',
    {
      'data-testid': 'model',
      list: listId,
      oninput: () => actions.wish({ model: input.value.trim() }),
      onblur: () => {
        showEnd();
      },
    },
    words.model,
  );
  // beside the input, in its shadow: its `list` finds nothing outside
  input.shadowRoot?.append(suggestions);
  const facts = h('span', { 'data-testid': 'model-facts' });
  const openHubSetting = button(words.hubSetting, () => actions.open('hubSetting'), {
    kind: 'link',
    testid: 'hub-setting',
  });
  const factsLine = h('p', { class: 'help facts' }, facts, ' ', openHubSetting);
  const missing = h(
    'p',
    { class: 'notice' },
    h('span', {}),
    ' ',
    button(words.getEngine, () => actions.open('getEngine'), { kind: 'link' }),
  );
  const element = h(
    'div',
    { class: 'model-choice' },
    h(
      'div',
      { class: 'model-row' },
      engine.element,
      input,
      button(words.choose, () => actions.open('chooseModel'), { testid: 'choose-model' }),
    ),
    factsLine,
    missing,
  );
  let listed = '';
  const suggest = ({ snapshot, state }: PageModel): void => {
    const fitting = snapshot.models.filter((choice) => suits(choice, state.wish.engine));
    const signature = fitting.map((choice) => `${choice.id}\n${choice.detail}`).join('\n');
    if (signature === listed) return;
    listed = signature;
    suggestions.replaceChildren(
      ...fitting.map((choice) =>
        h(
          'option',
          { value: choice.id },
          [choice.label, choice.detail].filter(Boolean).join(' · '),
        ),
      ),
    );
  };
  return {
    element,
    focus: () => {
      input.focus();
    },
    update(page) {
      const { wish } = page.state;
      const here = page.snapshot.engines[wish.engine];
      engine.show(wish.engine);
      // Typed text is the wish itself, so this never interferes; a model picked elsewhere shows at once.
      if (input.value.trim() !== wish.model) {
        input.value = wish.model;
        showEnd();
      }
      // a path is longer than the field
      setAttribute(input, 'title', wish.model === '' ? null : wish.model);
      input.placeholder = words.modelPlaceholder[wish.engine];
      describedBy(input, facts);
      suggest(page);
      const said = describeFacts(page);
      setText(facts, said);
      setHidden(openHubSetting, !said.includes(HUB_SETTING));
      factsLine.classList.toggle('problem', page.snapshot.model?.problem != null && known(page));
      setHidden(missing, here.found);
      if (missing.firstChild !== null) {
        setText(missing.firstChild, words.engineMissing(engineNames[wish.engine]));
      }
    },
  };
}

/** What a note names where the hub would know more. */
const HUB_SETTING = 'vramPilot.hub.allowRequests';

const known = ({ snapshot, state }: PageModel): boolean => snapshot.model?.id === state.wish.model;

/** "vLLM 0.11.0 · 15.3 GiB of weights · up to 40,960 tokens" */
function describeFacts(page: PageModel): string {
  const { engines, model } = page.snapshot;
  const { wish } = page.state;
  const version = words.engineVersion(
    engineNames[wish.engine],
    engines[wish.engine].version,
    page.priced?.plan.engineVersion ?? null,
  );
  if (wish.model === '') return version;
  if (model === null || !known(page))
    return [version, words.readingModel].filter((part) => part !== '').join(' · ');
  if (model.problem !== null) return model.problem;
  const bytes = model.facts.weights?.totalBytes ?? model.facts.weightsBytes ?? null;
  const figures = [
    version,
    bytes === null ? '' : words.weightsOf(bytes),
    model.longestContext === null ? '' : words.upTo(model.longestContext),
  ].filter((part) => part !== '');
  // figures are no sentence, notes are
  const notes = (model.notes ?? []).map((note) => note.replace(/\.?$/, '.')).join(' ');
  return [figures.join(' · '), notes].filter((part) => part !== '').join('. ');
}
