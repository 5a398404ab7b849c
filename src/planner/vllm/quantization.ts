/** How weights are held: by the checkpoint's own format, by `--quantization`, or by a word in the model's name. */
import type { HfShape } from '../../models/hfConfig';
import type { HfQuantization } from '../../models/hfQuantization';

export interface WeightFormat {
  readonly id: string;
  /** Bytes of one quantized weight, scales included (reference 3.2). */
  readonly bytesPerWeight: number;
  /** What is quantized: every linear layer, or only routed experts. */
  readonly scope: 'linears' | 'experts';
  /** Share of the attention's weights that stays in 16 bit, by the checkpoint's list of exceptions. */
  readonly attentionKept: number;
  /** True: the checkpoint is stored that way. False: 16-bit weights are converted while loading. */
  readonly stored: boolean;
  readonly source: 'config' | 'option' | 'name';
}

interface Row {
  readonly id: string;
  readonly names: RegExp;
  readonly bytesPerWeight: (bits: number | null, group: number | null) => number;
  readonly scope?: 'experts';
}

/** Integer groups: a 16-bit scale and a zero point each. Groups of 32 and fewer are FP4 with one-byte scales. */
const grouped = (bits: number | null, group: number | null): number => {
  const width = (bits ?? 4) / 8;
  if (bits === 4 && group !== null && group > 0 && group <= 32) return width + 1 / group;
  const size = group !== null && group > 0 ? group : 128;
  return width + (2 + width) / size;
};

/** First match wins. Bytes from reference 3.2. */
const FORMATS: readonly Row[] = [
  { id: 'mxfp4', names: /^(gpt_oss_)?mxfp4/, bytesPerWeight: () => 0.53125, scope: 'experts' },
  { id: 'nvfp4', names: /nvfp4|modelopt_fp4|petit_nvfp4/, bytesPerWeight: () => 0.5625 },
  { id: 'mxfp8', names: /mxfp8/, bytesPerWeight: () => 1.03125 },
  {
    id: 'bitsandbytes',
    names: /^(bitsandbytes|bnb)/,
    bytesPerWeight: (bits) => (bits === 8 ? 1 : 0.5156),
  },
  { id: 'awq', names: /awq/, bytesPerWeight: grouped },
  { id: 'gptq', names: /gptq|auto-round|autoround|inc$/, bytesPerWeight: grouped },
  {
    id: 'compressed-tensors',
    names: /^compressed[-_]tensors/,
    bytesPerWeight: (bits, group) =>
      bits === null ? 1 : bits >= 8 ? bits / 8 + 0.0005 : grouped(bits, group),
  },
  { id: 'experts_int8', names: /experts_int8/, bytesPerWeight: () => 1, scope: 'experts' },
  { id: 'fp8', names: /fp8|^modelopt$|int8|w8a8|^online$/, bytesPerWeight: () => 1.0003 },
  {
    id: 'gguf',
    names: /^gguf/,
    bytesPerWeight: (bits) => (bits ?? 4.85) / 8,
  },
];

/** Words in a repository's name, for when the config is silent (contracts.md, "Missing facts"). */
const NAME_WORDS: readonly (readonly [RegExp, string, number])[] = [
  [/nvfp4|fp4\b/i, 'nvfp4', 4],
  [/mxfp4/i, 'mxfp4', 4],
  [/\bbnb\b|[-_]bnb|bitsandbytes/i, 'bitsandbytes', 4],
  [/\bawq\b|[-_]awq/i, 'awq', 4],
  [/gptq.*(int8|8bit)|w8a16/i, 'gptq', 8],
  [/gptq|auto-?round|w4a16|int4|4bit|4-bit/i, 'gptq', 4],
  [/fp8|int8|8bit|8-bit|w8a8/i, 'fp8', 8],
];

/** The format a start of this model would use; null: 16-bit (or 32-bit) weights. */
export function weightFormatOf(
  shape: HfShape | null,
  option: string | null | undefined,
  name: string | null | undefined,
): WeightFormat | null {
  const own = shape?.quantization ?? null;
  if (own) {
    const row = formatRow(own, shape);
    const bits = own.bits ?? wordBits(name) ?? null;
    const bytes = row ? row.bytesPerWeight(bits, own.groupSize) : (bits ?? 8) / 8;
    const isPlainBnb = row?.id === 'bitsandbytes' && bits !== 8 && own.doubleQuant === false;
    return {
      id: row?.id ?? own.method,
      bytesPerWeight: isPlainBnb ? 0.5625 : bytes,
      scope: scopeOf(row, shape),
      attentionKept: attentionKept(own.ignore, shape?.layers ?? null),
      stored: true,
      source: 'config',
    };
  }
  const asked = option == null || option === '' || option === 'none' ? null : rowOf(option);
  const word = name == null ? undefined : NAME_WORDS.find(([pattern]) => pattern.test(name));
  // Only these convert a 16-bit checkpoint; the rest name what the checkpoint already is.
  const converts = asked !== null && /^(bitsandbytes|fp8|experts_int8|mxfp8)$/.test(asked.id);
  const row = asked ?? (word ? rowOf(word[1]) : null);
  if (!row) return null;
  return {
    id: row.id,
    bytesPerWeight: row.bytesPerWeight(asked && !word ? null : (word?.[2] ?? null), null),
    scope: scopeOf(row, shape),
    attentionKept: 0,
    stored: !converts || word !== undefined,
    source: asked ? 'option' : 'name',
  };
}

/** The finer word first: modelopt and compressed-tensors hold FP4 as well as FP8. */
function formatRow(own: HfQuantization, shape: HfShape | null): Row | null {
  const fine = /nvfp4|mxfp4|mxfp8/i.exec(own.format ?? '')?.[0];
  if (fine !== undefined) return rowOf(fine);
  const row = rowOf(own.method);
  return row?.id === 'fp8' && own.bits === 4 && shape ? rowOf('nvfp4') : row;
}

/** A dense model has no experts to single out. */
function scopeOf(row: Row | null, shape: HfShape | null): WeightFormat['scope'] {
  return shape?.experts === null ? 'linears' : (row?.scope ?? 'linears');
}

/** One pattern for all layers counts fully; names of single layers by their number (q, k, v, o each). */
function attentionKept(ignore: readonly string[], layers: number | null): number {
  const named = ignore.filter((entry) => /attn|attention|mixer|mamba/i.test(entry));
  if (named.length === 0 || layers === null) return 0;
  const isPattern = named.some((entry) => !/\.\d+\./.test(entry));
  return isPattern ? 1 : Math.min(1, named.length / (4 * layers));
}

function rowOf(method: string): Row | null {
  const id = method.toLowerCase();
  return FORMATS.find((row) => row.names.test(id)) ?? null;
}

/** Bits of a quantized weight by a word in the name; null where there is none. */
export function wordBits(name: string | null | undefined): number | null {
  if (name == null) return null;
  return NAME_WORDS.find(([pattern]) => pattern.test(name))?.[2] ?? null;
}

/** MXFP4 kernels pad each rank's expert width to a multiple of 256 (gpt-oss: 2,880 to 3,072, as its logs show). */
export function expertPadding(
  shape: HfShape | null,
  format: WeightFormat | null,
  settings: { readonly tensorParallel: number },
): number {
  const width = shape?.experts?.intermediate ?? null;
  if (format?.id !== 'mxfp4' || width === null) return 1;
  const own = width / settings.tensorParallel;
  return (Math.ceil(own / 256) * 256) / own;
}
