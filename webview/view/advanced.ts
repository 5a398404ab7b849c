/** The rarely touched controls: vLLM's accordion, and Ollama's own. Empty means the engine's default everywhere. */
import type { Plan } from '../../src/shared/planAnswer';
import type { PlanOptions } from '../../src/shared/planRequest';
import { words } from '../words';
import { freshId, h, presence, setText, setValue } from './dom';
import {
  checkField,
  foldable,
  helpText,
  labelled,
  selectField,
  setOpen,
  textField,
  type Choice,
  type TextField,
} from './fields';
import type { Actions, PageModel, View } from './view';

type CountOption =
  | 'tensorParallelSize'
  | 'pipelineParallelSize'
  | 'maxNumSeqs'
  | 'maxNumBatchedTokens'
  | 'numParallel'
  | 'numGpu';
type WordOption = 'dtype' | 'quantization' | 'kvCacheDtype' | 'kvCacheType';

const own = (value: string): Choice => ({ value, label: value });
const byDefault: Choice = { value: '', label: words.engineDefault };

const choices: Readonly<Record<WordOption, readonly Choice[]>> = {
  dtype: [byDefault, ...['auto', 'bfloat16', 'float16', 'float32'].map(own)],
  quantization: [
    { value: '', label: words.asCheckpoint },
    ...[
      'bitsandbytes',
      'fp8',
      'awq',
      'awq_marlin',
      'gptq',
      'gptq_marlin',
      'compressed-tensors',
    ].map(own),
  ],
  kvCacheDtype: [byDefault, ...['auto', 'fp8', 'fp8_e4m3', 'fp8_e5m2', 'bfloat16'].map(own)],
  kvCacheType: [byDefault, ...['f16', 'q8_0', 'q4_0'].map(own)],
};

/** What a control comes to, from the plan: said below it. */
type Tell = (plan: Plan) => string;

interface Control {
  readonly element: HTMLElement;
  show(page: PageModel): void;
}

function countControl(
  label: string,
  option: CountOption,
  least: number,
  actions: Actions,
  tell: Tell | null = null,
): Control {
  const note = helpText();
  const field: TextField = textField(
    label,
    (text) => {
      const plain = text.trim();
      if (plain === '') {
        actions.options({ [option]: null });
        return null;
      }
      const count = /^\d{1,9}$/.test(plain) ? Number(plain) : -1;
      if (count < least) return least === 0 ? words.badLayers : words.badCount;
      actions.options({ [option]: count });
      return null;
    },
    actions,
    {
      testid: option,
      placeholder: option === 'numGpu' ? words.asManyAsFit : words.engineDefault,
      ...(tell === null ? {} : { note }),
    },
  );
  return {
    element: field.element,
    show: ({ state, priced }) => {
      const value = state.wish.options[option];
      field.show(value == null ? '' : String(value));
      if (tell !== null) setText(note, priced === null ? '' : tell(priced.plan));
    },
  };
}

function wordControl(
  label: string,
  option: WordOption,
  actions: Actions,
  tell: Tell | null = null,
): Control {
  const note = helpText();
  const field = selectField(
    label,
    choices[option],
    (value) => actions.options({ [option]: value === '' ? null : value }),
    { testid: option, ...(tell === null ? {} : { help: note }) },
  );
  return {
    element: field.element,
    show: ({ state, priced }) => {
      field.show(state.wish.options[option] ?? '');
      if (tell !== null) setText(note, priced === null ? '' : tell(priced.plan));
    },
  };
}

function keepAliveControl(actions: Actions): Control {
  const field = selectField(
    words.keepAlive,
    words.keepAliveChoices.map(([seconds, label]) => ({ value: String(seconds ?? ''), label })),
    (value) => actions.wish({ keepAlive: value === '' ? null : Number(value) }),
    { testid: 'keepAlive', help: words.keepAliveHelp },
  );
  return {
    element: field.element,
    show: ({ state }) => field.show(String(state.wish.keepAlive ?? '')),
  };
}

