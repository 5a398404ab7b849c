/** What a bare name tells about a model: how many parameters, and how they are stored. */

import { parseHubModel } from './hubModel';

export interface NamedModel {
  /** Billions of parameters. */
  readonly billions: number | null;
  /** In vLLM's words (awq, gptq, fp8, bitsandbytes …), or the GGUF type; null: nothing in the name says so. */
  readonly quantization: string | null;
  /** Of one quantized weight, without scales. */
  readonly bitsPerWeight: number | null;
}

/** Counts `7B` and `1.1B`; not `4bit` and `8bit`. */
const SIZE = /(\d+(?:\.\d+)?)[Bb](?!it)/g;

/** No name is longer; the patterns take quadratic time on a long row of digits. */
const MAX_LENGTH = 400;

interface QuantizationWord {
  readonly pattern: RegExp;
  readonly quantization: string;
  readonly bits: number;
}

/** A word stands between separators; the first row that matches wins, so the narrow ones come first. */
const WORDS: readonly QuantizationWord[] = [
  { pattern: /nvfp4/, quantization: 'modelopt_fp4', bits: 4 },
  { pattern: /mxfp4/, quantization: 'mxfp4', bits: 4 },
  { pattern: /mxfp8/, quantization: 'mxfp8', bits: 8 },
  { pattern: word('awq'), quantization: 'awq', bits: 4 },
  { pattern: word('gptq[-_]?(int)?8(bit)?|int8[-_]gptq'), quantization: 'gptq', bits: 8 },
  { pattern: word('gptq'), quantization: 'gptq', bits: 4 },
  { pattern: word('(fp8|f8|float8)'), quantization: 'fp8', bits: 8 },
  {
    pattern: word('(bnb|bitsandbytes|unsloth-bnb|qlora|nf4)[-_]?8[-_]?bit'),
    quantization: 'bitsandbytes',
    bits: 8,
  },
  { pattern: word('(bnb|bitsandbytes|nf4)'), quantization: 'bitsandbytes', bits: 4 },
  { pattern: word('(quantized[.-])?w4a(16|8)'), quantization: 'compressed-tensors', bits: 4 },
  { pattern: word('(quantized[.-])?w8a(16|8)'), quantization: 'compressed-tensors', bits: 8 },
  { pattern: word('(iq|q|ud-q|ud-iq)2(_\\w+)?'), quantization: 'gguf', bits: 2 },
  { pattern: word('(iq|q|ud-q|ud-iq)3(_\\w+)?'), quantization: 'gguf', bits: 3 },
  { pattern: word('(iq|q|ud-q|ud-iq)4(_\\w+)?'), quantization: 'gguf', bits: 4 },
  { pattern: word('(iq|q|ud-q|ud-iq)5(_\\w+)?'), quantization: 'gguf', bits: 5 },
  { pattern: word('(iq|q|ud-q|ud-iq)6(_\\w+)?'), quantization: 'gguf', bits: 6 },
  { pattern: word('(iq|q|ud-q|ud-iq)8(_\\w+)?'), quantization: 'gguf', bits: 8 },
  { pattern: word('(int4|4[-_]?bit|autoround|hqq)'), quantization: 'int4', bits: 4 },
  { pattern: word('(int8|8[-_]?bit)'), quantization: 'int8', bits: 8 },
];

function word(inner: string): RegExp {
  return new RegExp(`(?:^|[-_./: ])(?:${inner})(?=$|[-_./: ])`);
}

/**
 * Size rule: the first match of `(\d+(?:\.\d+)?)[Bb](?!it)`; `8x7B` multiplies; `A3B` names active parameters and does
 * not count.
 */
export function parseModelName(fullName: string): NamedModel {
  const name = fullName.slice(0, MAX_LENGTH);
  const lower = name.toLowerCase();
  const found = WORDS.find(({ pattern }) => pattern.test(lower));
  return {
    billions: billionsIn(name),
    quantization: found?.quantization ?? null,
    bitsPerWeight: found?.bits ?? null,
  };
}

function billionsIn(name: string): number | null {
  for (const match of name.matchAll(SIZE)) {
    const before = name.slice(0, match.index);
    if (/(^|[^a-zA-Z])[aA]$/.test(before)) continue;
    const times = /(\d+)[xX]$/.exec(before)?.[1];
    const billions = Number(match[1]) * (times === undefined ? 1 : Number(times));
    if (billions > 0 && billions < 1e6) return billions;
  }
  return null;
}

/** `llama3.1:8b`, as Ollama names models: on the Hub no name has a colon. */
export const isOllamaTag = (text: string): boolean =>
  /^[\w./-]+:[\w.-]+$/.test(text) && !parseHubModel(text);
