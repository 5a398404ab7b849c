/** A line of help is no longer. */
const WIDTH = 96;

/** Words in as many lines as they need. */
export function wrapped(words: readonly string[], indent: string): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const line = `${lines.at(-1) ?? indent} ${word}`;
    if (lines.length > 0 && line.length <= WIDTH) lines[lines.length - 1] = line;
    else lines.push(`${indent}${word}`);
  }
  return lines;
}

/** Rows under each other: each cell as wide as the widest of its column; a column without any word is left out. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries())
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .flatMap((cell, index) => (widths[index] ? [cell.padEnd(widths[index])] : []))
      .join('  ')
      .trimEnd(),
  );
}
