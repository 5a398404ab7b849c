/**
 * Flags of `vllm serve` by the release that brought them. From 0.9.0.1 to 0.33.0 this is what the releases' own parsers
 * take, checked against test/fixtures/facts (`npm run facts`); before, it is vLLM's history. Since 0.6.0 means 0.6.0 or
 * earlier. A `?` marks a switch: no value, and a `--no-` form.
 */

/** What is known of a newer version is incomplete: an unknown flag there is only a warning. */
export const NEWEST_TABLED_VERSION = '0.33.0';

const addedIn: Readonly<Record<string, string>> = {
  '0.6.0': `
    allow-credentials? allowed-headers allowed-methods allowed-origins api-key block-size
    chat-template code-revision collect-detailed-traces cpu-offload-gb disable-custom-all-reduce?
    disable-log-stats? disable-sliding-window? distributed-executor-backend download-dir dtype
    enable-auto-tool-choice? enable-chunked-prefill? enable-lora? enable-prefix-caching?
    enforce-eager? fully-sharded-loras? gpu-memory-utilization host ignore-patterns kv-cache-dtype
    limit-mm-per-prompt load-format lora-dtype lora-modules max-cpu-loras max-log-len max-logprobs
    max-lora-rank max-loras max-model-len max-num-batched-tokens max-num-seqs
    max-parallel-loading-workers middleware model model-loader-extra-config
    num-gpu-blocks-override otlp-traces-endpoint pipeline-parallel-size port quantization
    ray-workers-use-nsight? response-role return-tokens-as-token-ids? revision root-path seed
    served-model-name skip-tokenizer-init? ssl-ca-certs ssl-cert-reqs ssl-certfile ssl-keyfile
    tensor-parallel-size tokenizer tokenizer-mode tokenizer-revision tool-call-parser
    trust-remote-code? uvicorn-log-level`,
  '0.6.1': `
    config-format`,
  '0.6.2': `
    disable-fastapi-docs? mm-processor-kwargs`,
  '0.6.3': `
    scheduling-policy tool-parser-plugin`,
  '0.6.4': `
    allowed-local-media-path enable-prompt-tokens-details? hf-overrides`,
  '0.6.5': `
    chat-template-content-format compilation-config kv-transfer-config worker-cls`,
  '0.6.6': `
    enable-request-id-headers? generation-config`,
  '0.7.0': `
    enable-sleep-mode?`,
  '0.7.1': `
    override-generation-config reasoning-parser`,
  '0.7.2': `
    model-impl`,
  '0.7.3': `
    additional-config config long-prefill-token-threshold scheduler-cls`,
  '0.8.0': `
    enable-expert-parallel? enable-server-load-tracking? enable-ssl-refresh? hf-config-path
    show-hidden-metrics-for-version use-tqdm-on-load? worker-extension-cls`,
  '0.8.2': `
    disable-cascade-attn? disable-uvicorn-access-log? speculative-config`,
  '0.8.3': `
    data-parallel-size prefix-caching-hash-algo`,
  '0.8.4': `
    disable-chunked-mm-input? hf-token`,
  '0.9.0': `
    data-parallel-address data-parallel-rpc-port data-parallel-size-local data-parallel-start-rank
    enable-prompt-embeds? headless? kv-events-config pt-load-map-location`,
  '0.9.1': `
    api-server-count data-parallel-backend disable-hybrid-kv-cache-manager? log-config-file`,
  '0.9.2': `
    data-parallel-rank enable-eplb? enable-force-include-usage? media-io-kwargs`,
  '0.10.0': `
    async-scheduling? data-parallel-hybrid-lb? default-mm-loras enable-tokenizer-info-endpoint?
    interleave-mm-strings? logprobs-mode`,
  '0.10.1': `
    convert enable-log-outputs? enable-log-requests? exclude-tools-when-tool-choice-none?
    kv-sharing-fast-prefill? logits-processors mamba-cache-dtype mamba-ssm-cache-dtype
    mm-processor-cache-gb runner skip-mm-profiling? tool-server uds`,
  '0.10.2': `
    decode-context-parallel-size eplb-config h11-max-header-count h11-max-incomplete-event-size
    io-processor-plugin kv-cache-memory-bytes log-error-stack? mm-encoder-tp-mode
    safetensors-load-strategy`,
  '0.11.0': `
    allowed-media-domains dbo-decode-token-threshold dbo-prefill-token-threshold enable-dbo?
    expert-placement-strategy mm-processor-cache-type mm-shm-cache-max-object-size-mb
    pooler-config structured-outputs-config trust-request-chat-template? video-pruning-rate`,
  '0.11.1': `
    aggregate-engine-logging? all2all-backend cudagraph-capture-sizes data-parallel-external-lb?
    dcp-kv-cache-interleave-size disable-nccl-for-dp-synchronization? ec-transfer-config
    enable-mm-embeds? kv-offloading-backend kv-offloading-size mamba-block-size master-addr
    master-port max-cudagraph-capture-size mm-encoder-attn-backend nnodes node-rank
    reasoning-parser-plugin stream-interval tokens-only?`,
  '0.12.0': `
    cp-kv-cache-interleave-size kv-cache-metrics-sample kv-cache-metrics? optimization-level
    prefill-context-parallel-size`,
  '0.13.0': `
    attention-backend attention-config cudagraph-metrics? enable-layerwise-nvtx-tracing?
    profiler-config`,
  '0.14.0': `
    allow-deprecated-quantization? default-chat-template-kwargs enable-log-deltas?
    enable-logging-iteration-details? enable-mfu-metrics? enable-offline-docs?
    enable-return-routed-experts? enable-tower-connector-lora? ubatch-size`,
  '0.15.0': `
    mamba-cache-mode mm-encoder-only? ssl-ciphers`,
  '0.16.0': `
    disable-access-log-for-endpoints enable-flashinfer-autotune? kernel-config
    specialize-active-lora? weight-transfer-config`,
  '0.17.0': `
    cpu-offload-params enable-elastic-ep? fail-on-environ-validation? language-model-only?
    moe-backend offload-backend offload-group-size offload-num-in-group offload-params
    offload-prefetch-step performance-mode`,
  '0.18.0': `
    dcp-comm-backend distributed-timeout-seconds enable-ep-weight-filter? gdn-prefill-backend
    grpc? shutdown-timeout`,
  '0.19.0': `
    kv-cache-dtype-skip-layers lora-target-modules mm-tensor-ipc reasoning-config
    renderer-num-workers scheduler-reserve-full-isl?`,
  '0.20.0': `
    enable-flash-late-interaction? enable-mamba-cache-stochastic-rounding? ir-op-priority
    mamba-backend mamba-cache-philox-rounds numa-bind-cpus numa-bind-nodes numa-bind?`,
  '0.21.0': `
    fingerprint-mode fingerprint-value mm-encoder-attn-dtype mm-encoder-fp8-scale-path
    mm-encoder-fp8-scale-save-margin mm-encoder-fp8-scale-save-path
    safetensors-prefetch-block-size safetensors-prefetch-num-threads`,
  '0.22.0': `
    cpu-distributed-timeout-seconds data-parallel-multi-port-external-lb?
    data-parallel-supervisor-port dp-supervisor-probe-failure-threshold
    dp-supervisor-probe-interval-s dp-supervisor-probe-timeout-s enable-cumem-allocator?
    enable-mixed-moe-lora-format? linear-backend quantization-config spec-method spec-model
    spec-tokens use-fp64-gumbel?`,
  '0.24.0': `
    device-ids diffusion-config jit-monitor-verbose? prefill-schedule-interval watermark`,
  '0.25.0': `
    enable-per-request-metrics? jit-monitor-mode mm-ipc-gpu-memory-gb model-class-overrides`,
  '0.26.0': `
    enable-moe-shared-loras? max-num-scheduled-tokens prefix-match-unit`,
  '0.27.0': `
    cohere-format cohere-is-reasoning-model? enable-fault-tolerance? fault-tolerance-config
    kda-prefill-backend mamba-ssu-algorithm mm-hasher-algorithm replayssm-buffer-len
    use-replayssm? video-pruning-method`,
  '0.28.0': `
    ec-manager-config mm-device-do-normalize? mm-processor-device return-sampling-mask?`,
  '0.29.0': `
    dcp-q-replicate? enable-batch-sharded-sampling? enable-trace-replay? max-num-queued-reqs
    max-num-queued-tokens per-request-spec-decode-metrics prefix-cache-retention-interval
    sse-keep-alive-interval`,
  '0.30.0': `
    dp-sync-interval elastic-ep-max-dp-size enable-nccl-comm-suspend? enable-scale-out?
    engram-config kda-decode-backend sparse-indexer-topk-backend watermark-config`,
  '0.31.0': `
    anthropic-disabled-thinking-effort aux-output-config device-memory-utilization
    enable-mamba-shared-prefix-checkpoint? log-level logging-config
    long-prefill-token-threshold-adaptive? max-lora-cls-labels max-num-active-seqs
    sleep-preserve-parameter-names swa-bounded-replay? tool-strict-level trust-request-mm-kwargs?`,
  '0.32.0': `
    custom-histogram-buckets enable-hc-sp? enable-shm-tensor-arena? grpc-port
    sleep-mode-offload-cudagraph?`,
  '0.33.0': `
    monokernel? reasoning-effort-map sleep-mode-backend watchdog-config`,
};

