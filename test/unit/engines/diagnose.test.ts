import assert from 'node:assert/strict';
import { detectEngine, diagnoseText } from '../../../src/engines/diagnose';
import { ollamaCauses, ollamaCauseTexts } from '../../../src/engines/ollama/causes';
import { vllmCauses, vllmCauseTexts } from '../../../src/engines/vllm/causes';
import { ollamaCases, vllmCases } from './causeCases';

describe('diagnosis', () => {
  for (const [engine, cases] of [
    ['vllm', vllmCases],
    ['ollama', ollamaCases],
  ] as const) {
    for (const [id, text, change] of cases)
      it(`${engine}: ${id}: ${text.split('\n').at(-1)?.slice(0, 70) ?? ''}`, () => {
        const { cause, remedy, result } = diagnoseText(text, engine);
        assert.equal(cause?.id, id);
        assert.ok(result === 'failed' || result === 'degraded');
        assert.ok((remedy?.summary.length ?? 0) > 10 && (remedy?.why.length ?? 0) > 10);
        assert.ok(
          !/undefined|NaN|null/.test(`${remedy?.summary ?? ''} ${remedy?.why ?? ''}`),
          remedy?.why,
        );
        assert.equal(cause.evidence.length > 0, true);
        if (change) assert.deepEqual(remedy?.change, change);
      });
  }

  it('has a text for every rule, a rule for every text, and a case for every cause', () => {
    const ends = ['engine_killed', 'server_killed', 'server_gone', 'server_crashed', 'unknown'];
    for (const [rules, texts, cases] of [
      [vllmCauses, vllmCauseTexts, vllmCases],
      [ollamaCauses, ollamaCauseTexts, ollamaCases],
    ] as const) {
      const ids = new Set(rules.map((rule) => rule.cause));
      for (const id of ids) assert.ok(id in texts, id);
      for (const id of Object.keys(texts)) assert.ok(ids.has(id) || ends.includes(id), id);
      const tried = new Set(cases.map(([id]) => id));
      assert.deepEqual(
        [...ids].filter((id) => !tried.has(id)),
        [],
      );
    }
  });

  it('shows the first real error where no cause is known, never the wrapper', () => {
    const { cause, result, remedy } = diagnoseText(
      [
        '(EngineCore pid=9) ERROR 01-01 00:00:00 [core.py:1] Traceback (most recent call last):',
        '(EngineCore pid=9) ERROR 01-01 00:00:00 [core.py:1]     raise OddError("never seen")',
        '(EngineCore pid=9) ERROR 01-01 00:00:00 [core.py:1] acme.OddError: never seen',
        'RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}',
      ].join('\n'),
      'vllm',
    );
    assert.equal(result, 'failed');
    assert.equal(cause?.id, 'unknown');
    assert.deepEqual(cause.evidence, [{ line: 3, text: 'acme.OddError: never seen' }]);
    assert.ok(remedy?.summary);
  });

  it('shows the wrapper where it is all there is', () => {
    const { cause } = diagnoseText(
      'RuntimeError: Engine core initialization failed. See root cause above.\n',
      'vllm',
    );
    assert.equal(cause?.id, 'unknown');
    assert.equal(cause.evidence.length, 1);
  });

  it('quotes the message, not the statement that raised it', () => {
    const { cause } = diagnoseText(
      '    raise ValueError("No available memory for the cache blocks. "\nValueError: No available memory for the cache blocks. Try x.\n',
      'vllm',
    );
    assert.deepEqual(cause?.evidence, [
      { line: 2, text: 'ValueError: No available memory for the cache blocks. Try x.' },
    ]);
  });

  it('tells the stage of an out-of-memory error from its traceback where the start of the log is cut off', () => {
    const causeIn = (...functions: string[]) => {
      const frames = functions.map(
        (name) =>
          `(Worker pid=7) ERROR 01-01 00:00:00 [x.py:1]   File "/v/vllm/w.py", line 9, in ${name}`,
      );
      const error =
        '(Worker pid=7) ERROR 01-01 00:00:00 [x.py:1] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB.';
      return diagnoseText([...frames, error].join('\n'), 'auto').cause?.id;
    };
    assert.equal(causeIn('init_device', 'load_model', 'create_weights'), 'oom_weight_load');
    assert.equal(
      causeIn('_initialize_kv_caches', 'determine_available_memory', 'profile_run'),
      'oom_profile_run',
    );
    assert.equal(
      causeIn('_initialize_kv_caches', 'initialize_kv_cache'),
      'oom_kv_cache_allocation',
    );
    assert.equal(
      causeIn('compile_or_warm_up_model', 'capture_model', '_dummy_run'),
      'oom_cuda_graph_capture',
    );
    assert.equal(causeIn('compile_or_warm_up_model', '_dummy_sampler_run'), 'oom_sampler_warmup');
  });

  it('tells an orderly stop from a crash, whatever the exit code and the noise', () => {
    const ready = 'INFO:     Application startup complete.\n';
    const shutdown =
      '(APIServer pid=1) INFO 01-01 00:00:00 [l.py:1] [shutdown] API server: shutdown triggered\n';
    const noise =
      '(APIServer pid=1) ERROR 01-01 00:00:00 [a.py:1] vllm.EngineDeadError: EngineCore encountered an issue.\n';
    const gone =
      '(APIServer pid=1) WARNING 01-01 00:00:00 [c.py:1] [shutdown] MPClient: engine core exited unexpectedly; starting cleanup\n';
    const ended = { ended: true, exitCode: 0 };
    assert.equal(diagnoseText(ready + shutdown + noise, 'vllm', ended).result, 'stopped');
    assert.equal(diagnoseText(ready + gone + noise, 'vllm', ended).cause?.id, 'engine_killed');
    assert.equal(
      diagnoseText(ready + gone + noise, 'vllm', { ...ended, stopRequested: true }).result,
      'stopped',
    );
    assert.equal(
      diagnoseText(ready, 'vllm', { ended: true, exitCode: 137 }).cause?.id,
      'server_killed',
    );
    assert.equal(
      diagnoseText(ready, 'vllm', { ended: true, exitCode: 139 }).cause?.id,
      'server_crashed',
    );
    assert.equal(diagnoseText(ready, 'vllm', { ended: true, exitCode: 143 }).result, 'stopped');
    assert.equal(diagnoseText(ready, 'vllm', { ended: true, exitCode: null }).cause?.id, 'unknown');
    assert.equal(diagnoseText('x', 'ollama', { ended: true, exitCode: null }).result, 'stopped');
    assert.equal(diagnoseText(ready, 'vllm').result, 'ready');
    assert.equal(diagnoseText('', 'vllm').result, 'running');
  });

  it('forgives what was said before the server was ready after all', () => {
    const retried =
      "OSError: We couldn't connect to 'https://huggingface.co' to load the files\nINFO:     Application startup complete.\n";
    assert.deepEqual(
      [diagnoseText(retried, 'vllm').result, diagnoseText(retried, 'vllm').cause],
      ['ready', null],
    );
  });

  it('computes with what the caller knows of the launch', () => {
    const launch = { options: { gpuMemoryUtilization: 0.8, maxNumSeqs: 64 } };
    const { remedy, outcome } = diagnoseText(
      'CUDA out of memory occurred when warming up sampler',
      'vllm',
      {},
      launch,
    );
    assert.deepEqual(remedy?.change, { maxNumSeqs: 32, gpuMemoryUtilization: 0.75 });
    assert.deepEqual(outcome.options, launch.options);
  });

  it('tells the engines apart', () => {
    assert.equal(detectEngine('level=INFO source=x.go:1 msg="y"'), 'ollama');
    assert.equal(detectEngine('(EngineCore pid=1) INFO 01-01 00:00:00 [core.py:1] x'), 'vllm');
    assert.equal(detectEngine('ValueError: x'), null);
    assert.equal(detectEngine(''), null);
    assert.equal(diagnoseText('cudaMalloc failed: out of memory', 'auto').engine, 'ollama');
    assert.equal(diagnoseText('ValueError: x', 'auto').engine, 'vllm');
  });

  it('does not hang on long hostile lines', function () {
    this.timeout(20_000);
    const fragments = [
      'a.bin ',
      'x.safetensors 1% ',
      '|1/2 [',
      'Your compute ',
      'A=b ',
      'Loading x shards ',
      '(',
      "'a': 1, ",
      'listen tcp ',
      'pid=1) (A ',
      'memory.available="[',
      'CUDA out of memory Process ',
    ];
    for (const engine of ['vllm', 'ollama'] as const)
      for (const fragment of fragments) {
        const line = fragment.repeat(Math.ceil(40_000 / fragment.length));
        const before = performance.now();
        diagnoseText(`${line}\n(A pid=1) ${line}\nnon-default args: {${line}\n`, engine);
        const tookMs = performance.now() - before;
        assert.ok(tookMs < 1500, `${engine} ${fragment}: ${tookMs.toFixed(0)} ms`);
      }
  });
});
