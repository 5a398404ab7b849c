/** Options that this version, model or GPU does not take. They fail within a minute, before any weights are read. */
import type { CauseMatch, CauseRule, CauseText } from '../../logRules';
import { always, askedFor, fix, floorToStep, numberIn } from '../../remedies';

export const configurationRules: readonly CauseRule[] = [
  { cause: 'unknown_flag', pattern: /error: unrecognized arguments: (?<args>.+)$/ },
  {
    cause: 'bad_flag_value',
    pattern:
      /error: argument (?<flag>\S+): (?<what>invalid .+|expected .+|not allowed .+|Value .+ cannot be converted)(?: to <.+)?$/,
  },
  {
    cause: 'bad_flag_value',
    pattern:
      /error: (?:ambiguous option: (?<flag>\S+)|the following arguments are required: (?<what>.+))/,
  },
  {
    cause: 'bad_gpu_memory_utilization',
    pattern:
      /Input should be (?<limit>(?:greater|less) than(?: or equal to)? [\d.]+) \[type=(?:greater|less)_than\w*, input_value=(?<value>[-\d.]+), input_type=float\]|GPU memory utilization must be less than 1\.0\. Got (?<got>[\d.]+)/,
    when: ({ raisedAt }) => /^gpu_memory|\W/.test(raisedAt ?? ' '),
  },
  {
    cause: 'max_model_len_over_derived',
    pattern:
      /User-specified max_model_len \((?<len>\d+)\) is greater than the derived max_model_len \([^=]+=(?<max>[\d.]+)(?!.*config\.json\)\. VLLM_ALLOW_LONG)/,
  },
  {
    cause: 'tp_heads_not_divisible',
    pattern:
      /Total number of attention heads \((?<heads>\d+)\) must be divisible by tensor parallel size \((?<tp>\d+)\)/,
  },
  {
    cause: 'tp_not_divisible',
    pattern:
      /AssertionError: (?<heads>\d+) is not divisible by (?<tp>\d+)|The input size is not aligned with the quantized weight shape|is not divisible by\s+(?:min_thread|min_[nk]_threads|weight quantization block|group_size|pack_factor)/,
  },
  {
    cause: 'too_few_gpus',
    pattern:
      /World size \((?<world>\d+)\) is larger than the number of available GPUs \((?<gpus>\d+)\)|local rank \d+ is out of bounds|invalid device ordinal|to less than max local gpu count|exceeds the number of visible|less than or equal to the number of visible devices|Current node has no \S+ available|Ray does not allocate any GPUs|Cannot provide a placement group|exceeds the total number of available (?:GPUs|CPUs) in the placement group|No available node types can fulfill resource request/,
  },
  {
    cause: 'bf16_unsupported',
    pattern:
      /Bfloat16 is only supported on GPUs with compute capability of at least (?<min>[\d.]+)\.(?: Your (?<gpu>.+?) GPU has compute capability (?<cc>\d+(?:\.\d+)?))?/,
  },
  {
    cause: 'fp16_unsupported',
    pattern: /The model type '(?<type>[^']+)' does not support float16/,
  },
  {
    cause: 'gpu_capability_too_low',
    // A Pascal card is told first that bfloat16 needs more; half precision would not help it.
    rank: 40,
    pattern: /GPUs with compute capability below (?<min>[\d.]+) are not supported/,
  },
  {
    cause: 'quant_capability_too_low',
    pattern:
      /The quantization method (?<method>\S+) is not supported for the current GPU\. Minimum capability: (?<min>\d+)\.? Current capability: (?<cc>\d+)/,
  },
  {
    cause: 'quant_capability_too_low',
    // "Reasons" follow, and a shape that cannot be split is the nearer one.
    rank: 60,
    pattern:
      /fp8e4nv not supported in this architecture|Failed to find a kernel that can implement the (?<method>\S+) linear layer|Please use Blackwell|only supported on CUDA devices with compute capability|requires GPU compute capability >= /,
    remedy: ({ groups }) =>
      fix(
        'Use a checkpoint in another format (AWQ, GPTQ), and leave --kv-cache-dtype out.',
        `The GPU has no kernel for ${groups.method ?? 'this format'}.`,
        { kvCacheDtype: null },
      ),
  },
  {
    cause: 'quant_dtype_unsupported',
    pattern:
      /torch\.(?<dtype>\w+) is not supported for quantization method (?<method>\S+?)\. Supported dtypes: (?<ok>\[[^\]]*\])/,
  },
  {
    cause: 'quantization_mismatch',
    pattern:
      /Cannot find the config file for (?<method>\w+)|TypeError: (?<method2>\w+)Config\.__init__\(\) missing|Quantization method specified in the model config \((?<config>[^)]+)\) does not match the quantization method specified in the `quantization` argument \((?<arg>[^)]+)\)/,
  },
  {
    cause: 'quantization_unknown',
    pattern:
      /Unknown quantization method: (?<method>\w+)|argument --quantization.*invalid choice: '?(?<method2>[\w-]+)|Load format `(?<method3>\w+)` is not supported/,
    rank: 45,
  },
  {
    cause: 'load_format_missing',
    pattern: /BitsAndBytes quantization and QLoRA adapter only support 'bitsandbytes' load format/,
  },
  {
    cause: 'bnb_tensor_parallel',
    pattern: /Prequant BitsAndBytes models with tensor parallelism is not supported/,
  },
  {
    cause: 'batched_tokens_too_few',
    pattern:
      /max_num_batched_tokens \((?<batch>\d+)\) (?:is smaller than max_model_len|must be greater than or equal to max_num_seqs) \((?<least>\d+)\)|block_size \((?<least2>\d+)\) must be <= max_num_batched_tokens|max_tokens_per_mm_item \((?<least3>\d+)\) is larger than max_num_batched_tokens/,
  },
  {
    cause: 'attention_backend_invalid',
    pattern:
      /No valid attention backend (?:found )?for|Selected backend \S+ is not valid for this configuration|Invalid (?:mamba )?attention backend|FlashAttention only supports|FlashInfer requires GPUs|FlashAttention version \d+ not supported|inks? (?:are only|is not) supported|Head size \d+ is not supported by|FLASHINFER, but flashinfer module was not found/,
  },
  {
    cause: 'pipeline_parallel_unsupported',
    pattern: /Pipeline parallelism is not supported for this model/,
  },
  {
    cause: 'tool_parser_unknown',
    pattern: /(?:invalid (?:tool call|reasoning) parser: |Reasoning parser ')(?<parser>[^\s']+)/,
  },
  {
    cause: 'tool_parser_unknown',
    pattern: /requires (?<flag>--(?:tool-call|reasoning)-parser)/,
    remedy: ({ groups }) =>
      fix(`Add ${groups.flag ?? ''} with the parser of this model.`, 'The other flag needs it.'),
  },
  {
    cause: 'unsupported_option',
    pattern: /(?<what>Sleep mode) is not supported on current platform/,
  },
];

