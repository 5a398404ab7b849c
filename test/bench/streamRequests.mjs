// A file of plan requests, a line each: both engines, several cards and settings, most of them fit, some need advice.

const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  num_hidden_layers: 32,
  hidden_size: 4096,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  intermediate_size: 14336,
  vocab_size: 128256,
  torch_dtype: 'bfloat16',
  max_position_embeddings: 131072,
};
const GGUF = {
  architecture: 'llama',
  block_count: 32,
  embedding_length: 4096,
  head_count: 32,
  head_count_kv: 8,
  vocab_size: 128256,
  context_length: 131072,
  feed_forward_length: 14336,
  fileBytes: 4_920_000_000,
};
const GIB = 2 ** 30;

function requestAt(index) {
  const gpus = Array.from({ length: index % 10 === 0 ? 2 : 1 }, () => ({
    name: 'NVIDIA GeForce RTX 4090',
    totalBytes: 24 * GIB,
    freeBytes: (index % 5 === 0 ? 16 : 23) * GIB,
  }));
  if (index % 3 === 0)
    return {
      engine: 'ollama',
      engineVersion: '0.12.11',
      model: { name: 'llama3.1:8b', gguf: GGUF },
      gpus,
      options: { numCtx: 2048 * (1 + (index % 8)) },
    };
  return {
    engine: 'vllm',
    engineVersion: index % 2 ? '0.19.1' : null,
    model: { name: 'someone/llama', config: LLAMA },
    gpus,
    options: {
      gpuMemoryUtilization: [0, 0.85, 0.9][index % 3],
      maxModelLen: 1024 * (1 + (index % 16)),
      tensorParallelSize: gpus.length,
    },
  };
}

/** @param {number} count */
export const streamRequests = (count) =>
  Array.from({ length: count }, (_, index) => `${JSON.stringify(requestAt(index))}\n`).join('');
