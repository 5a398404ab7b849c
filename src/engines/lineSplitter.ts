/** Lines out of chunks that are cut anywhere. */
export interface LineSplitter {
  push(chunk: string): void;
  /** The last line may come without its end. */
  end(): void;
}

/** A line is never longer; what is, isn't an engine's. */
const MAX_LINE_CHARACTERS = 100_000;

export function createLineSplitter(take: (line: string) => void): LineSplitter {
  let rest = '';
  return {
    push(chunk) {
      const lines = (rest + chunk).split('\n');
      rest = (lines.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
      lines.forEach(take);
    },
    end() {
      take(rest);
      rest = '';
    },
  };
}
