/** Buttons of the toolkit in the sizes that the page needs. */
import type { Button } from '@vscode/webview-ui-toolkit';
import { h, type Child } from './dom';

/** `link` looks like a link in text, `chip` is a small round one among others. */
type Kind = 'primary' | 'secondary' | 'link' | 'chip';

export function button(
  content: Child | readonly Child[],
  onClick: () => void,
  options: { testid?: string; kind?: Kind; class?: string; title?: string } = {},
): Button {
  const kind = options.kind ?? 'secondary';
  const element = h(
    'vscode-button',
    {
      // not "icon" for links: that one takes its words for missing and speaks "Icon Button"
      appearance: kind === 'primary' ? 'primary' : 'secondary',
      class: `${kind} ${options.class ?? ''}`.trim(),
      ...(options.testid === undefined ? {} : { 'data-testid': options.testid }),
      ...(options.title === undefined ? {} : { title: options.title }),
      onclick: () => {
        // the element around a disabled button still takes clicks
        if (!element.disabled) onClick();
      },
    },
    ...([] as Child[]).concat(content),
  );
  return element;
}

/** The toolkit passes no attribute but a few on to the button inside; the property does. */
export function setPressed(element: Button, pressed: boolean): void {
  const text = pressed ? 'true' : 'false';
  if (element.ariaPressed !== text) element.ariaPressed = text;
}

export function setDisabled(element: Button, disabled: boolean): void {
  if (element.disabled !== disabled) element.disabled = disabled;
}

/** What is spoken in place of the words on it. */
export function setSpoken(element: Button, label: string): void {
  if (element.ariaLabel !== label) element.ariaLabel = label;
}
