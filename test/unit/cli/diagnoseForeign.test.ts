import assert from 'node:assert/strict';
import { removeScratch, runCli } from './runCli';

const diagnose = (text: string) => runCli(['diagnose', '-'], { stdin: text });

describe('diagnose of what is no failed server', () => {
  after(removeScratch);

  it('says so for an empty text, another program, and bytes that are no text', async () => {
    for (const text of ['', 'hello\nworld\n', '\u0000\u0001\ufffd\ufffd'.repeat(2000)]) {
      const { code, stdout } = await diagnose(text);
      assert.equal(code, 0);
      assert.equal(stdout.trim(), 'Nothing in it looks like the output of vLLM or Ollama.');
    }
  });

  it('finds no failure in a server that is ready, and in a log that is cut', async () => {
    const line = (text: string) => `(APIServer pid=1) INFO 01-02 03:04:05 [x.py:1] ${text}\n`;
    const cut = await diagnose(line('Loading weights took 1.50 seconds'));
    assert.match(cut.stdout, /^vLLM .*running[^]*No sign of a failure is in it\./);
    const ready = await diagnose(
      `${line('vLLM API server version 0.11.0')}INFO:     Application startup complete.\n`,
    );
    assert.match(ready.stdout, /^vLLM 0\.11\.0: ready[^]*No sign of a failure is in it\./);
    assert.deepEqual([cut.code, ready.code], [0, 0]);
  });
});
