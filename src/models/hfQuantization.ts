/** `quantization_config` of a checkpoint: how its weights are stored. */
import { asFields, fieldReader, type Fields } from './hfFields';

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
  'llm_int8_skip_modules',
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
  const group = firstWeightGroup(all);
  const name = method.toLowerCase();
  const format =
    algorithm ?? read.text('format', 'fmt', 'bnb_4bit_quant_type', 'checkpoint_format', 'version');
  const ignore = IGNORE_KEYS.flatMap((key) => read.texts(key) ?? []);
  return {
    method: name,
    format,
    bits:
      read.count('dim', 'bits', 'w_bit', 'weight_bits') ??
      group.bits ??
      bitsOfWord(algorithm) ??
      (in4bit ? 4 : in8bit ? 8 : null) ??
      BITS_BY_METHOD[name] ??
      null,
    groupSize: read.count('dim', 'group_size', 'q_group_size') ?? group.size,
    ignore,
    weightBlock: read.counts('weight_block_size'),
    kvCacheFp8: wantsFp8Cache(all),
    doubleQuant: read.flag('bnb_4bit_use_double_quant'),
  };
}

/** compressed-tensors and newer modelopt: groups of modules, each with its own weight scheme. */
function firstWeightGroup(fields: Fields): { bits: number | null; size: number | null } {
  for (const group of Object.values(asFields(fields.config_groups) ?? {})) {
    const weights = asFields(asFields(group)?.weights);
    if (!weights) continue;
    const read = fieldReader(weights);
    return { bits: read.count('dim', 'num_bits'), size: read.count('dim', 'group_size') };
  }
  return { bits: null, size: null };
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
