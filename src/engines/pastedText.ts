/** What copying does to a log: a margin before each line, and lines cut where the terminal's window ended. */

/** Narrower or wider than this is no window. */
const WINDOW_COLUMNS = { least: 40, most: 400 };

/** Nobody copies more than this out of a window. */
const MOST_CHARACTERS = 1_000_000;

/** A Markdown quote, or the indentation of a code block, where every line has the same. */
export function withoutMargin(text: string): string {
  let margin: string | null = null;
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? undefined : end);
    at = end < 0 ? text.length : end + 1;
    if (/^[\s>]*$/.test(line)) continue;
    margin ??= /^(?:[ \t]*> ?|[ \t]+)/.exec(line)?.[0] ?? '';
    while (!line.startsWith(margin)) margin = margin.slice(0, -1);
    if (margin === '') return text;
  }
  const found = margin ?? '';
  if (found === '') return text;
  return text
    .split('\n')
    .map((line) =>
      line.startsWith(found) ? line.slice(found.length) : line.replace(/^[ \t>]+/, ''),
    )
    .join('\n');
}

export interface JoinedText {
  readonly text: string;
  /** Line of the given text, by line of the joined one; both count from 1. */
  readonly lineOf: (joined: number) => number;
  /** So many lines have exactly the same width that it cannot be by chance. */
  readonly isSure: boolean;
}

/** No window begins a line with this: the one before was complete. */
const beginsOwnLine =
  /^(?:\(\w+ pid=|(?:DEBUG|INFO|WARNING|ERROR)[: ]|Traceback |time=|\d{4}[-/]\d\d)/;

/** The lines as they were before a window cut them: what fills it goes on in the next. Null: nothing fills it. */
export function withoutWindow(text: string): JoinedText | null {
  if (text.length > MOST_CHARACTERS) return null;
  const lines = text.split(/\r*\n/);
  const columns = lines.reduce((most, line) => Math.max(most, line.length), 0);
  if (columns < WINDOW_COLUMNS.least || columns > WINDOW_COLUMNS.most) return null;
  const joined: string[] = [];
  const starts: number[] = [];
  let full = 0;
  let isOpen = false;
  lines.forEach((line, place) => {
    if (isOpen && !beginsOwnLine.test(line)) {
      joined.push(`${joined.pop() ?? ''}${line}`);
      full += 1;
    } else {
      joined.push(line);
      starts.push(place + 1);
    }
    isOpen = line.length === columns;
  });
  if (full === 0) return null;
  return {
    text: joined.join('\n'),
    lineOf: (line) => starts[line - 1] ?? line,
    isSure: full >= 3 && full >= lines.length * 0.08,
  };
}