/** Largest count of ranks below `tp` that divides `heads`. */
function divisorBelow(heads: number, tp: number): number {
  for (let ranks = Math.min(tp - 1, heads); ranks > 1; ranks -= 1)
    if (heads % ranks === 0) return ranks;
  return 1;
}

function forHeads({ groups }: CauseMatch) {
  const heads = numberIn(groups, 'heads') ?? 0;
  const tp = numberIn(groups, 'tp') ?? 1;
  const ranks = divisorBelow(heads, tp);
  return fix(
    `Set --tensor-parallel-size ${String(ranks)}, or use pipeline parallel for the other GPUs.`,
    `${String(heads)} attention heads cannot be split over ${String(tp)} GPUs; ${String(ranks)} divides them (${String(heads)} / ${String(ranks)} = ${String(heads / ranks)}).`,
    { tensorParallelSize: ranks },
  );
}

export const configurationTexts: Readonly<Record<string, CauseText>> = {
  unknown_flag: {
    title: 'This vLLM does not know one of the arguments',
    remedy: ({ groups }) =>
      fix(
        `Remove or correct ${groups.args?.trim() ?? 'the argument'}.`,
        'The flag is misspelt, was removed or renamed, or is newer than the installed version.',
      ),
  },
  bad_flag_value: {
    title: 'An argument has a value that vLLM does not take',
    remedy: ({ groups }) =>
      fix(
        `Correct ${groups.flag ?? 'the argument'}.`,
        groups.what ?? 'vLLM refused the command line.',
      ),
  },
  bad_gpu_memory_utilization: {
    title: 'The utilization is outside of what vLLM takes',
    remedy: ({ groups }) =>
      fix(
        'Choose a utilization above 0 and up to 1; 0.70 is a safe start.',
        `Found ${groups.value ?? groups.got ?? 'a value'}, allowed: ${groups.limit ?? 'at most 1'}.`,
        { gpuMemoryUtilization: 0.7 },
      ),
  },
  max_model_len_over_derived: {
    title: 'The context is longer than the model supports',
    remedy: ({ groups }) => {
      const longest = Math.floor(numberIn(groups, 'max') ?? 0);
      return fix(
        `Set --max-model-len ${String(longest)} or less, or enable the rope scaling that the model card describes.`,
        `${String(groups.len)} tokens were asked for; config.json allows ${String(longest)}.`,
        longest > 0 ? { maxModelLen: longest } : {},
      );
    },
  },
  tp_heads_not_divisible: {
    title: 'The attention heads cannot be split over that many GPUs',
    remedy: forHeads,
  },
  tp_not_divisible: {
    title: 'A dimension of the model cannot be split over that many GPUs',
    remedy: (match) => {
      const tp = Math.max(1, Math.floor((askedFor(match).tensorParallelSize ?? 2) / 2));
      return fix(
        `Set --tensor-parallel-size ${String(tp)}, or use pipeline parallel.`,
        'Heads, the inner size or the quantization groups must divide by the number of ranks.',
        { tensorParallelSize: tp },
      );
    },
  },
  too_few_gpus: {
    title: 'More ranks than visible GPUs',
    remedy: ({ groups }) => {
      const gpus = numberIn(groups, 'gpus');
      return fix(
        'Lower the tensor or pipeline parallel size to the GPUs that are visible; check CUDA_VISIBLE_DEVICES.',
        gpus === null
          ? 'The launch asks for a GPU that this process cannot see.'
          : `${String(groups.world)} ranks were asked for, ${String(gpus)} GPUs are visible.`,
        gpus === null ? {} : { tensorParallelSize: Math.max(1, gpus), pipelineParallelSize: 1 },
      );
    },
  },
  bf16_unsupported: {
    title: 'This GPU has no bfloat16',
    remedy: ({ groups }) =>
      fix(
        'Set --dtype half.',
        `bfloat16 needs compute capability ${groups.min ?? '8.0'}${groups.cc === undefined ? '' : `, ${groups.gpu ?? 'this GPU'} has ${groups.cc}`}.`,
        { dtype: 'half' },
      ),
  },
  fp16_unsupported: {
    title: 'This model does not work in float16',
    remedy: always(
      'Set --dtype bfloat16 (Ampere or newer) or float32.',
      'The model overflows in half precision.',
      {
        dtype: 'bfloat16',
      },
    ),
  },
  gpu_capability_too_low: {
    title: 'The GPU is too old for this vLLM',
    remedy: ({ groups }) =>
      fix(
        'Use another GPU, or Ollama (llama.cpp) on this one.',
        `vLLM needs compute capability ${groups.min ?? '7.0'} or newer.`,
      ),
  },
  quant_capability_too_low: {
    title: 'The GPU is too old for this quantization',
    remedy: ({ groups }) =>
      fix(
        'Use a checkpoint in another format (GPTQ runs on older cards) or 16 bit.',
        `${groups.method ?? 'It'} needs capability ${groups.min ?? '?'}, the GPU has ${groups.cc ?? '?'}.`,
      ),
  },
  quant_dtype_unsupported: {
    title: 'The quantization does not work in this data type',
    remedy: ({ groups }) =>
      fix(
        'Set --dtype half.',
        `${groups.method ?? 'It'} supports ${groups.ok ?? 'float16'}, not ${groups.dtype ?? 'this type'}.`,
        {
          dtype: 'half',
        },
      ),
  },
  quantization_mismatch: {
    title: 'The quantization asked for is not that of the checkpoint',
    remedy: ({ groups }) =>
      fix(
        'Drop --quantization: config.json decides. For a 16-bit checkpoint use fp8 or bitsandbytes.',
        groups.config === undefined
          ? `The checkpoint carries no ${groups.method ?? groups.method2 ?? ''} weights.`
          : `The checkpoint is ${groups.config}, the command says ${String(groups.arg)}.`,
        { quantization: null },
      ),
  },
  quantization_unknown: {
    title: 'This vLLM no longer has that quantization built in',
    remedy: ({ groups }) => {
      const method = groups.method ?? groups.method2 ?? groups.method3 ?? '';
      const plugin = { bitsandbytes: 'vllm-bnb-plugin', gguf: 'vllm-gguf-plugin' }[method];
      if (plugin !== undefined)
        return fix(
          `Install ${plugin} in vLLM's environment, or drop --quantization.`,
          `${method} moved to a plugin (gguf with 0.24, bitsandbytes with 0.28).`,
        );
      const why = `"${method}" is not among those of this version.`;
      return groups.method3 === undefined
        ? fix('Drop --quantization, or use a version that has it.', why, { quantization: null })
        : fix('Drop --load-format, or use a version that has it.', why, { loadFormat: null });
    },
  },
  load_format_missing: {
    title: 'bitsandbytes needs its load format in this version',
    remedy: always('Add --load-format bitsandbytes.', 'Up to 0.8.1 it is not implied.', {
      quantization: 'bitsandbytes',
      loadFormat: 'bitsandbytes',
    }),
  },
  bnb_tensor_parallel: {
    title: 'Pre-quantized bitsandbytes weights cannot be split by tensor parallel',
    remedy: (match) =>
      fix(
        'Use pipeline parallel instead of tensor parallel, or quantize the 16-bit repository at load.',
        'The packed weights cannot be cut along heads.',
        {
          tensorParallelSize: 1,
          pipelineParallelSize: askedFor(match).tensorParallelSize ?? 2,
        },
      ),
  },
  batched_tokens_too_few: {
    title: 'Batches are smaller than they must be',
    remedy: ({ groups }) => {
      const least =
        numberIn(groups, 'least') ??
        numberIn(groups, 'least2') ??
        numberIn(groups, 'least3') ??
        2048;
      return fix(
        `Set --max-num-batched-tokens ${String(least)} or more.`,
        `At least ${String(least)} tokens must fit into one batch here${groups.batch === undefined ? '' : `; ${groups.batch} were set`}.`,
        { maxNumBatchedTokens: floorToStep(least, 1) },
      );
    },
  },
  attention_backend_invalid: {
    title: 'No attention backend takes this combination',
    remedy: always(
      'Drop --attention-backend and --kv-cache-dtype, or try TRITON_ATTN.',
      'Head size, data types and GPU together rule out every backend.',
      { kvCacheDtype: null },
    ),
  },
  pipeline_parallel_unsupported: {
    title: 'This model has no pipeline parallel',
    remedy: always('Use tensor parallel only.', 'The model cannot be cut by layers.', {
      pipelineParallelSize: 1,
    }),
  },
  tool_parser_unknown: {
    title: 'This vLLM has no such parser',
    remedy: ({ groups }) =>
      fix(
        'Choose a parser that the message lists, or leave tool calling out.',
        `"${groups.parser ?? ''}" is not one of them.`,
      ),
  },
  unsupported_option: {
    title: 'An option is not supported on this platform',
    remedy: ({ groups }) =>
      fix(
        `Leave it out: ${groups.what?.toLowerCase() ?? 'it'} works on GPUs only.`,
        'The platform vLLM runs on here refuses it.',
      ),
  },
};
