/**
 * One full-attention layer in how many, where a GGUF file carries no pattern; layer i is full iff i % p == p − 1.
 * As in llama.cpp's hyper-parameters per architecture.
 */
export const FULL_LAYER_EVERY: Readonly<Record<string, number>> = {
  gemma2: 2,
  gemma3: 6,
  gemma3n: 5,
  gemma4: 6,
  gptoss: 2,
  'gpt-oss': 2,
  llama4: 4,
  cohere2: 4,
  exaone4: 4,
  olmo2: 4,
  olmo3: 4,
  afmoe: 4,
};
