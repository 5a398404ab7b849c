import assert from 'node:assert/strict';
import { createOutputTails } from '../../../../src/app/servers/outputTails';
import { createVllmLogReader } from '../../../../src/engines/vllm/log';

describe('output tails', () => {
  it('keeps lines without colours, progress bars in their last state, whatever the cut', () => {
    const text = '\u001b[32mone\u001b[0m\nload 25%\rload 50%\rload 100%\nthree';
    for (const size of [1, 3, 100]) {
      const tails = createOutputTails();
      for (let at = 0; at < text.length; at += size) tails.push('a', text.slice(at, at + size));
      assert.deepEqual(tails.tailOf('a'), { firstLine: 1, lines: ['one', 'load 100%'] });
      tails.end('a');
      assert.deepEqual(tails.tailOf('a')?.lines, ['one', 'load 100%', 'three']);
    }
    assert.equal(createOutputTails().tailOf('a'), null);
  });

  it('numbers lines as the evidence does, also after the first ones were dropped', () => {
    const tails = createOutputTails();
    const reader = createVllmLogReader();
    const push = (text: string) => {
      tails.push('a', text);
      reader.push(text);
    };
    const filler = `${'x'.repeat(99)}\r\n`;
    for (let line = 0; line < 5_000; line += 1) push(filler);
    push('shards: 1/2\rshards: 2/2\r\n');
    push('RuntimeError: Failed to create unquantized linear weights\n');
    for (let line = 0; line < 500; line += 1) push(filler);
    const [evidence] =
      reader.diagnose({ ended: true, exitCode: 1, stopRequested: false }).cause?.evidence ?? [];
    assert.equal(evidence?.line, 5_002);
    const tail = tails.tailOf('a');
    assert.ok(tail);
    assert.equal(tail.lines[evidence.line - tail.firstLine], evidence.text);
    const characters = tail.lines.join('\n').length;
    assert.ok(characters <= 256 * 1024 && characters > 250 * 1024, String(characters));
  });

  it('keeps those that run and the last eight that ended', () => {
    const tails = createOutputTails();
    tails.push('running', 'still here\n');
    for (let at = 1; at <= 10; at += 1) {
      tails.push(`s${String(at)}`, 'line\n');
      tails.end(`s${String(at)}`);
      tails.end(`s${String(at)}`);
    }
    assert.equal(tails.tailOf('s2'), null);
    assert.ok(tails.tailOf('s3'));
    assert.ok(tails.tailOf('running'));
  });

  it('tells who listens, until they stop', () => {
    const tails = createOutputTails();
    const heard: string[] = [];
    const stop = tails.listen((id) => heard.push(id));
    tails.push('a', 'x');
    stop();
    tails.push('b', 'x');
    assert.deepEqual(heard, ['a']);
  });
});
