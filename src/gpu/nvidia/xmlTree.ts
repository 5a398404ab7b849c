/**
 * The least of an XML reader that `nvidia-smi -q -x` needs: elements, their text and their `id`. It never fails: a cut document
 * gives the elements seen so far, the one it is cut in without its text, a stray end tag is skipped. Other attributes, comments and the DTD are passed over.
 */
export interface XmlElement {
  readonly name: string;
  /** The `id` attribute, "" where there is none. */
  readonly id: string;
  readonly children: readonly XmlElement[];
  /** Own text, trimmed, entities resolved. */
  readonly text: string;
}

interface OpenElement {
  name: string;
  id: string;
  children: OpenElement[];
  text: string;
}

const TOKEN = /<!--[\s\S]*?-->|<[?!][^>]*>|<(\/?)([A-Za-z_][\w.-]*)([^<>]*?)(\/?)>|[^<]+|</g;

/** Text outside any element is dropped. The root returned stands above the document's own. */
export function readXml(text: string): XmlElement {
  const root: OpenElement = { name: '', id: '', children: [], text: '' };
  const open = [root];
  for (const token of text.matchAll(TOKEN)) {
    const [whole, slash, name, attributes, selfClosing] = token;
    const current = open.at(-1) ?? root;
    if (name === undefined) {
      if (!whole.startsWith('<')) current.text += resolveEntities(whole);
    } else if (slash === '/') {
      const at = open.findLastIndex((element) => element.name === name);
      if (at > 0) open.length = at;
    } else {
      const id = /\sid="([^"]*)"/.exec(attributes ?? '')?.[1] ?? '';
      const element: OpenElement = { name, id, children: [], text: '' };
      current.children.push(element);
      if (selfClosing !== '/') open.push(element);
    }
  }
  for (const element of open) element.text = '';
  return root;
}

/** First element at a path below `element`, or undefined. */
export function at(element: XmlElement | undefined, ...path: string[]): XmlElement | undefined {
  let found = element;
  for (const name of path) found = found?.children.find((child) => child.name === name);
  return found;
}

/** Trimmed text of the first element at a path, or undefined where there is none. */
export function textAt(element: XmlElement | undefined, ...path: string[]): string | undefined {
  return at(element, ...path)?.text.trim();
}

/** All direct children of one name. */
export function all(element: XmlElement | undefined, name: string): readonly XmlElement[] {
  return element?.children.filter((child) => child.name === name) ?? [];
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

function resolveEntities(text: string): string {
  return text.replaceAll(/&(\w{1,8});/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