/** Name, since, removed in, what took its place. */
const removed: readonly (readonly [string, string, string, string | null])[] = [
  ['engine-use-ray', '0.6.0', '0.6.1.post1', '--distributed-executor-backend ray'],
  ['max-context-len-to-capture', '0.6.0', '0.6.4', '--max-cudagraph-capture-size'],
  ['chat-template-text-format', '0.6.4', '0.6.5', null],
  ['mm-cache-preprocessor', '0.6.5', '0.6.6', '--mm-processor-cache-gb'],
  ['quantization-param-path', '0.6.0', '0.7.0', 'scales in the checkpoint'],
  ['worker-use-ray', '0.6.0', '0.7.0', '--distributed-executor-backend ray'],
  ['disable-logprobs-during-spec-decoding', '0.6.0', '0.8.3', null],
  ['ngram-prompt-lookup-max', '0.6.0', '0.8.3', null],
  ['ngram-prompt-lookup-min', '0.6.0', '0.8.3', null],
  ['num-speculative-tokens', '0.6.0', '0.8.3', '--speculative-config or --spec-tokens'],
  ['spec-decoding-acceptance-method', '0.6.0', '0.8.3', null],
  ['speculative-disable-by-batch-size', '0.6.0', '0.8.3', null],
  ['speculative-disable-mqa-scorer', '0.6.3', '0.8.3', null],
  ['speculative-draft-tensor-parallel-size', '0.6.0', '0.8.3', null],
  ['speculative-max-model-len', '0.6.0', '0.8.3', null],
  ['speculative-model', '0.6.0', '0.8.3', '--speculative-config or --spec-model'],
  ['speculative-model-quantization', '0.6.0', '0.8.3', null],
  ['typical-acceptance-sampler-posterior-alpha', '0.6.0', '0.8.3', null],
  ['typical-acceptance-sampler-posterior-threshold', '0.6.0', '0.8.3', null],
  ['enable-reasoning', '0.7.1', '0.10.0', '--reasoning-parser alone'],
  ['expand-tools-even-if-tool-choice-none', '0.9.2', '0.10.0', null],
  ['qlora-adapter-name-or-path', '0.6.0', '0.10.0', null],
  ['tokenizer-pool-extra-config', '0.6.0', '0.10.0', null],
  ['tokenizer-pool-size', '0.6.0', '0.10.0', null],
  ['tokenizer-pool-type', '0.6.0', '0.10.0', null],
  ['long-lora-scaling-factors', '0.6.0', '0.10.0', null],
  ['device', '0.6.0', '0.10.0', 'nothing: the device is detected'],
  ['use-v2-block-manager', '0.6.0', '0.10.0', 'nothing: drop it'],
  ['max-prompt-adapter-token', '0.6.0', '0.10.0', null],
  ['max-prompt-adapters', '0.6.0', '0.10.0', null],
  ['prompt-adapters', '0.6.0', '0.10.0', null],
  ['multi-step-stream-outputs', '0.6.2', '0.10.1', null],
  ['num-scheduler-steps', '0.6.0', '0.10.1', 'nothing: drop it'],
  ['enable-prompt-adapter', '0.6.0', '0.10.2', null],
  ['override-neuron-config', '0.6.0', '0.10.2', null],
  ['disable-async-output-proc', '0.6.0', '0.11.0', null],
  ['preemption-mode', '0.6.0', '0.11.0', 'nothing: sequences are always recomputed'],
  ['scheduler-delay-factor', '0.6.0', '0.11.0', null],
  ['max-seq-len-to-capture', '0.6.0', '0.11.0', '--max-cudagraph-capture-size'],
  ['enable-lora-bias', '0.6.4', '0.11.1', null],
  ['rope-scaling', '0.6.0', '0.11.1', '--hf-overrides'],
  ['rope-theta', '0.6.0', '0.11.1', '--hf-overrides'],
  ['guided-decoding-backend', '0.6.0', '0.12.0', '--structured-outputs-config.backend'],
  [
    'guided-decoding-disable-additional-properties',
    '0.9.0',
    '0.12.0',
    '--structured-outputs-config',
  ],
  ['guided-decoding-disable-any-whitespace', '0.9.0', '0.12.0', '--structured-outputs-config'],
  ['guided-decoding-disable-fallback', '0.9.0', '0.12.0', '--structured-outputs-config'],
  ['num-lookahead-slots', '0.6.0', '0.12.0', null],
  ['lora-extra-vocab-size', '0.6.0', '0.12.0', 'nothing: drop it'],
  ['eplb-log-balancedness', '0.9.2', '0.12.0', '--eplb-config'],
  ['eplb-step-interval', '0.9.2', '0.12.0', '--eplb-config'],
  ['eplb-window-size', '0.9.2', '0.12.0', '--eplb-config'],
  ['num-redundant-experts', '0.9.2', '0.12.0', '--eplb-config'],
  ['override-pooler-config', '0.6.4', '0.12.0', '--pooler-config'],
  [
    'cuda-graph-sizes',
    '0.9.0',
    '0.13.0',
    '--cudagraph-capture-sizes or --max-cudagraph-capture-size',
  ],
  ['disable-mm-preprocessor-cache', '0.6.6', '0.13.0', '--mm-processor-cache-gb 0'],
  ['enable-multimodal-encoder-data-parallel', '0.9.1', '0.13.0', '--mm-encoder-tp-mode data'],
  ['task', '0.6.4', '0.13.0', '--runner or --convert'],
  ['logits-processor-pattern', '0.6.5', '0.17.0', null],
  [
    'disable-log-requests',
    '0.6.0',
    '0.17.0',
    'nothing: it is the default; --enable-log-requests turns it on',
  ],
  ['swap-space', '0.6.0', '0.18.0', 'nothing: there is no CPU swap any more'],
  ['use-gpu-for-pooling-score', '0.17.0', '0.18.0', null],
  ['disable-frontend-multiprocessing', '0.6.0', '0.19.0', 'nothing: drop it'],
  ['max-long-partial-prefills', '0.7.3', '0.27.0', null],
  ['max-num-partial-prefills', '0.7.3', '0.27.0', null],
  ['calculate-kv-scales', '0.7.0', '0.28.0', 'nothing: use the scales of the checkpoint'],
  ['override-attention-dtype', '0.9.2', '0.28.0', '--attention-config'],
  ['enable-bf16x3-router-gemm', '0.26.0', '0.30.0', null],
  ['enable-mamba-fine-grained-prefix-cache', '0.30.0', '0.31.0', null],
];

