/**
 * The last words of each server, kept beside the log reader, which keeps no text: evidence can then be shown in its
 * place, also when the terminal is gone. Colours out, progress bars as their last state, line numbers as the reader's.
 */
import { createTerminalLines, type TerminalLines } from '../../engines/terminalText';

const MAX_CHARACTERS = 256 * 1024;
/** Of servers that ended; those that run are all kept. */
const MAX_ENDED = 8;

export interface OutputTail {
  readonly lines: readonly string[];
  /** Number of the first one, from 1; more than 1 where earlier lines were dropped. */
  readonly firstLine: number;
}

export interface OutputTails {
  push(id: string, chunk: string): void;
  /** It has ended: its unfinished last line counts, and it may be dropped for others some time. */
  end(id: string): void;
  /** null: nothing of its output came to this window, or it was dropped. */
  readonly tailOf: (id: string) => OutputTail | null;
  /** Called with the id whenever something came. Returns the way out. */
  listen(listener: (id: string) => void): () => void;
}

interface Kept {
  readonly splitter: TerminalLines;
  lines: string[];
  /** How many of `lines` count no more; they are cut off now and then, not one by one. */
  dropped: number;
  firstLine: number;
  characters: number;
}

export function createOutputTails(): OutputTails {
  const kept = new Map<string, Kept>();
  /** Oldest end first. */
  const ended: string[] = [];
  const listeners = new Set<(id: string) => void>();

  function keepLine(tail: Kept, text: string): void {
    tail.lines.push(text);
    tail.characters += text.length + 1;
    while (tail.characters > MAX_CHARACTERS) {
      tail.characters -= (tail.lines[tail.dropped]?.length ?? 0) + 1;
      tail.dropped += 1;
      tail.firstLine += 1;
    }
    if (tail.dropped < 1_000 && tail.dropped < tail.lines.length) return;
    tail.lines = tail.lines.slice(tail.dropped);
    tail.dropped = 0;
  }

  const tell = (id: string) => {
    for (const listener of listeners) listener(id);
  };

  return {
    push(id, chunk) {
      let tail = kept.get(id);
      if (!tail) {
        const splitter = createTerminalLines();
        tail = { splitter, lines: [], dropped: 0, firstLine: 1, characters: 0 };
        kept.set(id, tail);
      }
      const into = tail;
      tail.splitter.push(chunk, ({ text, final }) => {
        if (final) keepLine(into, text);
      });
      tell(id);
    },
    end(id) {
      const tail = kept.get(id);
      if (!tail || ended.includes(id)) return;
      tail.splitter.flush(({ text }) => keepLine(tail, text));
      ended.push(id);
      for (const old of ended.splice(0, Math.max(0, ended.length - MAX_ENDED))) kept.delete(old);
      tell(id);
    },
    tailOf(id) {
      const tail = kept.get(id);
      return tail ? { lines: tail.lines.slice(tail.dropped), firstLine: tail.firstLine } : null;
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
