// What is asked of every release: which defaults it takes for which model, card and options. Models are described by the
// fields of their published config.json that decide; no weights are needed.

const qwen3 = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  hidden_size: 4096,
  intermediate_size: 12288,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  head_dim: 128,
  num_hidden_layers: 36,
  max_position_embeddings: 40960,
  vocab_size: 151936,
  torch_dtype: 'bfloat16',
  tie_word_embeddings: false,
  rope_theta: 1000000,
};

const gptOss = {
  architectures: ['GptOssForCausalLM'],
  model_type: 'gpt_oss',
  hidden_size: 2880,
  intermediate_size: 2880,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  head_dim: 64,
  num_hidden_layers: 24,
  num_local_experts: 32,
  num_experts_per_tok: 4,
  layer_types: Array.from({ length: 24 }, (_unused, index) =>
    index % 2 === 0 ? 'sliding_attention' : 'full_attention',
  ),
  sliding_window: 128,
  max_position_embeddings: 131072,
  vocab_size: 201088,
  torch_dtype: 'bfloat16',
  quantization_config: { quant_method: 'mxfp4' },
};

/** Device name, total memory as CUDA counts it (GiB), compute capability. */
const cards = {
  T4: ['Tesla T4', 14.56, [7, 5]],
  L4: ['NVIDIA L4', 22.05, [8, 9]],
  A100: ['NVIDIA A100-SXM4-80GB', 79.15, [8, 0]],
  H100: ['NVIDIA H100 80GB HBM3', 79.18, [9, 0]],
  B200: ['NVIDIA B200', 178.36, [10, 0]],
};

const server = 'OPENAI_API_SERVER';
const library = 'LLM_CLASS';
// Cards before Ampere have no bfloat16.
const halfOnT4 = (card) => (card === 'T4' ? { dtype: 'half' } : {});

const cases = [
  ...Object.keys(cards).flatMap((card) =>
    [server, library].map((usage) => ({ model: 'qwen3', card, usage, options: halfOnT4(card) })),
  ),
  ...[
    { maxNumSeqs: 1 },
    { maxNumSeqs: 8 },
    { maxNumSeqs: 100 },
    { maxNumSeqs: 512 },
    { maxNumSeqs: 1024 },
    { maxModelLen: 512 },
    { maxNumSeqs: 4, maxModelLen: 256 },
    { maxNumBatchedTokens: 512 },
    { maxNumBatchedTokens: 16384 },
    { maxNumSeqs: 64, maxNumBatchedTokens: 64 },
    { enforceEager: true },
    { maxCudagraphCaptureSize: 1 },
    { maxCudagraphCaptureSize: 64 },
    { maxCudagraphCaptureSize: 100 },
    { maxCudagraphCaptureSize: 1024 },
    { enablePrefixCaching: false },
    { maxNumSeqs: 16, speculativeConfig: { method: 'ngram', num_speculative_tokens: 3 } },
    { tensorParallelSize: 2 },
    { pipelineParallelSize: 2 },
  ].map((options) => ({ model: 'qwen3', card: 'L4', usage: server, options })),
  ...[{ maxNumSeqs: 64 }, { maxModelLen: 8 }, { maxNumSeqs: 2000 }].map((options) => ({
    model: 'qwen3',
    card: 'H100',
    usage: server,
    options,
  })),
  ...[{ maxModelLen: 32768 }, { maxModelLen: 1024 }, { maxNumSeqs: 8 }].map((options) => ({
    model: 'qwen3',
    card: 'T4',
    usage: server,
    options: { dtype: 'half', ...options },
  })),
  ...[{}, { maxNumSeqs: 16 }].map((options) => ({
    model: 'gptOss',
    card: 'H100',
    usage: server,
    options,
  })),
];

/** `{ models, cards, cases }`, each case with an id that says what it asks. */
export const versionCases = {
  models: { qwen3, gptOss },
  cards,
  cases: cases.map((one) => ({
    id: [
      one.model,
      one.card,
      one.usage === library ? 'library' : 'server',
      ...Object.entries(one.options).map(
        ([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`,
      ),
    ].join(' '),
    ...one,
  })),
};
