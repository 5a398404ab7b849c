import fs from 'node:fs';
import path from 'node:path';

const MODELS = path.join(process.env.TEST_FOLDER ?? '', 'models');

/** Shape of a dense model of 0.6B parameters: 1.1 GiB of weights in 16 bit. */
export const SMALL_MODEL = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  hidden_size: 1024,
  num_hidden_layers: 28,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 128,
  intermediate_size: 3072,
  vocab_size: 151936,
  max_position_embeddings: 40960,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
};

/**
 * A folder that reads as a small dense model: its shape alone, no weights. The name tells the stand-in vLLM what to do
 * (test/support/fakeVllm.mjs).
 */
export function makeModel(name: string): string {
  const folder = path.join(MODELS, name);
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify(SMALL_MODEL));
  return folder;
}
