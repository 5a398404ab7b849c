/** Labelled fields of the toolkit. Labels, help and complaints are bound to their control; room for complaints is kept free. */
import type { Option, TextField as ToolkitTextField } from '@vscode/webview-ui-toolkit';
import { freshId, h, setAttribute, setText, setValue, type Child } from './dom';
import type { Actions } from './view';

export interface Labelled {
  readonly element: HTMLElement;
}

export const helpText = (text = ''): HTMLElement => h('p', { class: 'help' }, text);

/** A label above a control that has none of its own, with help below it. */
export function labelled(
  label: string,
  control: HTMLElement,
  options: { help?: string | HTMLElement; class?: string } = {},
): HTMLElement {
  const id = control.id === '' ? freshId('control') : control.id;
  control.id = id;
  const labelId = freshId('label');
  control.setAttribute('aria-labelledby', labelId);
  const element = h(
    'div',
    { class: `field ${options.class ?? ''}`.trim() },
    h('label', { for: id, id: labelId }, label),
    control,
  );
  if (options.help !== undefined) {
    const help = typeof options.help === 'string' ? helpText(options.help) : options.help;
    help.id = freshId('help');
    element.append(help);
    control.setAttribute('aria-describedby', help.id);
  }
  return element;
}

/**
 * A text field with its label inside it, which the toolkit binds. What describes it lies outside of its shadow, where
 * ids do not reach: elements do (Chromium 135; VS Code 1.104 has 138).
 */
export function describedBy(input: ToolkitTextField, ...elements: Element[]): void {
  // there since the field was first in the document
  const control = input.shadowRoot?.querySelector('input') ?? null;
  if (control !== null && control.ariaDescribedByElements?.length !== elements.length) {
    control.ariaDescribedByElements = elements;
  }
}

export interface TextField extends Labelled {
  readonly input: ToolkitTextField;
  /** Shows a value of the wish; the field is left alone while the user types in it, unless that was invalid. */
  show(value: string, complaint?: string): void;
}

/**
 * A text field that checks while one types: a good value is applied at once, a bad one is marked and changes nothing,
 * not even by the good ones on the way to it ("1" of "1.7"). `read` gives the complaint, or null after it has taken
 * the value.
 */
export function textField(
  label: string,
  read: (text: string) => string | null,
  actions: Pick<Actions, 'validity' | 'checkpoint'>,
  options: {
    /** Names the field on the page and in tests. */
    testid: string;
    placeholder?: string;
    class?: string;
    /** Said beside the field, and spoken with it. */
    note?: HTMLElement;
  },
): TextField {
  const complaint = h('p', {
    class: 'complaint',
    'aria-live': 'polite',
    'data-testid': `${options.testid}-complaint`,
  });
  let shown = '';
  let restore: (() => void) | null = null;
  const isInvalid = (): boolean => input.getAttribute('aria-invalid') === 'true';
  const complain = (problem: string | null): void => {
    setText(complaint, problem ?? '');
    setAttribute(input, 'aria-invalid', problem === null ? null : 'true');
    actions.validity(options.testid, problem === null);
  };
  const check = (): void => {
    const problem = read(input.value);
    complain(problem);
    if (problem !== null) restore?.();
  };
  const settle = (): void => {
    if (isInvalid()) complain(null);
    input.value = shown;
  };
  const input = h(
    'vscode-text-field',
    {
      'data-testid': options.testid,
      ...(options.placeholder === undefined ? {} : { placeholder: options.placeholder }),
      onfocus: () => {
        restore = actions.checkpoint();
      },
      oninput: check,
      onblur: settle,
      // after the frame that takes what was typed just before
      onkeydown: (event) => {
        if (event instanceof KeyboardEvent && event.key === 'Enter') requestAnimationFrame(settle);
      },
    },
    label,
  );
  const described = options.note === undefined ? [complaint] : [options.note, complaint];
  return {
    element: h(
      'div',
      { class: `field text-field ${options.class ?? ''}`.trim() },
      input,
      ...described,
    ),
    input,
    show(value, note) {
      shown = value;
      setValue(input, value);
      if (!isInvalid()) setText(complaint, note ?? '');
      describedBy(input, ...described);
    },
  };
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** A drop-down; a value that is not among the choices is shown as one of its own. */
export function selectField(
  label: string,
  choices: readonly Choice[],
  onPick: (value: string) => void,
  options: { testid?: string; help?: string | HTMLElement } = {},
): Labelled & { show(value: string): void } {
  let shown = choices[0]?.value ?? '';
  const known = new Set(choices.map(({ value }) => value));
  const picked = (): void => {
    if (select.open || select.value === shown) return;
    shown = select.value;
    onPick(shown);
  };
  const select = h('vscode-dropdown', {
    ...(options.testid === undefined ? {} : { 'data-testid': options.testid }),
    onchange: picked,
    // An arrow back to the option that was chosen when the list was last open changes the value without a word.
    onkeyup: picked,
  });
  const option = (choice: Choice): Option => {
    const element = h('vscode-option', {}, choice.label);
    element.value = choice.value;
    return element;
  };
  select.append(...choices.map(option));
  // Options count only from here on, and until then the drop-down takes no value but theirs.
  select.shadowRoot?.addEventListener('slotchange', () => {
    select.value = shown;
  });
  const element = labelled(label, select, options.help === undefined ? {} : { help: options.help });
  return {
    element,
    show(value) {
      // What is pointed at in the open list is not chosen yet.
      if (select.open || select.value === value) return;
      shown = value;
      if (!known.has(value)) {
        known.add(value);
        select.append(option({ value, label: value }));
      }
      select.value = value;
    },
  };
}

export function checkField(
  label: string,
  onToggle: (checked: boolean) => void,
  options: { testid?: string } = {},
): Labelled & { show(checked: boolean): void } {
  let shown = false;
  const box = h(
    'vscode-checkbox',
    {
      ...(options.testid === undefined ? {} : { 'data-testid': options.testid }),
      // Told of changes by the program, too.
      onchange: () => {
        if (box.checked === shown) return;
        shown = box.checked;
        onToggle(shown);
      },
    },
    label,
  );
  return {
    element: box,
    show(checked) {
      shown = checked;
      if (box.checked !== checked) box.checked = checked;
    },
  };
}

/** A section that folds, remembered by name. */
export function foldable(
  title: Child,
  onToggle: (open: boolean) => void,
  options: { testid?: string; class?: string },
  ...children: Child[]
): HTMLDetailsElement {
  const element = h(
    'details',
    {
      class: options.class ?? 'fold',
      ...(options.testid === undefined ? {} : { 'data-testid': options.testid }),
      ontoggle: () => {
        onToggle(element.open);
      },
    },
    h(
      'summary',
      options.testid === undefined ? {} : { 'data-testid': `${options.testid}-title` },
      title,
    ),
    ...children,
  );
  return element;
}

export function setOpen(element: HTMLDetailsElement, open: boolean): void {
  if (element.open !== open) element.open = open;
}
