import assert from 'node:assert/strict';
import { createTerminalLines, type TextLine } from '../../../src/engines/terminalText';

function linesOf(chunks: readonly string[]): TextLine[] {
  const lines: TextLine[] = [];
  const splitter = createTerminalLines();
  for (const chunk of chunks) splitter.push(chunk, (line) => lines.push(line));
  splitter.flush((line) => lines.push(line));
  return lines;
}

const finalTexts = (chunks: readonly string[]) =>
  linesOf(chunks)
    .filter((line) => line.final)
    .map((line) => line.text);

describe('terminalText', () => {
  it('splits at LF and CRLF, and keeps empty lines', () => {
    assert.deepEqual(finalTexts(['a\nb\r\n\nc']), ['a', 'b', '', 'c']);
  });

  it('takes colours, titles and cursor movements out', () => {
    const coloured =
      '\u001b[0;36m(APIServer pid=6)\u001b[0;0m \u001b[32mINFO\u001b[0m x\u001b]0;title\u0007y\u001b[K\u001b(B';
    assert.deepEqual(finalTexts([`${coloured}\n`]), ['(APIServer pid=6) INFO xy']);
  });

  it('turns a step to the right into spaces, as Windows terminals write them', () => {
    assert.deepEqual(finalTexts(['a\u001b[3Cb\n']), ['a   b']);
  });

  it('takes colours out whose escape character was lost', () => {
    assert.deepEqual(finalTexts(['[0;36m(A)[0;0m [32mINFO[0m [m] arr[0] ok\n']), [
      '(A) INFO [m] arr[0] ok',
    ]);
  });

  it('resolves a progress bar: passing states on one line, the last one final', () => {
    const lines = linesOf(['\rload 0%\rload 50%\rload 100%\nnext\n']);
    assert.deepEqual(
      lines.map(({ text, number, final }) => [text, number, final]),
      [
        ['load 0%', 1, false],
        ['load 50%', 1, false],
        ['load 100%', 1, true],
        ['next', 2, true],
      ],
    );
  });

  it('keeps what a bar showed when the line ends by CR CR LF', () => {
    assert.deepEqual(finalTexts(['bar 100%\r\r\nnext\n']), ['bar 100%', 'next']);
  });

  it('reads the same however the text is cut', () => {
    const text =
      'one\r\n\u001b[1mtwo\u001b[0m\n\rp 1%\rp 2%\n\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\\nlast ▄█ line';
    const whole = linesOf([text]);
    for (let size = 1; size <= 7; size += 1) {
      const pieces = text.match(new RegExp(`[\\s\\S]{1,${String(size)}}`, 'g')) ?? [];
      assert.deepEqual(linesOf(pieces), whole, `pieces of ${String(size)}`);
    }
  });

  it('cuts a line without end and an escape sequence without end', () => {
    const lines = linesOf(['x'.repeat(100_000), 'y\n', `\u001b[${'1;'.repeat(3000)}`, 'mz\n']);
    assert.equal(lines[0]?.text.length, 8192);
    assert.ok((lines[1]?.text ?? '').endsWith('mz'));
  });
});
