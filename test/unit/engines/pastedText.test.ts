import assert from 'node:assert/strict';
import { diagnoseText } from '../../../src/engines/diagnose';
import { withoutMargin, withoutWindow } from '../../../src/engines/pastedText';

const log = [
  '(APIServer pid=1) INFO 01-01 00:00:00 [utils.py:1] vLLM API server version 0.11.0',
  '(EngineCore pid=9) ERROR 01-01 00:00:00 [core.py:1] Traceback (most recent call last):',
  '(EngineCore pid=9) ERROR 01-01 00:00:00 [core.py:1]   File "/v/site-packages/vllm/v1/worker/gpu_worker.py", line 9, in init_device',
  '(EngineCore pid=9) ERROR 01-01 00:00:00 [core.py:1] ValueError: Free memory on device (5.0/24.0 GiB) on startup is less than desired GPU memory utilization (0.9, 21.6 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.',
  'RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}',
].join('\n');

const cutAt = (columns: number) => (text: string) =>
  text.replace(new RegExp(`(.{${String(columns)}})(?=.)`, 'g'), '$1\n');

const whole = diagnoseText(log, 'auto');

describe('a log as people paste it', () => {
  const forms: Readonly<Record<string, (text: string) => string>> = {
    'in a quote': (text) => text.replace(/^/gm, '> '),
    'in a code block': (text) => text.replace(/^/gm, '    '),
    'from a window of 80 columns': cutAt(80),
    'from a window of 120 columns': cutAt(120),
    'from a window, in a quote': (text) => cutAt(100)(text).replace(/^/gm, '> '),
    'from journald': (text) => text.replace(/^/gm, 'Jan 01 00:00:00 host vllm[12]: '),
    'from syslog': (text) => text.replace(/^/gm, '2026-01-01T00:00:00.123+00:00 host vllm[12]: '),
  };
  for (const [name, form] of Object.entries(forms))
    it(`${name} says the same`, () => {
      const read = diagnoseText(form(log), 'auto');
      assert.equal(read.cause?.id, 'free_memory_check');
      assert.deepEqual(
        [read.engineVersion, read.stage, read.remedy, read.facts],
        [whole.engineVersion, whole.stage, whole.remedy, whole.facts],
      );
    });

  it('counts the lines as they were given', () => {
    const pasted = cutAt(80)(log);
    const { line } = diagnoseText(pasted, 'auto').cause?.evidence[0] ?? { line: 0 };
    assert.match(pasted.split('\n')[line - 1] ?? '', /ValueError: Free memory/);
  });

  it('joins no lines that are complete', () => {
    const lines = 'ERROR: one two three four five six seven eight nine ten eleven\nINFO: more';
    assert.equal(withoutWindow(lines), null);
    assert.equal(withoutWindow('short\nlines'), null);
  });

  it('takes off only what every line has', () => {
    assert.equal(withoutMargin('    a\n\n      b\n'), 'a\n\n  b\n');
    assert.equal(withoutMargin('> a\n>\n> b'), 'a\n\nb');
    assert.equal(withoutMargin('a\n  b'), 'a\n  b');
    assert.equal(withoutMargin(''), '');
  });

  it('says that the error is not in the part that was given', () => {
    const { cause, remedy } = diagnoseText(log.split('\n').at(-1) ?? '', 'auto');
    assert.equal(cause?.id, 'unknown');
    assert.match(remedy?.summary ?? '', /whole output/);
  });

  it('takes the end of a process for no cause where an error stands before it', () => {
    const dead =
      'Worker proc VllmWorker-0 died unexpectedly (exit code: 0), shutting down executor.';
    assert.equal(diagnoseText(dead, 'vllm').cause?.id, 'engine_killed');
    const { cause } = diagnoseText(`acme.OddError: never seen\n${dead}`, 'vllm');
    assert.equal(cause?.id, 'unknown');
    assert.equal(cause.evidence[0]?.text, 'acme.OddError: never seen');
  });

  it('names the option that a check refuses', () => {
    const { remedy } = diagnoseText(
      'pydantic_core._pydantic_core.ValidationError: 1 validation error for SchedulerConfig\nmax_num_seqs\n  Input should be greater than or equal to 1 [type=greater_than_equal, input_value=0, input_type=int]',
      'vllm',
    );
    assert.match(remedy?.summary ?? '', /max_num_seqs: it is 0/);
  });
});
