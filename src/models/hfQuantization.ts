/** `quantization_config` of a checkpoint: how its weights are stored. */
import { asFields, fieldReader, type Fields } from './hfFields';
import { readSchemes, type HfWeightScheme } from './hfWeightSchemes';

export interface HfQuantization {
  /** As the checkpoint names it, lower case: awq, gptq, fp8, compressed-tensors, bitsandbytes, mxfp4, modelopt … */
  readonly method: string;
  /** Finer than the method where the checkpoint says so: `nvfp4-pack-quantized`, `NVFP4`, `e4m3`, `nf4` … */
  readonly format: string | null;
  /** Bits of one quantized weight, without scales. */
  readonly bits: number | null;
  readonly groupSize: number | null;
  /** Module names (or patterns) that stay in 16 bit. */
  readonly ignore: readonly string[];
  /** How single groups of modules are stored, where they differ or the checkpoint names them. First match wins. */
  readonly schemes: readonly HfWeightScheme[];
  /** GPTQ's `lm_head: true`; everywhere else the head stays in 16 bit. */
  readonly headQuantized: boolean;
  /** e.g. `[128, 128]` for block-wise fp8. */
  readonly weightBlock: readonly number[] | null;
  /** The checkpoint asks for an fp8 KV cache, which silently turns `auto` into fp8. */
  readonly kvCacheFp8: boolean;
  /** bitsandbytes: scales quantized once more (0.516 instead of 0.5625 bytes per weight). */
  readonly doubleQuant: boolean | null;
}

const BITS_BY_METHOD: Readonly<Record<string, number>> = {
  fp8: 8,
  fbgemm_fp8: 8,
  experts_int8: 8,
  mxfp8: 8,
  mxfp4: 4,
  nvfp4: 4,
  awq: 4,
};

const IGNORE_KEYS = [
  'ignore',
  'ignored_layers',
  'modules_to_not_convert',
  'exclude_modules',
  'exclude',
  'llm_int8_skip_modules',
];

/** TorchAO's names, as text or as the class of a nested object. */
const TORCHAO_BITS: readonly (readonly [RegExp, number])[] = [
  [/int4|uint4/i, 4],
  [/int8|float8|fp8/i, 8],
];

/** null where the config has no such part, or one without a method that can be told. */
export function readQuantization(config: unknown): HfQuantization | null {
  const fields = asFields(config);
  if (!fields) return null;
  // modelopt's own file nests everything once more.
  const inner = asFields(fields.quantization);
  const all: Fields = inner ? { ...fields, ...inner } : fields;
  const read = fieldReader(all);
  const algorithm = read.text('quant_algo');
  const in4bit = read.flag('load_in_4bit', '_load_in_4bit') === true;
  const in8bit = read.flag('load_in_8bit', '_load_in_8bit') === true;
  const method =
    read.text('quant_method') ??
    (algorithm === null ? null : 'modelopt') ??
    (in4bit || in8bit ? 'bitsandbytes' : null);
  if (method === null || method === '') return null;
  const schemes = readSchemes(all);
  const group = schemes.find((one) => one.bits !== null && one.bits < 16);
  const name = method.toLowerCase();
  const format =
    algorithm ?? read.text('format', 'fmt', 'bnb_4bit_quant_type', 'checkpoint_format', 'version');
  const ignore = [...IGNORE_KEYS.flatMap((key) => read.texts(key) ?? []), ...negative(all)];
  return {
    method: name,
    format,
    bits:
      read.count('dim', 'bits', 'w_bit', 'weight_bits') ??
      group?.bits ??
      bitsOfWord(algorithm) ??
      torchaoBits(all) ??
      (in4bit ? 4 : in8bit ? 8 : null) ??
      BITS_BY_METHOD[name] ??
      null,
    groupSize: read.count('dim', 'group_size', 'q_group_size') ?? group?.groupSize ?? null,
    ignore,
    schemes,
    headQuantized: read.flag('lm_head') === true,
    weightBlock: read.counts('weight_block_size'),
    kvCacheFp8: wantsFp8Cache(all),
    doubleQuant: read.flag('bnb_4bit_use_double_quant'),
  };
}

/** GPTQModel's `dynamic`: keys that start with `-:` name modules that are left alone. */
function negative(fields: Fields): string[] {
  const keys = Object.keys(asFields(fields.dynamic) ?? {});
  return keys.filter((key) => key.startsWith('-:')).map((key) => `re:${key.slice(2)}`);
}

function torchaoBits(fields: Fields): number | null {
  const type = fields.quant_type;
  if (type === undefined || type === null) return null;
  const text = typeof type === 'string' ? type : JSON.stringify(type);
  return TORCHAO_BITS.find(([pattern]) => pattern.test(text.slice(0, 2000)))?.[1] ?? null;
}

function bitsOfWord(word: string | null): number | null {
  const match = /FP(4|8)|W(4|8)A|INT(4|8)/i.exec(word ?? '');
  const bits = match?.[1] ?? match?.[2] ?? match?.[3];
  return bits === undefined ? null : Number(bits);
}

function wantsFp8Cache(fields: Fields): boolean {
  const scheme = asFields(fields.kv_cache_scheme);
  if (scheme) return scheme.num_bits === 8;
  const algorithm = fields.kv_cache_quant_algo;
  return typeof algorithm === 'string' && algorithm.toUpperCase() === 'FP8';
}
