import assert from 'node:assert/strict';
import fs from 'node:fs';
import type { Stage } from '../../../src/engines/engine';
import { diagnoseText } from '../../../src/engines/diagnose';
import { createOllamaLogReader } from '../../../src/engines/ollama/log';
import { createVllmLogReader } from '../../../src/engines/vllm/log';
import { GIB, MIB } from '../../../src/shared/units';
import { inFull } from '../../support/effort';

const fixture = (name: string) => fs.readFileSync(`test/fixtures/logs/${name}.log`, 'utf8');
const running = { exitCode: null, ended: false, stopRequested: false };

describe('reading a vLLM start', () => {
  it('tells sizes per GPU: the smallest pool, the largest weights', () => {
    const { facts, engineVersion, outcome, result, stage } = diagnoseText(
      fixture('vllm-gpu-tp2-start'),
      'auto',
    );
    assert.equal(engineVersion, '0.20.1');
    assert.deepEqual([result, stage], ['ready', 'ready']);
    assert.deepEqual(facts, {
      weightsBytes: 7.75 * GIB,
      activationBytes: 1.25 * GIB,
      nonTorchBytes: 0.25 * GIB,
      graphBytes: 0.5 * GIB,
      kvCacheBytes: 9.25 * GIB,
      kvCacheTokens: 151552,
      maxConcurrency: 9.25,
      loadSeconds: 6.5,
      freeBytesAtStart: Math.round(23.2 * GIB),
      wantedBytes: Math.round(19.975 * GIB),
    });
    assert.equal(outcome.model, 'acme/chat-8b');
    assert.deepEqual(outcome.options, {
      tensorParallelSize: 2,
      maxModelLen: 16384,
      gpuMemoryUtilization: 0.85,
      dtype: 'bfloat16',
    });
  });

  it('goes through the stages with their progress, never back', () => {
    const reader = createVllmLogReader();
    const seen: Stage[] = [];
    const progress: string[] = [];
    for (const line of fixture('vllm-gpu-tp2-start').split('\n')) {
      if (!reader.push(`${line}\n`)) continue;
      const reading = reader.reading();
      if (seen.at(-1) !== reading.stage) seen.push(reading.stage);
      if (reading.progress)
        progress.push(`${String(reading.progress.done)}/${String(reading.progress.total)}`);
    }
    assert.deepEqual(seen, [
      'starting',
      'downloading',
      'loading',
      'profiling',
      'compiling',
      'kvCache',
      'capturing',
      'warmup',
      'ready',
    ]);
    assert.deepEqual([...new Set(progress)], ['43/100', '0/2', '1/2', '2/2', '25/50']);
  });

  it('makes a new reading only when something changed', () => {
    const reader = createVllmLogReader();
    assert.equal(reader.push('INFO 01-01 00:00:00 [x.py:1] nothing of note\n'), false);
    const before = reader.reading();
    assert.equal(reader.push('Available KV cache memory: 1.5 GiB\n'), true);
    assert.notEqual(reader.reading(), before);
    assert.equal(before.facts.kvCacheBytes, null);
  });

  it('reads the engine before 0.9 as well', () => {
    const { facts, engineVersion, stage } = diagnoseText(fixture('vllm-v0-start'), 'auto');
    assert.equal(engineVersion, '0.6.6');
    assert.equal(stage, 'serving');
    assert.equal(facts.kvCacheTokens, 864 * 16);
    assert.equal(facts.kvCacheBytes, 6.75 * GIB);
    assert.equal(facts.weightsBytes, 13.5 * GIB);
    assert.equal(facts.wantedBytes, Math.round(21.15 * GIB));
  });

  it('takes a CPU for a GPU', () => {
    const { facts } = diagnoseText(
      '(EngineCore pid=1) INFO 11-21 08:00:00 [k.py:1] CPU KV cache size: 32,768 tokens, Maximum concurrency for 256 tokens per request: 128.00x\n',
      'vllm',
    );
    assert.deepEqual([facts.kvCacheTokens, facts.maxConcurrency], [32768, 128]);
  });

  it('forgets a first start when a second begins in the same output', () => {
    const failed =
      'INFO 01-01 00:00:00 [a.py:1] vLLM API server version 0.11.0\nValueError: No available memory for the cache blocks.\n';
    const both = diagnoseText(failed + fixture('vllm-gpu-tp2-start'), 'vllm');
    assert.equal(both.result, 'ready');
    assert.equal(both.engineVersion, '0.20.1');
    assert.equal(diagnoseText(failed, 'vllm').result, 'failed');
  });

  it('keeps bounded state over many MB in odd pieces', function () {
    this.timeout(30_000);
    const reader = createVllmLogReader();
    const block = Array.from({ length: 400 }, (_unused, index) =>
      index % 40 === 0
        ? `\u001b[31m(Worker_TP${String(index % 3)} pid=1) ERROR 01-01 00:00:00 [x.py:${String(index)}] ValueError: odd thing number ${String(index)}\u001b[0m\r\n`
        : `\rCapturing CUDA graph shapes:  ${String(index % 100)}%|##| ${String(index % 67)}/67 [00:01<00:01]` +
          `(APIServer pid=1) INFO 01-01 00:00:00 [loggers.py:1] Engine 000: Avg prompt throughput: 1.0 tokens/s, Running: ${String(index)} reqs\n`,
    ).join('');
    reader.push('INFO:     Application startup complete.\n');
    let pushed = 0;
    const target = inFull(24, 6) * MIB;
    const sizes = [1, 7, 4096, 65_536, 13, 100_000];
    let text = block.repeat(4);
    if (text.length < 100_000) text = text.repeat(4);
    // A line without end in between: 1 MB without a newline.
    reader.push('x'.repeat(1024 * 1024));
    for (let turn = 0; pushed < target; turn += 1) {
      const size = sizes[turn % sizes.length] ?? 1;
      const from = (turn * 7919) % (text.length - size);
      reader.push(text.slice(from, from + size));
      pushed += size;
    }
    const diagnosis = reader.diagnose({ exitCode: 1, ended: true, stopRequested: false });
    assert.ok(pushed >= target);
    assert.ok((diagnosis.cause?.evidence.length ?? 99) <= 3);
    const state = JSON.stringify([reader.reading(), reader.launch(), diagnosis]);
    console.log(
      `      ${(pushed / MIB).toFixed(0)} MiB read, ${String(state.length)} characters kept to show`,
    );
    assert.ok(state.length < 10_000, state.slice(0, 500));
  });
});

