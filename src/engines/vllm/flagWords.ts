/**
 * Words that flags of `vllm serve` take, by release, from the releases' own code (0.9.0.1 … 0.33, test/fixtures/facts).
 * `word`: in all of them, `word@0.10.1`: from that one on, `word@-0.24.0`: gone in that one, `word@0.10.0-0.15.0`: both.
 */
import type { VersionSpan } from '../engineVersion';

export interface FlagWords {
  /** Plugins may add words: one that is not here is only doubtful. */
  readonly isOpen: boolean;
  /** Outside of these releases any value of the right kind is taken. */
  readonly limited: VersionSpan;
  readonly words: string;
}

/** By the flag's name without dashes. */
export const flagWords: Readonly<Record<string, FlagWords>> = {
  dtype: {
    isOpen: false,
    limited: {},
    words: `
      auto bfloat16 float float16 float32 half`,
  },
  'kv-cache-dtype': {
    isOpen: false,
    limited: {},
    words: `
      auto fp8 fp8_e4m3 fp8_e5m2 fp8_inc@0.10.0 bfloat16@0.11.0 fp8_ds_mla@0.11.1 float16@0.18.0
      fp8_per_token_head@0.20.0 int8_per_token_head@0.20.0 nvfp4@0.20.0 turboquant_3bit_nc@0.20.0
      turboquant_4bit_nc@0.20.0 turboquant_k3v4_nc@0.20.0 turboquant_k8v4@0.20.0
      int4_per_token_head@0.25.0 nvfp4_4over6@0.28.0 nvfp4_ds_mla@0.30.0 ultraquant_4bit@0.32.0
      octave_k3v3@0.33.0 octave_k3v3_compact@0.33.0 octave_k3v4@0.33.0`,
  },
  'block-size': {
    isOpen: false,
    limited: { until: '0.18.0' },
    words: `
      1 128 16 32 64 8 256@0.11.1`,
  },
  'max-lora-rank': {
    isOpen: false,
    limited: { since: '0.11.1' },
    words: `
      1 8 16 32 64 128 256 320 512`,
  },
  quantization: {
    isOpen: true,
    limited: {},
    words: `
      aqlm@-0.10.1 auto-round@-0.15.0 awq awq_marlin bitblas@-0.16.0 bitsandbytes@-0.28.0
      compressed-tensors deepspeedfp@-0.15.0 experts_int8 fbgemm_fp8 fp8 gguf@-0.24.0 gptq
      gptq_bitblas@-0.16.0 gptq_marlin gptq_marlin_24@-0.16.0 hqq@-0.15.0 ipex@-0.16.0
      marlin@-0.10.2 modelopt modelopt_fp4 moe_wna16 neuron_quant@-0.10.2 ptpc_fp8@-0.19.0
      qqq@-0.10.2 quark torchao tpu_int8@-0.14.0 rtn@0.9.2-0.15.0 inc@0.10.0 mxfp4@0.10.1
      petit_nvfp4@0.10.2-0.20.0 fp_quant@0.11.1 cpu_awq@0.12.0-0.23.0 cpu_gptq@0.12.0-0.14.0
      modelopt_mxfp8@0.16.0 modelopt_mixed@0.17.0 mxfp8@0.19.0 deepseek_v4_fp8@0.20.0
      fp8_per_block@0.20.0 fp8_per_tensor@0.20.0 gpt_oss_mxfp4@0.20.0 humming@0.20.0
      int8_per_channel_weight_only@0.20.0 online@0.20.0 auto_gptq@0.22.0 auto_awq@0.24.0
      fp8_per_channel@0.24.0 nvfp4_per_token@0.26.0`,
  },
  'load-format': {
    isOpen: true,
    limited: {},
    words: `
      auto bitsandbytes@-0.28.0 dummy fastsafetensors gguf@-0.24.0 mistral npcache pt
      runai_streamer runai_streamer_sharded safetensors sharded_state tensorizer hf@0.12.0
      instanttensor@0.18.0 modelexpress@0.22.0 ipc_cache@0.30.0`,
  },
  'tool-call-parser': {
    isOpen: true,
    limited: {},
    words: `
      deepseek_v3 granite granite-20b-fc hermes internlm jamba llama3_json llama4_json
      llama4_pythonic mistral phi4_mini_json pythonic minimax@0.9.2-0.24.0 xlam@0.9.2
      glm4_moe@0.10.0-0.10.1 hunyuan_a13b@0.10.0 kimi_k2@0.10.0 qwen3_coder@0.10.0 glm45@0.10.1
      step3@0.10.1 deepseek_v31@0.10.2 openai@0.10.2 seed_oss@0.10.2 longcat@0.11.0
      qwen3_xml@0.11.0 ernie45@0.11.1 minimax_m2@0.11.1 olmo3@0.11.1 deepseek_v32@0.13.0
      gigachat3@0.13.0 functiongemma@0.14.0 glm47@0.14.0 step3p5@0.16.0 granite4@0.18.0
      gemma4@0.19.0 deepseek_v4@0.20.0 hy_v3@0.20.0 mimo@0.20.0 cohere_command3@0.21.0
      cohere_command4@0.21.0 lfm2@0.21.0 poolside_v1@0.21.0 apertus@0.22.0 minicpm5@0.23.0
      minimax_m3@0.24.0 inkling@0.26.0 kimi_k3@0.27.0 dots@0.28.0 ling3@0.28.0 muse_glimmer@0.28.0
      hy_v4@0.29.0 deepseek_v41@0.30.0 k2_horizon@0.30.0 hf@0.32.0 plamo3@0.32.0 qwen3_json@0.32.0
      beam@0.33.0 muse@0.33.0 musespark1x@0.33.0 step5@0.33.0`,
  },
};
