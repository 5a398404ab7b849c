/** How weights are held: by the checkpoint's own format, by `--quantization`, or by a word in the model's name. */
import type { HfShape } from '../../models/hfConfig';
import type { HfQuantization } from '../../models/hfQuantization';
import { bytesByKind, schemeBytes, usualKinds, type BytesByKind } from './quantizedModules';

export interface WeightFormat {
  readonly id: string;
  /** Bytes of one quantized weight, scales included (reference 3.2). */
  readonly bytesPerWeight: number;
  /** What is quantized: every linear layer, or only routed experts. */
  readonly scope: 'linears' | 'experts';
  /** The checkpoint's own figures, exceptions and all, or what is usual; null: converted while loading, all linears alike. */
  readonly byKind: BytesByKind | null;
  /** The config tells what stays in 16 bit, or its method leaves no choice. */
  readonly detailed: boolean;
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

/** First match wins. Bytes from reference 3.2 and the methods' own layouts. */
const FORMATS: readonly Row[] = [
  { id: 'mxfp4', names: /^(gpt_oss_)?mxfp4/, bytesPerWeight: () => 0.53125, scope: 'experts' },
  { id: 'nvfp4', names: /nvfp4|modelopt_fp4|petit_nvfp4/, bytesPerWeight: () => 0.5625 },
  { id: 'mxfp8', names: /mxfp8/, bytesPerWeight: () => 1.03125 },
  {
    id: 'bitsandbytes',
    names: /^(bitsandbytes|bnb)/,
    // 4 bit: a byte of scale per 64 weights, quantized once more per 256 of them.
    bytesPerWeight: (bits) => (bits === 8 ? 1.001 : 0.5 + 1 / 64 + 4 / (64 * 256)),
  },
  { id: 'awq', names: /awq|ipex/, bytesPerWeight: grouped },
  {
    id: 'gptq',
    names: /gptq|auto-?round|^inc$|bitblas|moe_wna16|^marlin$|^rtn$/,
    bytesPerWeight: grouped,
  },
  {
    id: 'compressed-tensors',
    names: /^(compressed[-_]tensors|sparseml|quark|humming)/,
    bytesPerWeight: (bits, group) =>
      bits === null ? 1 : bits >= 8 ? bits / 8 + 0.0005 : grouped(bits, group),
  },
  {
    id: 'hqq',
    names: /^hqq/,
    bytesPerWeight: (bits, group) => (bits ?? 4) / 8 + 4 / (group ?? 64),
  },
  // 16-bit codes of 8 weights; a codebook of 1 MiB per matrix comes on top, a few percent.
  { id: 'aqlm', names: /^aqlm/, bytesPerWeight: (bits) => (bits ?? 2) / 8 + 0.03 },
  { id: 'torchao', names: /^torchao/, bytesPerWeight: (bits) => (bits === 4 ? 0.53 : 1.001) },
  { id: 'deepspeedfp', names: /^deepspeedfp/, bytesPerWeight: (bits) => (bits ?? 8) / 8 + 0.004 },
  {
    id: 'experts_int8',
    names: /experts_int8|int8_per_channel_weight_only/,
    bytesPerWeight: () => 1,
    scope: 'experts',
  },
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

/** Comes in no other format unless the name says so; a config would tell. */
const SHIPPED_AS = [/gpt-oss(?!.*(?:bf|fp)16)/i, 'mxfp4', 4] as const;

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
    const bytesPerWeight = storedBytes(own, row, bits);
    const scope = scopeOf(row, shape);
    return {
      id: row?.id ?? own.method,
      bytesPerWeight,
      scope,
      byKind: bytesByKind(own, shape, bytesPerWeight, 2),
      detailed: isDetailed(own, shape),
      stored: true,
      source: 'config',
    };
  }
  const asked = option == null || option === '' || option === 'none' ? null : rowOf(option);
  const words = shape ? NAME_WORDS : [...NAME_WORDS, SHIPPED_AS];
  const word = name == null ? undefined : words.find(([pattern]) => pattern.test(name));
  // Only these convert a 16-bit checkpoint; the rest name what the checkpoint already is.
  const converts = asked !== null && /^(bitsandbytes|fp8|experts_int8|mxfp8)$/.test(asked.id);
  const row = asked ?? (word ? rowOf(word[1]) : null);
  if (!row) return null;
  const stored = !converts || word !== undefined;
  const bytesPerWeight = row.bytesPerWeight(asked && !word ? null : (word?.[2] ?? null), null);
  return {
    id: row.id,
    bytesPerWeight,
    scope: scopeOf(row, shape),
    byKind: stored ? usualKinds(shape, { id: row.id, bytesPerWeight }, 2) : null,
    detailed: false,
    stored,
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

/** Dense AWQ and GPTQ, block-wise FP8 and gpt-oss's MXFP4 are one recipe each; bare methods for other models are many. */
function isDetailed(own: HfQuantization, shape: HfShape | null): boolean {
  if (own.ignore.length > 0 || own.schemes.length > 0 || own.weightBlock !== null) return true;
  if (own.method === 'mxfp4') return true;
  const isPlain = shape !== null && shape.experts === null && shape.state === null;
  return isPlain && /awq|gptq/.test(own.method) && own.groupSize !== null;
}

function storedBytes(own: HfQuantization, row: Row | null, bits: number | null): number {
  if (row?.id === 'bitsandbytes' && bits !== 8 && own.doubleQuant === false) return 0.5625;
  const scheme = own.schemes.find((one) => one.targets.includes('Linear') && one.bits !== null);
  // The checkpoint's own words on groups and scales are nearer than the method's habit.
  if (scheme && row?.id === 'compressed-tensors') return schemeBytes(scheme, false, 2);
  return row ? row.bytesPerWeight(bits, own.groupSize) : (bits ?? 8) / 8;
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

/**
 * MXFP4 kernels pad gpt-oss's width of 2,880. Hopper's Triton kernels: the experts' inner width of each rank to 256; Marlin
 * (cards before Hopper, and Blackwell's consumer and workstation cards): that to 128 and the hidden size to 256;
 * FlashInfer on data-centre Blackwell: both to 256 (vLLM's mxfp4.py, and the weights that gpt-oss logs).
 */
export function expertPadding(
  shape: HfShape | null,
  format: WeightFormat | null,
  settings: {
    readonly tensorParallel: number;
    readonly cards: readonly { readonly capability: number | null }[];
  },
): number {
  const width = shape?.experts?.intermediate ?? null;
  if (format?.id !== 'mxfp4' || width === null) return 1;
  const own = width / settings.tensorParallel;
  const padded = (value: number, step: number) => (Math.ceil(value / step) * step) / value;
  const capability = settings.cards[0]?.capability ?? 9;
  if (capability >= 9 && capability < 10) return padded(own, 256);
  const isMarlin = capability < 9 || capability >= 12;
  return padded(own, isMarlin ? 128 : 256) * padded(shape?.hidden ?? 256, 256);
}
