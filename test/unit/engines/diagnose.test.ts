import assert from 'node:assert/strict';
import { detectEngine, diagnoseText } from '../../../src/engines/diagnose';
import { ollamaCauses, ollamaCauseTexts } from '../../../src/engines/ollama/causes';
import { vllmCauses, vllmCauseTexts } from '../../../src/engines/vllm/causes';
import type { PlanOptions } from '../../../src/shared/planRequest';

/** Lines as the engines print them, with figures of our own; the last one is the cause. */
const vllmCases: readonly (readonly [string, string, PlanOptions?])[] = [
  [
    'free_memory_check',
    'ValueError: Free memory on device cuda:0 (15.5/24.0 GiB) on startup is less than desired GPU memory utilization (0.9, 21.6 GiB). Decrease it.',
    { gpuMemoryUtilization: 0.64 },
  ],
  [
    'free_memory_check',
    'Free memory (17.88 GB) < desired (18.85 GB at 0.8 utilization)',
    { gpuMemoryUtilization: 0.75 },
  ],
  [
    'free_memory_check',
    'Free memory on device (0.2/24.0 GiB) on startup is less than desired GPU memory utilization (0.9, 21.6 GiB)',
    {},
  ],
  [
    'kv_cache_no_blocks',
    'ValueError: No available memory for the cache blocks. Try increasing it.',
    { gpuMemoryUtilization: 0.95, maxNumSeqs: 64, maxNumBatchedTokens: 2048 },
  ],
  [
    'kv_cache_no_blocks',
    "INFO x.py:1] non-default args: {'model': 'm', 'kv_cache_memory_bytes': 4096}\nValueError: No available memory for the cache blocks.",
    { kvCacheMemoryBytes: null },
  ],
  [
    'kv_cache_no_blocks',
    "INFO x.py:1] non-default args: {'model': 'm', 'gpu_memory_utilization': 0.3}\nValueError: No available memory for the cache blocks.",
    { gpuMemoryUtilization: 0.6, maxNumSeqs: 64, maxNumBatchedTokens: 2048 },
  ],
  [
    'kv_cache_too_small',
    "ValueError: To serve at least one request with the model's max seq len (40960), (5.0 GiB KV cache is needed, which is larger than the available KV cache memory (3.0 GiB). Based on the available memory, the estimated maximum model length is 24571.",
    { maxModelLen: 24560 },
  ],
  [
    'kv_cache_too_small',
    "ValueError: The model's max seq len (8192) is larger than the maximum number of tokens that can be stored in KV cache (6160). Try",
    { maxModelLen: 6160 },
  ],
  [
    'mamba_blocks_too_few',
    'ValueError: max_num_seqs (512) exceeds available Mamba cache blocks (307).',
    { maxNumSeqs: 307 },
  ],
  [
    'profiling_disturbed',
    'AssertionError: Error in memory profiling. Initial free memory 10.1 GiB, current free memory 12.4 GiB.',
    {},
  ],
  [
    'multimodal_reserve_too_large',
    'frontend multimodal GPU decoding reserves 2.0 GiB, but only 1.0 GiB is available for the KV cache',
    {},
  ],
  [
    'cpu_ram_too_small',
    'ValueError: Available memory on node 0 (20.5/24.0 GiB) on kv cache allocation is less than requested memory for kv (64.0 GiB).',
    { kvCacheMemoryBytes: 10 * 1024 ** 3 },
  ],
  [
    'oom_weight_load',
    'Failed to create unquantized linear weights',
    { quantization: 'bitsandbytes' },
  ],
  [
    'oom_weight_load',
    'torch.OutOfMemoryError: CUDA out of memory',
    { quantization: 'bitsandbytes' },
  ],
  [
    'oom_weight_load',
    'vllm serve acme/big-awq --tensor-parallel-size 2\nERROR 01-01 00:00:00 [x.py:1] Failed to load model - not enough GPU memory. Try',
    { tensorParallelSize: 4 },
  ],
  [
    'oom_init_gpu_shared',
    'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 24.00 GiB of which 512.00 MiB is free. Including non-PyTorch memory, this process has 11.50 GiB memory in use.',
    { gpuMemoryUtilization: 0.47 },
  ],
  [
    'oom_sampler_warmup',
    'CUDA out of memory occurred when warming up sampler',
    { maxNumSeqs: 256, gpuMemoryUtilization: 0.85 },
  ],
  [
    'oom_sampler_warmup',
    'RuntimeError: CUDA out of memory occurred when warming up sampler with 128 dummy requests. Please',
    { maxNumSeqs: 64, gpuMemoryUtilization: 0.85 },
  ],
  [
    'oom_cuda_graph_capture',
    'Capturing CUDA graph shapes:  50%|#| 10/20 [00:01<00:01]\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 64.00 MiB.',
    { gpuMemoryUtilization: 0.85 },
  ],
  [
    'oom_cuda_graph_capture',
    "INFO x.py:1] non-default args: {'gpu_memory_utilization': 0.52}\nCapturing CUDA graph shapes:  50%|#| 10/20 [00:01<00:01]\nRuntimeError: CUDA error: out of memory",
    { enforceEager: true },
  ],
  [
    'oom_profile_run',
    'Model loading took 12.0 GiB memory and 3.0 seconds\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 4.00 GiB.',
    { maxNumBatchedTokens: 4096 },
  ],
  [
    'oom_kv_cache_allocation',
    'Available KV cache memory: 8.0 GiB\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 8.00 GiB.',
    { gpuMemoryUtilization: 0.85 },
  ],
  [
    'oom_runtime',
    'INFO:     Application startup complete.\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB.',
    { maxNumSeqs: 128, gpuMemoryUtilization: 0.85 },
  ],
  ['cuda_error_oom', 'RuntimeError: CUDA error: out of memory', { gpuMemoryUtilization: 0.85 }],
  ['unknown_flag', 'vllm: error: unrecognized arguments: --max-modellen 5', {}],
  ['bad_flag_value', "vllm serve: error: argument --max-num-seqs: invalid int value: 'many'", {}],
  [
    'bad_gpu_memory_utilization',
    '  Input should be less than or equal to 1 [type=less_than_equal, input_value=1.2, input_type=float]',
    { gpuMemoryUtilization: 0.7 },
  ],
  [
    'max_model_len_over_derived',
    '  Value error, User-specified max_model_len (9000) is greater than the derived max_model_len (max_position_embeddings=4096.0 or',
    { maxModelLen: 4096 },
  ],
  [
    'tp_heads_not_divisible',
    'ValueError: Total number of attention heads (28) must be divisible by tensor parallel size (8).',
    { tensorParallelSize: 7 },
  ],
  [
    'tp_not_divisible',
    'vllm serve m --tensor-parallel-size 8\nAssertionError: 18944 is not divisible by 8',
    { tensorParallelSize: 4 },
  ],
  [
    'too_few_gpus',
    'World size (8) is larger than the number of available GPUs (2) in this node.',
    { tensorParallelSize: 2, pipelineParallelSize: 1 },
  ],
  [
    'bf16_unsupported',
    'ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Example GPU has compute capability 7.0. You can',
    { dtype: 'half' },
  ],
  [
    'fp16_unsupported',
    "ValueError: The model type 'gemma9' does not support float16. Reason",
    { dtype: 'bfloat16' },
  ],
  [
    'gpu_capability_too_low',
    'ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your P GPU has compute capability 6.1.\nRuntimeError: GPUs with compute capability below 7.0 are not supported.',
    {},
  ],
  [
    'quant_capability_too_low',
    'ValueError: The quantization method marlin9 is not supported for the current GPU. Minimum capability: 80. Current capability: 75.',
    {},
  ],
  [
    'quant_dtype_unsupported',
    'ValueError: torch.bfloat16 is not supported for quantization method awq9. Supported dtypes: [torch.float16]',
    { dtype: 'half' },
  ],
  [
    'quantization_mismatch',
    '  Value error, Cannot find the config file for gptq [type=value_error',
    { quantization: null },
  ],
  [
    'quantization_unknown',
    'ValueError: Unknown quantization method: bitsandbytes. Must be one of [x].',
    {},
  ],
  [
    'load_format_missing',
    "ValueError: BitsAndBytes quantization and QLoRA adapter only support 'bitsandbytes' load format, but got auto",
    { quantization: 'bitsandbytes', loadFormat: 'bitsandbytes' },
  ],
  [
    'bnb_tensor_parallel',
    'vllm serve m --tensor-parallel-size 2\nValueError: Prequant BitsAndBytes models with tensor parallelism is not supported.',
    { tensorParallelSize: 1, pipelineParallelSize: 2 },
  ],
  [
    'batched_tokens_too_few',
    'ValueError: max_num_batched_tokens (64) must be greater than or equal to max_num_seqs (128).',
    { maxNumBatchedTokens: 128 },
  ],
  [
    'attention_backend_invalid',
    'ValueError: No valid attention backend found for cuda with x',
    { kvCacheDtype: null },
  ],
  [
    'pipeline_parallel_unsupported',
    'NotImplementedError: Pipeline parallelism is not supported for this model.',
    { pipelineParallelSize: 1 },
  ],
  ['tool_parser_unknown', 'KeyError: invalid tool call parser: foo (chose from', {}],
  [
    'unsupported_option',
    '  Value error, Sleep mode is not supported on current platform. [type',
    {},
  ],
  ['gated_repo', 'OSError: You are trying to access a gated repo.', {}],
  [
    'model_path_missing',
    "HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': '/models/nothing'. Use",
    {},
  ],
  [
    'model_dir_empty',
    "  Value error, Invalid repository ID or local directory specified: '/models/hollow'.",
    {},
  ],
  [
    'model_not_found',
    "  Value error, Invalid repository ID or local directory specified: 'acme/typo'.",
    {},
  ],
  [
    'hub_offline',
    'LocalEntryNotFoundError: Cannot find an appropriate cached snapshot folder for',
    {},
  ],
  ['weights_missing', 'RuntimeError: Cannot find any model weights with `/models/thin`', {}],
  [
    'weights_corrupt',
    'safetensors_rust.SafetensorError: Error while deserializing header: invalid',
    {},
  ],
  [
    'unsupported_architecture',
    "  Value error, Model architectures ['XForCausalLM'] are not supported for now. Supported",
    {},
  ],
  [
    'trust_remote_code',
    'ValueError: The repository x contains custom code which must be executed to load',
    {},
  ],
  ['port_in_use', 'OSError: [Errno 98] Address already in use', {}],
  ['no_gpu_detected', 'RuntimeError: No CUDA GPUs are available', {}],
  [
    'driver_too_old',
    'RuntimeError: The NVIDIA driver on your system is too old (found version 11070).',
    {},
  ],
  [
    'wrong_build',
    'RuntimeError: CUDA error: no kernel image is available for execution on the device',
    {},
  ],
  ['missing_bitsandbytes', 'ImportError: Please install bitsandbytes>=0.46.1 via `pip`', {}],
  ['ray_missing', "ValueError: Failed to import Ray: No module named 'ray'.", {}],
  ['compiler_missing', "FileNotFoundError: [Errno 2] No such file or directory: 'ninja'", {}],
  ['disk_full', 'OSError: [Errno 28] No space left on device', {}],
  [
    'shared_memory_too_small',
    'NCCL WARN Error while creating shared memory segment /dev/shm/nccl-x (size 9), error: No space left on device',
    {},
  ],
  ['nccl_error', 'RuntimeError: NCCL error: unhandled system error', {}],
  ['cuda_fork', 'RuntimeError: Cannot re-initialize CUDA in forked subprocess.', {}],
  [
    'gpu_fault',
    'RuntimeError: CUDA error: an illegal memory access was encountered',
    { enforceEager: true },
  ],
  ['engine_hung', 'TimeoutError: RPC call to execute_model timed out.', {}],
  ['start_timeout', 'TimeoutError: Timed out waiting for engine core processes to start. This', {}],
  [
    'engine_killed',
    'ERROR 01-01 00:00:00 [x.py:1] Worker proc VllmWorker-1 died unexpectedly, shutting down executor.',
    {},
  ],
  ['server_killed', 'start.sh: line 3:  4711 Killed                  vllm serve m', {}],
];