function portControl(actions: Actions): Control {
  const field = textField(
    words.port,
    (text) => {
      const plain = text.trim();
      const port = plain === '' ? null : Number(plain);
      if (port !== null && !(Number.isInteger(port) && port >= 1 && port <= 65535)) {
        return words.badPort;
      }
      actions.wish({ port });
      return null;
    },
    actions,
    { testid: 'port', placeholder: words.anyFree },
  );
  return {
    element: field.element,
    show: ({ state }) => field.show(state.wish.port === null ? '' : String(state.wish.port)),
  };
}

function argumentsControl(actions: Actions): Control {
  const area = h('textarea', {
    rows: 2,
    class: 'mono',
    'data-testid': 'extraArguments',
    spellcheck: 'false',
    id: freshId('arguments'),
    oninput: () =>
      actions.wish({
        extraArguments: area.value
          .split('\n')
          .map((line) => line.trim())
          .filter((line) => line !== ''),
      }),
  });
  return {
    element: labelled(words.extraArguments, area, {
      help: words.extraArgumentsHelp,
      class: 'wide',
    }),
    show: ({ state }) => setValue(area, state.wish.extraArguments.join('\n')),
  };
}

export function vllmAdvanced(actions: Actions): View {
  const eager = checkField(
    words.enforceEager,
    (checked) => actions.options({ enforceEager: checked ? true : null }),
    { testid: 'enforceEager' },
  );
  const controls: Control[] = [
    wordControl(words.quantization, 'quantization', actions),
    wordControl(words.dtype, 'dtype', actions),
    wordControl(words.kvCacheDtype, 'kvCacheDtype', actions),
    countControl(words.maxNumSeqs, 'maxNumSeqs', 1, actions),
    countControl(words.maxNumBatchedTokens, 'maxNumBatchedTokens', 1, actions),
    countControl(words.tensorParallel, 'tensorParallelSize', 1, actions),
    countControl(words.pipelineParallel, 'pipelineParallelSize', 1, actions),
    portControl(actions),
    argumentsControl(actions),
  ];
  const element = foldable(
    words.advanced,
    (open) => actions.section('advanced', open),
    { testid: 'advanced' },
    h('div', { class: 'grid' }, ...controls.map((control) => control.element)),
    eager.element,
  );
  const show = presence(element);
  return {
    element,
    update(page) {
      show(page.state.wish.engine === 'vllm');
      setOpen(element, page.state.openSections.includes('advanced'));
      eager.show(page.state.wish.options.enforceEager === true);
      for (const control of controls) control.show(page);
    },
  };
}

export function ollamaControls(actions: Actions): View {
  const flash = selectField(
    words.flashAttention,
    [byDefault, { value: 'on', label: words.on }, { value: 'off', label: words.off }],
    (value) => {
      const patch: PlanOptions = { flashAttention: value === '' ? null : value === 'on' };
      actions.options(patch);
    },
    { testid: 'flashAttention', help: words.flashAttentionHelp },
  );
  const controls: Control[] = [
    countControl(words.numParallel, 'numParallel', 1, actions, ({ kvCache }) =>
      words.tokensInAll(kvCache.tokens),
    ),
    wordControl(words.kvCacheDtype, 'kvCacheType', actions, ({ kvCache }) =>
      words.poolOf(kvCache.totalBytes),
    ),
    {
      element: flash.element,
      show: ({ state }) => {
        const value = state.wish.options.flashAttention;
        flash.show(value == null ? '' : value ? 'on' : 'off');
      },
    },
    countControl(words.numGpu, 'numGpu', 0, actions, ({ offload }) =>
      offload === null ? '' : words.layers(offload.layersOnGpu, offload.layersTotal),
    ),
    keepAliveControl(actions),
  ];
  const element = h(
    'div',
    { class: 'grid control' },
    ...controls.map((control) => control.element),
  );
  const show = presence(element);
  return {
    element,
    update(page) {
      show(page.state.wish.engine === 'ollama');
      for (const control of controls) control.show(page);
    },
  };
}
