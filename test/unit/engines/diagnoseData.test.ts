import assert from 'node:assert/strict';
import { diagnoseText } from '../../../src/engines/diagnose';
import { createVllmLogReader } from '../../../src/engines/vllm/log';
import { inFull } from '../../support/effort';
import { describeWithData, readDataJson, readDataText } from '../../support/sharedData';

interface LabelledLog {
  readonly file: string;
  readonly label: string;
  readonly server?: 'vllm' | 'ollama';
  readonly exitCode?: number | null;
}

const logsOf = (folder: string): LabelledLog[] =>
  (readDataJson(folder, 'index.json') as LabelledLog[]).filter(({ file }) => file.endsWith('.log'));

/** The same output as other places would have kept it. */
const disguises: Readonly<Record<string, (text: string) => string>> = {
  plain: (text) => text,
  windowsLineEnds: (text) => text.replaceAll('\n', '\r\n'),
  colours: (text) => text.replace(/\b(INFO|ERROR|WARN(?:ING)?)\b/g, '\u001b[31m$1\u001b[0m'),
  compose: (text) => text.replace(/^(?!\w[\w.-]*\s+\|)/gm, 'box-1  | '),
  containerTimestamps: (text) =>
    text.replace(/^(?!\w[\w.-]*\s+\|)/gm, '2026-01-02T03:04:05.678901234Z '),
  cutStart: (text) => `f a line that began elsewhere\n${text}`,
  cutEnd: (text) => text.trimEnd(),
};

describeWithData('diagnosis of the log corpus', () => {
  const logs = logsOf('log-corpus');

  for (const [name, disguise] of Object.entries(disguises))
    it(`finds the label of every log: ${name}`, () => {
      const wrong: string[] = [];
      for (const { file, label, server } of logs) {
        const text = disguise(readDataText('log-corpus', file));
        for (const engine of ['auto', server ?? 'auto'] as const) {
          const { cause, engine: read, remedy } = diagnoseText(text, engine);
          if (cause?.id !== label || read !== server)
            wrong.push(`${file}: ${String(cause?.id)} (${read}), not ${label}`);
          if (!remedy?.summary) wrong.push(`${file}: no remedy`);
        }
      }
      console.log(`      ${String(logs.length)} logs`);
      assert.deepEqual(wrong, []);
      assert.ok(logs.length >= 51);
    });

  it('computes what the corpus itself recommends, where that is a number', () => {
    const changeOf = (file: string) =>
      diagnoseText(readDataText('log-corpus', file), 'auto').remedy?.change;
    assert.equal(changeOf('vllm-free-memory-47gb.log')?.gpuMemoryUtilization, 0.66);
    assert.equal(changeOf('vllm-free-memory-3090-097.log')?.gpuMemoryUtilization, 0.94);
    assert.equal(changeOf('vllm-kv-too-small-pp.log')?.maxModelLen, 34736);
    assert.equal(changeOf('vllm-kv-too-small-v0-llama2.log')?.maxModelLen, 3664);
    const barely = changeOf('vllm-kv-too-small-10mib.log')?.maxModelLen ?? 0;
    assert.ok(barely > 99_000 && barely < 100_000);
    assert.equal(changeOf('vllm-max-len-over-derived-qwen25.log')?.maxModelLen, 32768);
    assert.equal(changeOf('vllm-bf16-t4.log')?.dtype, 'half');
  });
});

/** Words of the recordings for what has a finer name here. */
const vllmIds: Readonly<Record<string, readonly string[]>> = {
  'engine-crash': ['engine_killed'],
  orphan: ['server_killed'],
  'no-gpu-device': ['no_gpu_detected'],
  'model-not-found': ['hub_offline', 'model_dir_empty', 'model_path_missing'],
  'kv-no-blocks': ['kv_cache_no_blocks'],
  'kv-too-small': ['kv_cache_too_small'],
  'max-len-over-derived': ['max_model_len_over_derived'],
  'tp-not-divisible': ['tp_heads_not_divisible'],
};
const stoppedLabels = ['ok', 'interrupted-start', 'shutdown-hang', 'signal-lost'];

describeWithData('diagnosis of recorded vLLM runs', () => {
  it('finds cause or orderly end of each, with its exit code', () => {
    const logs = logsOf('vllm-cpu-runs');
    let causes = 0;
    for (const { file, label, exitCode } of logs) {
      const text = readDataText('vllm-cpu-runs', file);
      const { cause, result } = diagnoseText(text, 'auto', {
        ended: true,
        exitCode: exitCode ?? null,
      });
      if (stoppedLabels.includes(label)) {
        assert.deepEqual([result, cause], ['stopped', null], file);
      } else {
        causes += 1;
        assert.equal(result, 'failed', file);
        const allowed = vllmIds[label] ?? [label.replaceAll('-', '_')];
        assert.ok(
          allowed.includes(cause?.id ?? ''),
          `${file}: ${String(cause?.id)}, not ${allowed.join()}`,
        );
        assert.ok(file.includes('sigkill') || (cause?.evidence.length ?? 0) > 0, file);
      }
    }
    console.log(`      ${String(logs.length)} runs, ${String(causes)} with a cause`);
    assert.ok(logs.length >= 40);
  });

  it('reads each the same in pieces of any size', () => {
    for (const { file } of logsOf('vllm-cpu-runs')) {
      const text = readDataText('vllm-cpu-runs', file);
      const { outcome, ...whole } = diagnoseText(text, 'vllm');
      for (const size of inFull([1, 61, 1000], [13, 1000])) {
        const reader = createVllmLogReader();
        for (let at = 0; at < text.length; at += size) reader.push(text.slice(at, at + size));
        reader.push('\n');
        const end = { exitCode: null, ended: false, stopRequested: false };
        assert.deepEqual(reader.diagnose(end), whole, `${file} by ${String(size)}`);
      }
      assert.ok(outcome.engineVersion === null || outcome.engineVersion === '0.32.0');
      if (file.startsWith('start-ok-tty'))
        assert.deepEqual([whole.facts.kvCacheTokens, whole.facts.maxConcurrency], [32768, 128]);
    }
  });
});