const ollamaCases: readonly (readonly [string, string, PlanOptions?])[] = [
  [
    'port_in_use',
    'Error: listen tcp 127.0.0.1:11434: bind: Normalerweise darf jede Socketadresse nur einmal verwendet werden.',
    {},
  ],
  ['bad_host', 'Error: listen tcp 192.0.2.9:1: bind: cannot assign requested address', {}],
  ['home_missing', 'panic: $HOME is not defined', {}],
  [
    'models_dir_permission',
    'Error: mkdir /srv/models: permission denied: ensure path elements are traversable',
    {},
  ],
  ['home_permission', 'Error: could not create directory mkdir /home/x: permission denied', {}],
  [
    'bad_env',
    '2026/01/01 00:00:00 config.go:1: WARN invalid environment variable, using default key=OLLAMA_NUM_PARALLEL value=two default=1',
    {},
  ],
  ['manifest_corrupt', 'level=WARN source=m.go:1 msg="bad manifest" name=x/y:latest error="z"', {}],
  [
    'kv_type_needs_flash_attention',
    'llama_init_from_model: quantized V cache requires flash_attn to be enabled',
    { flashAttention: true },
  ],
  [
    'kv_type_invalid',
    'error while handling argument "--cache-type-k": Unsupported cache type: q7',
    { kvCacheType: null },
  ],
  [
    'queue_full',
    '[GIN] 2026/01/01 - 00:00:00 | 503 |      55.1µs |       127.0.0.1 | POST     "/api/generate"',
    {},
  ],
  [
    'num_ctx_clamped',
    'level=WARN source=s.go:1 msg="requested context size too large for model" num_ctx=99999 n_ctx_train=8192',
    { numCtx: 8192 },
  ],
  [
    'cpu_fallback_insufficient_vram',
    'level=DEBUG source=m.go:1 msg="insufficient VRAM to load any model layers"',
    { flashAttention: true, numCtx: 4096 },
  ],
  [
    'cpu_fallback_driver_error',
    'level=INFO source=g.go:1 msg="Unable to load cudart" error="cudart init failure: 46"',
    {},
  ],
  [
    'cpu_fallback_gpu_unsupported',
    'level=WARN source=a.go:1 msg="amdgpu is not supported (supported types:[gfx1030])" gpu_type=gfx1036 gpu=0',
    {},
  ],
  ['cpu_fallback_no_gpu', 'level=INFO source=g.go:1 msg="no compatible GPUs were discovered"', {}],
  ['partial_offload', 'load_tensors: offloaded 20/33 layers to GPU', {}],
  ['unknown_architecture', "error loading model: unknown model architecture: 'novel'", {}],
  [
    'vulkan_buffer_limit',
    'ggml_vulkan: Device memory allocation of size 5368709120 failed.',
    { flashAttention: true, numCtx: 4096 },
  ],
  [
    'system_memory_insufficient',
    'Error: model requires more system memory (12.0 GiB) than is available (9.5 GiB)',
    { numCtx: 4096 },
  ],
  [
    'gpu_oom_compute_buffer',
    'ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 1073741824',
    { numCtx: 4096, numBatch: 256 },
  ],
  [
    'gpu_oom_kv_cache',
    'llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache',
    { numCtx: 4096 },
  ],
  [
    'gpu_oom_load',
    'level=INFO source=s.go:1 msg="starting llama server" cmd="/r/ollama_llama_server --model /b --ctx-size 16384 --n-gpu-layers 30 --parallel 1"\nallocating 5000.00 MiB on device 0: cudaMalloc failed: out of memory',
    { numCtx: 8192, numGpu: 28 },
  ],
  ['gpu_oom_runtime', 'CUDA error: out of memory', { numCtx: 4096 }],
  ['load_timeout', 'Error: timed out waiting for llama runner to start - progress 0.25 - ', {}],
  [
    'load_canceled_by_client',
    'level=WARN source=l.go:1 msg="client connection closed before llama-server finished loading, aborting load"',
    {},
  ],
  ['llama_arg_env_invalid', 'error while handling environment variable "LLAMA_ARG_X": no', {}],
  [
    'llama_server_missing',
    'level=INFO source=s.go:1 msg="failed to create server" error="llama-server binary not found (checked: /x)"',
    {},
  ],
  [
    'gguf_corrupt',
    'level=INFO source=s.go:1 msg="failed to load model metadata" error="invalid file magic"',
    {},
  ],
  [
    'blob_missing',
    `level=ERROR source=i.go:1 msg="couldn't open model file" error="open /b/sha256-1: no such file or directory"`,
    {},
  ],
  ['model_not_found', 'Error: pull model manifest: file does not exist', {}],
  ['needs_newer_ollama', 'Error: pull model manifest: 412:', {}],
  [
    'tls_certificate',
    'Error: pull model manifest: Get "https://r": tls: failed to verify certificate: x509: certificate has expired',
    {},
  ],
  [
    'registry_unreachable',
    'Error: pull model manifest: Get "https://r": dial tcp: lookup r: no such host',
    {},
  ],
  ['disk_full', 'Error: write /b/sha256-1-partial: no space left on device', {}],
  ['runner_killed_by_os', 'Error: llama runner process has terminated: signal: killed', {}],
  [
    'runner_terminated',
    'Error: llama runner process has terminated: exit status 3',
    { numCtx: 4096 },
  ],
];

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
