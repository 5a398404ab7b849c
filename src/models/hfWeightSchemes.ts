/** Checkpoints whose modules are not all stored alike: which modules, and how. */
import { asFields, fieldReader, type Fields } from './hfFields';

export interface HfWeightScheme {
  /** Class names (`Linear`), module names, or patterns (`re:…`, `*`). */
  readonly targets: readonly string[];
  /** Of one weight, without scales; 16 and more: left as it is. */
  readonly bits: number | null;
  readonly groupSize: number | null;
  /** FP4 and FP8 have other scales than INT4 and INT8; null: not told. */
  readonly isFloat: boolean | null;
}

/** A checkpoint with a module a line may have thousands; more than any model has is not read. */
const MOST = 20_000;

/** compressed-tensors, ModelOpt, GPTQModel, AutoRound and Quark, each by its own key. Empty: all modules alike. */
export function readSchemes(fields: Fields): HfWeightScheme[] {
  return [
    ...exceptions(fields.dynamic, (key) => (key.startsWith('-:') ? null : pattern(key))),
    ...exceptions(fields.extra_config, (key) => key),
    ...exceptions(fields.quantized_layers, (key) => key),
    ...exceptions(fields.layer_quant_config, (key) => key),
    ...groups(fields.config_groups),
    ...quarkGlobal(fields.global_quant_config),
  ];
}

const pattern = (key: string): string => `re:${key.replace(/^\+:/, '')}`;

function groups(value: unknown): HfWeightScheme[] {
  return Object.values(asFields(value) ?? {}).flatMap((group) => {
    const fields = asFields(group);
    const weights = asFields(fields?.weights);
    if (!fields || !weights) return [];
    return [schemeOf(weights, fieldReader(fields).texts('targets') ?? ['Linear'])];
  });
}

/** A map from module (or pattern) to what is special about it. */
function exceptions(value: unknown, targetOf: (key: string) => string | null): HfWeightScheme[] {
  return Object.entries(asFields(value) ?? {})
    .slice(0, MOST)
    .flatMap(([key, own]) => {
      const target = targetOf(key);
      const fields = asFields(own);
      if (target === null || !fields) return [];
      return [schemeOf(asFields(fields.weight) ?? fields, [target])];
    });
}

function quarkGlobal(value: unknown): HfWeightScheme[] {
  const weight = asFields(asFields(value)?.weight);
  return weight ? [schemeOf(weight, ['Linear'])] : [];
}

function schemeOf(fields: Fields, targets: readonly string[]): HfWeightScheme {
  const read = fieldReader(fields);
  const word = `${read.text('quant_algo') ?? ''} ${read.text('dtype') ?? ''}`.toLowerCase();
  const type = read.text('type', 'data_type');
  const bits = read.count('dim', 'num_bits', 'bits') ?? bitsIn(word);
  return {
    targets,
    bits,
    groupSize: read.count('dim', 'group_size'),
    isFloat: type === null ? (/fp[48]/.test(word) ? true : null) : type.startsWith('float'),
  };
}

function bitsIn(word: string): number | null {
  const bits = /(?:fp|int|w)(16|8|6|4)/.exec(word)?.[1];
  return bits === undefined ? null : Number(bits);
}
