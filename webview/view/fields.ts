/** Labelled controls. Labels, help and complaints are bound to their control; room for complaints is kept free. */
import { freshId, h, setAttribute, setText, setValue, type Child } from './dom';

export interface Labelled {
  readonly element: HTMLElement;
}

/** A label above a control, with help below it. */
export function labelled(
  label: string,
  control: HTMLElement,
  options: { help?: string; trailing?: Child; class?: string } = {},
): HTMLElement {
  const id = control.id === '' ? freshId('control') : control.id;
  control.id = id;
  const head = h('div', { class: 'label-row' }, h('label', { for: id }, label));
  if (options.trailing !== undefined) head.append(options.trailing);
  const element = h('div', { class: `field ${options.class ?? ''}`.trim() }, head, control);
  if (options.help !== undefined) {
    const helpId = freshId('help');
    element.append(h('p', { class: 'help', id: helpId }, options.help));
    describe(control, helpId);
  }
  return element;
}

function describe(control: HTMLElement, id: string): void {
  const before = control.getAttribute('aria-describedby');
  control.setAttribute('aria-describedby', before === null ? id : `${before} ${id}`);
}

export function button(
  label: string,
  onClick: () => void,
  options: { testid?: string; kind?: 'primary' | 'secondary' | 'link'; title?: string } = {},
): HTMLButtonElement {
  return h(
    'button',
    {
      type: 'button',
      class: `button ${options.kind ?? 'secondary'}`,
      ...(options.testid === undefined ? {} : { 'data-testid': options.testid }),
      ...(options.title === undefined ? {} : { title: options.title }),
      onclick: onClick,
    },
    label,
  );
}

export interface TextField extends Labelled {
  readonly input: HTMLInputElement;
  /** Shows a value of the wish; the field is left alone while the user types in it, unless that was invalid. */
  show(value: string, complaint?: string): void;
}

/**
 * A text field that checks while one types: a good value is applied at once, a bad one is marked and changes nothing.
 * `read` gives the complaint, or null after it has taken the value.
 */
export function textField(
  label: string,
  read: (text: string) => string | null,
  options: {
    testid?: string;
    help?: string;
    placeholder?: string;
    numeric?: boolean;
    class?: string;
    validity: (valid: boolean) => void;
  },
): TextField {
  const complaintId = freshId('complaint');
  const complaint = h('p', { class: 'complaint', id: complaintId });
  let shown = '';
  const check = (): void => {
    const problem = read(input.value);
    setText(complaint, problem ?? '');
    setAttribute(input, 'aria-invalid', problem === null ? null : 'true');
    options.validity(problem === null);
  };
  const input = h('input', {
    type: 'text',
    class: 'text',
    spellcheck: 'false',
    autocomplete: 'off',
    'aria-describedby': complaintId,
    ...(options.testid === undefined ? {} : { 'data-testid': options.testid }),
    ...(options.placeholder === undefined ? {} : { placeholder: options.placeholder }),
    ...(options.numeric === true ? { inputmode: 'decimal' } : {}),
    oninput: check,
    onblur: () => {
      if (input.getAttribute('aria-invalid') === 'true') {
        setAttribute(input, 'aria-invalid', null);
        setText(complaint, '');
        options.validity(true);
      }
      input.value = shown;
    },
    onkeydown: (event) => {
      if (event instanceof KeyboardEvent && event.key === 'Enter') input.blur();
    },
  });
  const element = labelled(label, input, {
    ...(options.help === undefined ? {} : { help: options.help }),
    class: `text-field ${options.class ?? ''}`,
  });
  element.append(complaint);
  return {
    element,
    input,
    show(value, note) {
      shown = value;
      setValue(input, value);
      if (input.getAttribute('aria-invalid') !== 'true') setText(complaint, note ?? '');
    },
  };
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

/** A native select; a value that is not among the choices is shown as one of its own. */
export function selectField(
  label: string,
  choices: readonly Choice[],
  onPick: (value: string) => void,
  options: { testid?: string; help?: string } = {},
): Labelled & { show(value: string): void; readonly select: HTMLSelectElement } {
  const select = h('select', {
    ...(options.testid === undefined ? {} : { 'data-testid': options.testid }),
    onchange: () => {
      onPick(select.value);
    },
  });
  const option = (choice: Choice): HTMLOptionElement =>
    h('option', { value: choice.value }, choice.label);
  select.append(...choices.map(option));
  const element = labelled(label, select, options.help === undefined ? {} : { help: options.help });
  return {
    element,
    select,
    show(value) {
      if (select.value === value) return;
      const known = [...select.options].some((one) => one.value === value);
      if (!known) select.append(option({ value, label: value }));
      select.value = value;
    },
  };
}

export function checkField(
  label: string,
  onToggle: (checked: boolean) => void,
): Labelled & { show(checked: boolean): void } {
  const input = h('input', {
    type: 'checkbox',
    onchange: () => {
      onToggle(input.checked);
    },
  });
  return {
    element: h('label', { class: 'check' }, input, h('span', {}, label)),
    show(checked) {
      if (input.checked !== checked) input.checked = checked;
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
    h('summary', {}, title),
    ...children,
  );
  return element;
}

export function setOpen(element: HTMLDetailsElement, open: boolean): void {
  if (element.open !== open) element.open = open;
}