/** Short forms that are younger than 0.9. */
export const shortFormSince: Readonly<Record<string, string>> = {
  '-ac': '0.13.0',
  '-asc': '0.9.1',
  '-cc': '0.12.0',
  '-dc': '0.24.0',
  '-dcp': '0.10.2',
  '-dpb': '0.9.1',
  '-dpe': '0.11.1',
  '-dph': '0.11.1',
  '-dpm': '0.22.0',
  '-dpn': '0.9.2',
  '-ep': '0.14.0',
  '-n': '0.11.1',
  '-pcp': '0.12.0',
  '-r': '0.11.1',
  '-sc': '0.19.0',
};

export interface FlagRow {
  /** Without the dashes. */
  readonly name: string;
  readonly isSwitch: boolean;
  readonly since: string;
  /** First release without it; null: still there. */
  readonly removedIn: string | null;
  readonly replacement: string | null;
}

const removedNames = new Set(removed.map(([name]) => name));

/** All flags ever, the removed ones last. */
export const flagRows: readonly FlagRow[] = [
  ...Object.entries(addedIn).flatMap(([since, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((word) => ({
        name: word.replace('?', ''),
        isSwitch: word.endsWith('?'),
        since,
        removedIn: null,
        replacement: null,
      }))
      .filter(({ name }) => !removedNames.has(name)),
  ),
  ...removed.map(([name, since, removedIn, replacement]) => ({
    name,
    // Which of them were switches is not tabled: be lenient.
    isSwitch: true,
    since,
    removedIn,
    replacement,
  })),
];