describe('reading an Ollama server', () => {
  it('tells a load of the estimating era, and that part of it is on the CPU', () => {
    const { facts, engineVersion, outcome, result, cause, stage } = diagnoseText(
      fixture('ollama-era-a-partial'),
      'auto',
    );
    assert.equal(engineVersion, '0.4.1');
    assert.deepEqual([result, cause?.id, stage], ['degraded', 'partial_offload', 'serving']);
    assert.equal(facts.weightsBytes, 5120 * MIB);
    assert.equal(facts.kvCacheBytes, 1024 * MIB);
    assert.equal(facts.graphBytes, 512 * MIB);
    assert.equal(facts.loadSeconds, 4);
    assert.equal(outcome.gpuName, 'NVIDIA Example 4060');
    assert.deepEqual(outcome.options, { numCtx: 4096, numParallel: 2, numGpu: 24, numBatch: 512 });
  });

  it('tells a load of the llama-server era through journald', () => {
    const { facts, outcome, result, cause } = diagnoseText(
      fixture('ollama-era-c-journald'),
      'auto',
    );
    assert.deepEqual([result, cause], ['ready', null]);
    assert.equal(facts.kvCacheTokens, 16384);
    assert.equal(facts.kvCacheBytes, 1024 * MIB);
    assert.equal(facts.loadSeconds, 3.25);
    assert.equal(outcome.gpuName, 'NVIDIA Example 4090');
    assert.deepEqual(outcome.options, {
      numParallel: 2,
      kvCacheType: 'q8_0',
      flashAttention: true,
      numCtx: 8192,
      numBatch: 1024,
    });
  });

  it('begins anew with each load, and forgives a failure that a good load follows', () => {
    const reader = createOllamaLogReader();
    const start =
      'level=INFO source=s.go:1 msg="starting llama-server" cmd="/x/llama-server --model /b/sha256-cc -c 4096"\n';
    reader.push('level=INFO source=r.go:1 msg="Listening on 127.0.0.1:11434 (version 0.32.15)"\n');
    assert.equal(reader.reading().stage, 'ready');
    reader.push(`${start}allocating 9000.00 MiB on device 0: cudaMalloc failed: out of memory\n`);
    assert.equal(reader.reading().stage, 'loading');
    assert.equal(reader.diagnose(running).cause?.id, 'gpu_oom_load');
    reader.push(`${start}load_tensors:        CUDA0 model buffer size =  100.00 MiB\n`);
    reader.push('level=INFO source=s.go:1 msg="llama-server started in 1.00 seconds"\n');
    assert.deepEqual(
      [reader.diagnose(running).result, reader.diagnose(running).cause],
      ['ready', null],
    );
    assert.equal(reader.reading().facts.weightsBytes, 100 * MIB);
  });
});
