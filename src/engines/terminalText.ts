/**
 * From what a terminal or a pipe brings (any cut, colours, progress bars that overwrite themselves) to plain lines.
 * Memory is bounded: one unfinished line and one unfinished escape sequence are kept, both capped.
 */

/** Beyond this a line is cut; the longest useful ones (an engine's whole configuration) are about 4 kB. */
const MAX_LINE_CHARACTERS = 8192;
const MAX_ESCAPE_CHARACTERS = 256;

const ESC = '\u001b';

/** CSI, then OSC (ended by BEL or ESC \), then the short forms. */
const escapes =
  /\u001b(?:\[([0-?]*)[ -/]*([@-~])|[\]PX^_][^\u0007\u001b\n]*(?:\u0007|\u001b\\)|[ -/]*[0-Z\\^-~])/g;
const escapeHere = new RegExp(escapes.source, 'y');
/** What more text may complete. */
const openEscape = /^\u001b(?:\[[0-?]*[ -/]*|[\]PX^_][^\u0007\u001b\n]*\u001b?|[ -/]*)$/;
/** Colours whose escape character was lost on the way through a web page or a copy. */
const orphanedColours = /\[(?:0|\d{1,2}(?:;\d{1,3})+|[39][0-7]|[0-9])m/g;
/** Said by what is none: read in two thirds of the time. */
const otherControls = /[^\t\n\r -~\u0080-\uffff]/g;

export interface TextLine {
  readonly text: string;
  /** 1-based. */
  readonly number: number;
  /** False: a progress bar's passing state, which the next one overwrites. */
  readonly final: boolean;
}

export interface TerminalLines {
  push(chunk: string, onLine: (line: TextLine) => void): void;
  /** Hands out the unfinished last line, if there is one. */
  flush(onLine: (line: TextLine) => void): void;
}

/** For one output: lines are counted from its first. */
export function createTerminalLines(): TerminalLines {
  let number = 1;
  let line = '';
  /** What the last carriage return left on the line. */
  let overwritten = '';
  let pendingReturn = false;
  let pendingEscape = '';

  function endLine(onLine: (line: TextLine) => void): void {
    onLine({ text: line.trim() === '' ? overwritten : line, number, final: true });
    number += 1;
    line = '';
    overwritten = '';
  }

  function endPass(onLine: (line: TextLine) => void): void {
    if (line.trim() === '') return;
    overwritten = line;
    onLine({ text: line, number, final: false });
    line = '';
  }

  function append(text: string): void {
    const room = MAX_LINE_CHARACTERS - line.length;
    if (room <= 0) return;
    const fitting = text.length > room ? text.slice(0, room) : text;
    line = line === '' ? fitting : line + fitting;
  }

  return {
    push(chunk, onLine) {
      let text = pendingEscape + chunk;
      pendingEscape = '';
      const open = openEscapeAt(text);
      // One that is too long to be one is text.
      if (open !== null && text.length - open <= MAX_ESCAPE_CHARACTERS) {
        pendingEscape = text.slice(open);
        text = text.slice(0, open);
      }
      const plain = stripControls(text);
      let start = 0;
      let [feed, back] = [plain.indexOf('\n'), plain.indexOf('\r')];
      while (feed >= 0 || back >= 0) {
        const isFeed = back < 0 || (feed >= 0 && feed < back);
        const index = isFeed ? feed : back;
        if (pendingReturn) {
          pendingReturn = false;
          if (index > start || !isFeed) endPass(onLine);
        }
        append(plain.slice(start, index));
        start = index + 1;
        if (isFeed) {
          endLine(onLine);
          feed = plain.indexOf('\n', start);
        } else {
          pendingReturn = true;
          back = plain.indexOf('\r', start);
        }
      }
      if (pendingReturn && start < plain.length) {
        pendingReturn = false;
        endPass(onLine);
      }
      append(plain.slice(start));
    },
    flush(onLine) {
      pendingEscape = '';
      pendingReturn = false;
      if (line !== '' || overwritten !== '') endLine(onLine);
    },
  };
}

/** Where an escape sequence begins that this text does not end; null: none. */
function openEscapeAt(text: string): number | null {
  let at = text.indexOf(ESC);
  while (at >= 0) {
    escapeHere.lastIndex = at;
    const whole = escapeHere.exec(text);
    if (!whole && openEscape.test(text.slice(at, at + MAX_ESCAPE_CHARACTERS + 1))) return at;
    at = text.indexOf(ESC, at + (whole?.[0].length ?? 1));
  }
  return null;
}

/** Removes colours and cursor movements. A step to the right becomes spaces: Windows terminals write runs of spaces so. */
function stripControls(text: string): string {
  let plain = text;
  if (plain.includes(ESC)) {
    plain = plain.replace(
      escapes,
      (_all, parameters: string | undefined, final: string | undefined) =>
        final === 'C' ? ' '.repeat(Math.min(Number(parameters) || 1, 400)) : '',
    );
  }
  if (plain.includes('m') && plain.includes('[')) plain = plain.replace(orphanedColours, '');
  return plain.replace(otherControls, '');
}