/** Labels that name a cause; the others describe what was done to a server that works. */
const ollamaIds: Readonly<Record<string, readonly string[]>> = {
  port_in_use: ['port_in_use'],
  bad_host: ['bad_host'],
  bad_env: ['bad_env'],
  home_missing: ['home_missing'],
  home_permission: ['home_permission'],
  models_dir_permission: ['models_dir_permission'],
  llama_server_missing: ['llama_server_missing'],
  kv_type_needs_flash_attention: ['kv_type_needs_flash_attention'],
  kv_type_invalid: ['kv_type_invalid'],
  llama_arg_env_invalid: ['llama_arg_env_invalid'],
  memory_alloc_failed_kv: ['system_memory_insufficient'],
  system_memory_insufficient: ['system_memory_insufficient'],
  num_ctx_clamped: ['num_ctx_clamped'],
  queue_full: ['queue_full'],
  gguf_corrupt: ['gguf_corrupt'],
  blob_missing: ['blob_missing'],
  manifest_corrupt: ['manifest_corrupt'],
  unknown_architecture: ['unknown_architecture'],
  load_canceled_by_client: ['load_canceled_by_client'],
  runner_killed: ['runner_killed_by_os'],
  // 0.24 has a progress figure, so that the load went on and succeeded.
  load_timeout: ['load_timeout', 'cpu_fallback_no_gpu'],
};
/** The machine had no GPU, and long runs clamped a context on the way. */
const worksOnCpu = ['cpu_fallback_no_gpu', 'num_ctx_clamped'];
const alive = [
  'start_ok',
  'load_unload',
  'load_unload_debug',
  'load_slow',
  'load_ok',
  'eviction',
  'stopped_by_signal',
  'server_died_orphan_left',
];

describeWithData('diagnosis of recorded Ollama runs', () => {
  it('finds the cause of each that has one, and that the others run on the CPU', () => {
    const logs = logsOf('ollama-cpu-runs');
    let causes = 0;
    let others = 0;
    const unlabelled: string[] = [];
    for (const { file, label } of logs) {
      const { cause, engine, result } = diagnoseText(readDataText('ollama-cpu-runs', file), 'auto');
      const allowed = ollamaIds[label];
      assert.equal(engine, 'ollama', file);
      if (allowed) {
        causes += 1;
        assert.ok(
          allowed.includes(cause?.id ?? ''),
          `${file}: ${String(cause?.id)}, not ${allowed.join()}`,
        );
      } else if (alive.includes(label)) {
        others += 1;
        assert.equal(result, 'degraded', file);
        assert.ok(worksOnCpu.includes(cause?.id ?? ''), `${file}: ${String(cause?.id)}`);
      } else unlabelled.push(`${file} (${label}): ${String(cause?.id)}`);
    }
    console.log(
      `      ${String(logs.length)} runs: ${String(causes)} with a cause, ${String(others)} without, ${String(unlabelled.length)} not judged`,
    );
    assert.ok(causes >= 30 && others >= 25);
    assert.ok(unlabelled.length <= 2, unlabelled.join('\n'));
  });

  it('tells a stop from a kill by the exit code, since the log says neither', () => {
    for (const { file, label, exitCode } of logsOf('ollama-cpu-runs')) {
      if (label !== 'stopped_by_signal' && label !== 'server_died_orphan_left') continue;
      const text = readDataText('ollama-cpu-runs', file);
      const { result, cause } = diagnoseText(text, 'auto', {
        ended: true,
        exitCode: exitCode ?? null,
      });
      if (exitCode === -9) assert.deepEqual([result, cause?.id], ['failed', 'server_killed'], file);
      else assert.equal(result, 'stopped', file);
    }
  });
});

interface PatternRow {
  readonly id: string;
  readonly kind: 'log' | 'failure';
  readonly examples: readonly string[];
}

/** Wrappers, waiting, and answers to single requests: no cause of a failed server. */
const noCause = [
  'pydantic',
  'engine-failed-start',
  'core-init-failed',
  'worker-failed',
  'engine-dead',
  'ray-pg',
  'chat-template',
  'ctx-exceeded',
  'auto-tool',
  'model-name',
];

describeWithData('diagnosis of vLLM phrases of all versions', () => {
  it('knows every failure, and takes no healthy line for one', () => {
    const { patterns } = readDataJson('vllm-log-patterns.json') as { patterns: PatternRow[] };
    let failures = 0;
    let healthy = 0;
    for (const { id, kind, examples } of patterns)
      for (const example of examples) {
        const { cause } = diagnoseText(example, 'vllm');
        const isKnown = cause !== null && cause.id !== 'unknown';
        if (kind === 'failure' && !noCause.includes(id)) {
          failures += 1;
          assert.ok(isKnown, `${id}: ${example}`);
        } else if (id !== 'load-oom') {
          healthy += 1;
          assert.ok(!isKnown, `${id}: ${String(cause?.id)}: ${example}`);
        }
      }
    console.log(`      ${String(failures)} failures, ${String(healthy)} others`);
    assert.ok(failures > 60 && healthy > 90);
  });
});
