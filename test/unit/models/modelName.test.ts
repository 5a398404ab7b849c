import assert from 'node:assert/strict';
import { parseModelName } from '../../../src/models/modelName';

describe('modelName', () => {
  it('takes the first size, and no bit width', () => {
    const sizes: readonly (readonly [string, number | null])[] = [
      ['meta-llama/Llama-3.1-8B-Instruct', 8],
      ['TinyLlama/TinyLlama-1.1B-Chat-v1.0', 1.1],
      ['Qwen/Qwen3-0.6B', 0.6],
      ['mistralai/Mixtral-8x7B-Instruct-v0.1', 56],
      ['mixtral:8x22b', 176],
      ['Qwen/Qwen3-30B-A3B', 30],
      ['some/model-a3b', null],
      ['LLAMA3B', 3],
      ['qwen3:4b', 4],
      ['unsloth/llama-4bit', null],
      ['unsloth/Llama-3-8b-bnb-4bit', 8],
      ['gpt2', null],
      ['microsoft/phi-4', null],
      ['openai/gpt-oss-120b', 120],
      ['x-0B', null],
      ['x-99999999999B', null],
      ['', null],
    ];
    for (const [name, billions] of sizes)
      assert.equal(parseModelName(name).billions, billions, name);
  });

  it('finds the word for the quantization', () => {
    const words: readonly (readonly [string, string | null, number | null])[] = [
      ['Qwen/Qwen2.5-7B-Instruct-AWQ', 'awq', 4],
      ['TheBloke/Llama-2-7B-GPTQ', 'gptq', 4],
      ['Qwen/Qwen2-7B-Instruct-GPTQ-Int8', 'gptq', 8],
      ['neuralmagic/Llama-3-8B-FP8', 'fp8', 8],
      ['Llama-3.3-70B-Instruct-FP8-dynamic', 'fp8', 8],
      ['nvidia/Llama-3.1-8B-NVFP4', 'modelopt_fp4', 4],
      ['x/gpt-oss-MXFP4', 'mxfp4', 4],
      ['unsloth/Llama-3-8b-bnb-4bit', 'bitsandbytes', 4],
      ['RedHatAI/Qwen3-8B-quantized.w4a16', 'compressed-tensors', 4],
      ['x/model-w8a8', 'compressed-tensors', 8],
      ['x/model-int4', 'int4', 4],
      ['mlx/model-8bit', 'int8', 8],
      ['llama3.1:8b-instruct-q4_K_M', 'gguf', 4],
      ['qwen3:30b-a3b-q8_0', 'gguf', 8],
      ['meta-llama/Llama-3.1-8B', null, null],
      ['x/awqward-model', null, null],
    ];
    for (const [name, quantization, bits] of words) {
      const parsed = parseModelName(name);
      assert.equal(parsed.quantization, quantization, name);
      assert.equal(parsed.bitsPerWeight, bits, name);
    }
  });

  it('is not slowed down by a hostile name', () => {
    const start = performance.now();
    parseModelName('8'.repeat(50_000) + 'x'.repeat(50_000));
    assert.ok(performance.now() - start < 500);
  });
});
