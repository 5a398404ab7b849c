/** Building and patching elements by hand: a view makes its elements once and afterwards changes only what differs. */

export type Child = Node | string;
type Attribute = string | number | boolean | ((event: Event) => void);

let nextId = 0;
/** An id for label and description references. */
export const freshId = (prefix: string): string => `${prefix}-${String((nextId += 1))}`;

/** `true` sets an empty attribute, `false` none; functions listen (`onclick` → click). */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, Attribute>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children);
  return element;
}

/** Touches the document only when the text differs, so that a tick that changes nothing draws nothing. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Custom properties go through the object model: the page's content policy forbids style attributes. */
export function setVariable(element: HTMLElement, name: string, value: string | number): void {
  const text = String(value);
  if (element.style.getPropertyValue(name) !== text) element.style.setProperty(name, text);
}

export function setHidden(element: HTMLElement, hidden: boolean): void {
  if (element.hidden !== hidden) element.hidden = hidden;
}

/**
 * Takes an element out of the document and back to its place: a control that does not apply is not there at all, neither
 * for a screen reader nor for whoever looks for it.
 */
export function presence(element: HTMLElement): (present: boolean) => void {
  const place = document.createComment('');
  return (present) => {
    if (present && place.isConnected) place.replaceWith(element);
    else if (!present && !place.isConnected) element.replaceWith(place);
  };
}

/** Not while the user types in it: what he writes and how it is shown differ ("8k", "8,192"). */
export function setValue(input: HTMLElement & { value: string }, value: string): void {
  const typing = input === document.activeElement && document.hasFocus();
  if (!typing && input.value !== value) input.value = value;
}

export interface Row<T> {
  readonly element: HTMLElement;
  update(item: T): void;
}

/** Keeps one row per key, in order; rows of keys that stay are kept with their focus. */
export function rowKeeper<T>(
  parent: HTMLElement,
  keyOf: (item: T) => string,
  create: (item: T) => Row<T>,
): (items: readonly T[]) => void {
  const rows = new Map<string, Row<T>>();
  return (items) => {
    const keys = new Set(items.map(keyOf));
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      rows.delete(key);
    }
    items.forEach((item, place) => {
      const key = keyOf(item);
      let row = rows.get(key);
      if (row === undefined) {
        row = create(item);
        rows.set(key, row);
      }
      row.update(item);
      if (parent.children[place] !== row.element) {
        parent.insertBefore(row.element, parent.children[place] ?? null);
      }
    });
  };
}
