import assert from 'node:assert/strict';
import { diagnoseText } from '../../../src/engines/diagnose';
import { vllmCases } from './causeCases';

const begin = [
  'Traceback (most recent call last):',
  '  File "/v/site-packages/vllm/v1/engine/core.py", line 9, in run_engine_core',
  '    engine_core = EngineCoreProc(*args, **kwargs)',
  '  File "/v/site-packages/vllm/utils/odd.py", line 9, in run',
];
const failed =
  'RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}';

const prefixed = (prefix: string, lines: readonly string[]) => lines.map((line) => prefix + line);
const both = (lines: readonly string[], prefix: (rank: number) => string) =>
  lines.flatMap((line) => [prefix(0) + line, prefix(1) + line]);

/** What each era, executor and supervisor makes of the same error. */
const shapes: Readonly<Record<string, (error: readonly string[]) => readonly string[]>> = {
  'plain traceback': (error) => [...begin, ...error],
  'engine process of V0': (error) => [
    'INFO 01-02 03:04:05 api_server.py:585] vLLM API server version 0.6.3',
    ...prefixed('ERROR 01-02 03:04:05 engine.py:366] ', [...begin, ...error]),
    'RuntimeError: Engine process failed to start. See stack trace for the root cause.',
  ],
  'EngineCore without names': (error) => [
    ...prefixed('ERROR 01-02 03:04:05 [core.py:387] ', [
      'EngineCore hit an exception: Traceback (most recent call last):',
      ...begin.slice(1),
      ...error,
    ]),
    failed,
  ],
  'EngineCore, then the bare traceback': (error) => [
    ...prefixed('(EngineCore_DP0 pid=77) ERROR 01-02 03:04:05 [core.py:708] ', [
      'EngineCore failed to start.',
      ...begin,
      ...error,
    ]),
    '(EngineCore_DP0 pid=77) Process EngineCore_DP0:',
    ...prefixed('(EngineCore_DP0 pid=77) ', [...begin, ...error]),
    `(APIServer pid=1) ${failed}`,
  ],
  'two ranks at once': (error) => [
    ...both(
      ['WorkerProc failed to start.', ...begin, ...error],
      (rank) =>
        `(Worker_TP${String(rank)} pid=${String(80 + rank)}) ERROR 01-02 03:04:05 [multiproc_executor.py:597] `,
    ),
    ...prefixed('(EngineCore_DP0 pid=77) ERROR 01-02 03:04:05 [core.py:708] ', [
      ...begin,
      'Exception: WorkerProc initialization failed due to an exception in a background process. See stack trace for root cause.',
    ]),
    `(APIServer pid=1) ${failed}`,
  ],
  'a worker of Ray': (error) => [
    ...prefixed(
      '(RayWorkerWrapper pid=9, ip=192.0.2.7) ERROR 01-02 03:04:05 [worker_base.py:620] ',
      [...begin, ...error],
    ),
    failed,
  ],
  'a container log with times': (error) =>
    prefixed('2026-01-02T03:04:05.678901234Z ', [...begin, ...error, failed]),
};

describe('diagnosis of an error in any era’s clothes', () => {
  for (const [name, dress] of Object.entries(shapes))
    it(name, () => {
      const wrong: string[] = [];
      for (const [id, text] of vllmCases) {
        const found = diagnoseText(dress(text.split('\n')).join('\n'), 'vllm').cause;
        if (found?.id !== id) wrong.push(`${String(found?.id)}, not ${id}: ${text}`);
        else if (
          found.evidence.some((line) =>
            line.text.includes('failed. See root cause above. Failed core proc(s): {}'),
          )
        )
          wrong.push(`the wrapper as evidence: ${text}`);
      }
      assert.deepEqual(wrong, []);
    });

  it('takes no warning of a start that goes on for a cause', () => {
    for (const message of [
      'OddForCausalLM has no vLLM implementation, falling back to Transformers implementation.',
      'Killed actor rank=1',
      "No adapter found for task 'retrieval' in 'acme/odd'. Loading raw base weights.",
      'Found ulimit of 1024 and failed to automatically increase. This can cause fd limit errors like `OSError: [Errno 24] Too many open files`.',
      'Failed to import from vllm._C with ModuleNotFoundError("No module named \'vllm._C\'")',
      'Error retrieving safetensors: 2 out of 3',
    ])
      assert.equal(
        diagnoseText(`(EngineCore pid=7) WARNING 01-02 03:04:05 [x.py:1] ${message}`, 'vllm').cause,
        null,
        message,
      );
  });

  it('gives a single request its faults once the server is ready', () => {
    const ready = '(APIServer pid=1) INFO:     Application startup complete.\n';
    for (const message of [
      "FileNotFoundError: [Errno 2] No such file or directory: '/tmp/picture.png'",
      '  Value error, max_tokens must be at least 1 [type=value_error, input_value=0]',
      "ModuleNotFoundError: No module named 'librosa'",
    ])
      assert.equal(diagnoseText(ready + message, 'vllm').result, 'ready', message);
  });
});
