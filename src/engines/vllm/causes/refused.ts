/**
 * Where no row of its own knows the message: which part of vLLM raised it. The last frame of the traceback tells that, in
 * every version, and the message itself is vLLM's advice.
 */
import type { CauseMatch, CauseRule, CauseText } from '../../logRules';
import { always, duringStart, fix } from '../../remedies';

/** The file and function that raised, by what they belong to; the first that holds. */
const parts: readonly (readonly [string, RegExp])[] = [
  ['lora_refused', /\/vllm\/lora\/|\/peft_helper/],
  ['quantization_refused', /\/(?:quantization|compressed_tensors|kernels\/linear)\//],
  [
    'weights_mismatch',
    /\/model_loader\/|\/vllm\/.* \w*(?:load_weights|weight_loader|load_\w+_weight)\w*$/,
  ],
  ['attention_backend_invalid', /\/vllm\/(?:v1\/)?attention\//],
  ['tokenizer_unreadable', /\/(?:tokenizers?|tokenization_\w+|mistral_common\/tokens)[/.]/],
  [
    'config_unreadable',
    /\/transformers\/(?:configuration_utils|models\/.*\/configuration_)|\/transformers_modules\/|\/transformers_utils\/config/,
  ],
  [
    'option_refused',
    /\/vllm\/(?:config|engine\/arg_utils|platforms\/|utils\/argparse|entrypoints\/.*(?:cli|args|api_server|serve))/,
  ],
  ['compile_failed', /\/torch\/_(?:dynamo|inductor)\/|\/triton\/|\/vllm\/compilation\//],
  ['cluster_unreachable', /\/torch\/distributed\//],
];

const partOf = ({ raisedAt }: CauseMatch): string | undefined =>
  parts.find(([, place]) => place.test(raisedAt ?? ''))?.[0];

/** Faults of CUDA show up anywhere, and "validation error" only announces the reason. */
const raised =
  /^[\w.]*(?:Error|Exception)\b(?!: (?:\d+ validation error|CUDA|HIP|NCCL|Worker|Engine))(?:: (?<what>.+))?$/;

export const refusedRules: readonly CauseRule[] = duringStart([
  {
    cause: 'lora_refused',
    pattern:
      /LoRA rank (?<rank>\d+) is greater than max_lora_rank|does not support LoRA|is not supported for LoRA|expected target modules in .* but received|No adapter found for (?!task)|Loading lora \S+ failed/,
  },
  {
    cause: 'lora_refused',
    pattern: /LoRA is not enabled\. Use --enable-lora/,
    remedy: always('Add --enable-lora.', 'Adapters are served only with it.', { enableLora: true }),
  },
  {
    cause: 'bad_flag_value',
    pattern: /error: (?<what>Invalid (?:JSON format|fields) for (?<flag>--[\w-]+).*)/,
  },
  {
    cause: 'bad_flag_value',
    rank: 60,
    pattern:
      /^\s*(?<what>(?:Input should be|Extra inputs are not permitted|Unexpected keyword argument).*?) \[type=\w+, input_value=(?<value>.+?), input_type=/,
    remedy: ({ groups, raisedAt }) => {
      const name = /^\w+$/.test(raisedAt ?? '') ? raisedAt : 'the option';
      const what = groups.what ?? 'vLLM refuses it';
      return what.startsWith('Input')
        ? fix(`Correct ${name ?? ''}: it is ${groups.value ?? 'wrong'} now.`, `${what}.`)
        : fix(`Leave ${name ?? ''} out: this vLLM does not know it.`, `${what}.`);
    },
  },
  {
    cause: 'bad_flag_value',
    pattern: /^(?:FileNotFoundError|PermissionError|AssertionError|ssl\.SSLError)\b/,
    when: ({ raisedAt }) => raisedAt?.endsWith('create_ssl_context') === true,
    remedy: always(
      'Correct --ssl-certfile and --ssl-keyfile: readable files in PEM form.',
      'The server cannot load its certificate or the key for it.',
    ),
  },
  {
    cause: 'bad_flag_value',
    pattern: /^yaml\.\w+\.\w+Error: /,
    remedy: always('Correct the file that --config names.', 'It is no valid YAML.'),
  },
  {
    cause: 'bad_flag_value',
    pattern: /(?<what>No tokenizer registered for (?<flag>tokenizer_mode)=.+)/,
  },
  {
    cause: 'tool_parser_unknown',
    pattern: /parser could not locate .*tokens? in the tokenizer/,
    remedy: always(
      'Choose the parser that the model card names, or leave it out.',
      'It is for models with other tokens than this one has.',
    ),
  },
  {
    cause: 'option_refused',
    rank: 80,
    pattern:
      /^\s*(?:Value error|Assertion failed), (?<what>.+?)(?: \[type=.*)?$|^(?:vllm|\w+\.py)\b[^:]*: error: (?<what2>.+)/,
  },
  ...[...new Set(parts.map(([cause]) => cause))].map((cause) => ({
    cause,
    rank: 80,
    pattern: raised,
    when: (match: CauseMatch) => partOf(match) === cause,
  })),
]);

const said = ({ groups, text }: CauseMatch): string =>
  groups.what ?? groups.what2 ?? text.replace(/^[\w.]*Error: /, '').slice(0, 200);

export const refusedTexts: Readonly<Record<string, CauseText>> = {
  option_refused: {
    title: 'vLLM refuses these options, alone or together',
    remedy: (match) => fix('Change or leave out the option that the message names.', said(match)),
  },
  lora_refused: {
    title: 'The LoRA adapter cannot be served as asked',
    remedy: (match) =>
      match.groups.rank === undefined
        ? fix(
            'Check the adapter (rank, target modules, base model), or start without it.',
            said(match),
          )
        : fix(
            `Add --max-lora-rank ${match.groups.rank}.`,
            `The adapter has rank ${match.groups.rank}.`,
          ),
  },
  quantization_refused: {
    title: 'The quantized weights do not run here as asked',
    remedy: (match) =>
      fix(
        'Try a smaller --tensor-parallel-size, a newer vLLM, or a checkpoint in another format.',
        said(match),
      ),
  },
  weights_mismatch: {
    title: 'The weights do not fit the model code',
    remedy: always(
      'Use the vLLM that the model card names, or another checkpoint; drop --quantization and --hf-overrides.',
      'Names or shapes in the files are not those expected.',
    ),
  },
  tokenizer_unreadable: {
    title: 'The tokenizer cannot be read',
    remedy: always(
      'Finish the download, give --tokenizer with the base model, or update transformers.',
      'Its files are missing, damaged, or newer than the packages.',
    ),
  },
  config_unreadable: {
    title: 'config.json is missing or cannot be read',
    remedy: always(
      'Choose what holds it (for GGUF add --hf-config-path and --tokenizer), or update transformers.',
      'Without it vLLM does not know what to load.',
    ),
  },
};
