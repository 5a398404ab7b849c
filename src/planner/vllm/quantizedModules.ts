/**
 * How many bytes a weight of each kind takes in a checkpoint that stores its modules differently: exceptions that stay in
 * 16 bit, groups with schemes of their own. Engines match names; a kind is the mean over the names it stands for.
 */
import type { HfShape } from '../../models/hfConfig';
import type { HfQuantization } from '../../models/hfQuantization';
import type { HfWeightScheme } from '../../models/hfWeightSchemes';

/** Bytes of one weight, scales included. */
export interface BytesByKind {
  readonly attention: number;
  readonly mlp: number;
  readonly shared: number;
  readonly expert: number;
  readonly tower: number;
  readonly head: number;
  /** MTP layers. */
  readonly draft: number;
}

/** Integer groups have a 16-bit scale each, and a zero point where the format has them; FP4 has one-byte scales. */
export function schemeBytes(
  scheme: Pick<HfWeightScheme, 'bits' | 'groupSize' | 'isFloat'>,
  hasZeroPoints: boolean,
  plain: number,
): number {
  const { bits, groupSize } = scheme;
  if (bits === null || bits >= 16) return plain;
  const width = bits / 8;
  const isFloat = scheme.isFloat ?? (bits === 4 && groupSize !== null && groupSize <= 16);
  if (isFloat) return bits <= 4 ? width + 1 / (groupSize ?? 16) : width + 0.0003;
  if (groupSize === null) return width + 0.0005;
  return width + (2 + (hasZeroPoints ? width : 0)) / groupSize;
}

/** A plan asks again for each change it tries, of the same config. */
const answered = new WeakMap<HfQuantization, Map<string, BytesByKind>>();

/** @param base bytes of a weight that no scheme names; @param plain of one that is left alone */
export function bytesByKind(
  own: HfQuantization,
  shape: HfShape | null,
  base: number,
  plain: number,
): BytesByKind {
  const answers = answered.get(own) ?? new Map<string, BytesByKind>();
  answered.set(own, answers);
  const key = `${String(base)} ${String(plain)}`;
  const answer = answers.get(key) ?? countByKind(own, shape, base, plain);
  answers.set(key, answer);
  return answer;
}

function countByKind(
  own: HfQuantization,
  shape: HfShape | null,
  base: number,
  plain: number,
): BytesByKind {
  const bytesOf = bytesByName(own, base, plain);
  const layers = Math.min(shape?.layers ?? 1, 1000);
  const mean = (names: readonly string[]): number => {
    let sum = 0;
    for (let layer = 0; layer < layers; layer++)
      for (const name of names) sum += bytesOf(`${String(layer)}.${name}`);
    return sum / (names.length * layers);
  };
  const towerIsNamed =
    own.ignore.some((entry) => TOWER.test(entry)) || TOWERS.some((name) => bytesOf(name) === plain);
  const mlp = shape?.experts ? EXPERTS : MLPS;
  // Behind the model's own layers, or by a name of their own.
  const draftIsNamed = mlp.some((name) =>
    [`${String(layers)}.${name}`, `mtp.layers.0.${name}`].some((one) => bytesOf(one) === plain),
  );
  // Recipes that list no exceptions at all did not see the MTP layers.
  const draftIsLeft = own.ignore.length === 0 && base < 0.9;
  return {
    attention: mean(shape?.state && !hasAttention(shape) ? MIXERS.state : attentionNames(shape)),
    mlp: mean(MLPS),
    shared: mean(MLPS.map((name) => name.replace('mlp.', 'mlp.shared_expert.'))),
    expert: hasFp4Experts(own, shape) ? MXFP4 : mean(EXPERTS),
    // Most recipes leave towers alone and say so; where they name nothing at all, take them for left alone as well.
    tower: own.ignore.length === 0 || towerIsNamed ? plain : bytesOf('visual.blocks.0.attn.qkv'),
    head: own.headQuantized ? bytesOf('lm_head') : plain,
    draft: draftIsNamed || draftIsLeft ? plain : hasFp4Experts(own, shape) ? MXFP4 : mean(mlp),
  };
}

const MXFP4 = 0.5 + 1 / 32;

/** DeepSeek-V4 says FP8 and means all but the routed experts, unless `expert_dtype` is FP8 as well. */
const hasFp4Experts = ({ method }: HfQuantization, shape: HfShape | null): boolean =>
  method === 'fp8' &&
  shape?.family === 'deepseekv4' &&
  (shape.text.expert_dtype ?? 'fp4') === 'fp4';

/**
 * What published recipes mostly do, where only the method is known. 4 bit: MTP layers stay as they are; so do the mixers
 * of a hybrid with experts, where they are few, while dense hybrids take FP8 for them beside FP4. Of integer recipes for
 * other experts about half leave attention alone, and their groups divide the experts' inner width.
 */
export function usualKinds(
  shape: HfShape | null,
  format: { readonly id: string; readonly bytesPerWeight: number },
  plain: number,
): BytesByKind {
  const { id, bytesPerWeight: bytes } = format;
  const is4Bit = bytes < 0.9;
  const isInteger = /awq|gptq|compressed/.test(id);
  const width = shape?.experts?.intermediate ?? null;
  const group = width === null ? 128 : ([128, 64].find((size) => width % size === 0) ?? 32);
  const expert =
    is4Bit && isInteger && group < 128
      ? schemeBytes({ bits: 4, groupSize: group, isFloat: false }, true, plain)
      : bytes;
  return {
    attention: is4Bit ? usualAttention(shape, bytes, plain, isInteger) : bytes,
    mlp: bytes,
    shared: bytes,
    expert,
    tower: plain,
    head: plain,
    draft: is4Bit ? plain : bytes,
  };
}

function usualAttention(
  shape: HfShape | null,
  bytes: number,
  plain: number,
  isInteger: boolean,
): number {
  const hasExperts = Boolean(shape?.experts);
  if (shape?.state) return hasExperts ? plain : isInteger ? bytes : Math.min(1, plain);
  return hasExperts && isInteger ? (bytes + plain) / 2 : bytes;
}

const MLPS = ['mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'];
const EXPERTS = MLPS.map((name) => name.replace('mlp.', 'mlp.experts.0.'));
const MIXERS = {
  full: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj'],
  latent: ['self_attn.q_b_proj', 'self_attn.kv_b_proj', 'self_attn.o_proj'],
  state: ['linear_attn.in_proj_qkvz', 'linear_attn.out_proj'],
  mamba: ['mixer.in_proj', 'mixer.out_proj'],
};
/** A part that numbers its layers on its own. */
const TOWER = /visual|vision|audio|image|tower|multi_modal/;
const OWN_LAYERS = /visual|vision|audio|image|tower|mtp/;
const TOWERS = [
  'visual.blocks.0.attn.qkv',
  'vision_tower.encoder.layers.0.self_attn.q_proj',
  'vision_model.encoder.layers.0.self_attn.q_proj',
  'multi_modal_projector.linear_1',
];

const hasAttention = (shape: HfShape): boolean =>
  shape.layerKinds?.some((run) => run.kind !== 'state' && run.kind !== 'none') ?? true;

/** Of a hybrid, both kinds of layers by their number. */
function attentionNames(shape: HfShape | null): string[] {
  const full = shape?.mla ? MIXERS.latent : MIXERS.full;
  const runs = shape?.layerKinds ?? [];
  const count = (isState: boolean) =>
    runs.reduce((sum, run) => sum + ((run.kind === 'state') === isState ? run.count : 0), 0);
  const states = count(true);
  if (states === 0) return full;
  const state = shape?.state?.kind === 'gdn' ? MIXERS.state : MIXERS.mamba;
  const ratio = Math.max(1, Math.min(8, Math.round(states / Math.max(1, count(false)))));
  return [...full, ...Array.from({ length: 2 * ratio }, () => state).flat()];
}

function bytesByName(own: HfQuantization, base: number, plain: number): (module: string) => number {
  const isIgnored = matcherOf(own.ignore);
  const hasZeroPoints = own.method !== 'compressed-tensors';
  const schemes = own.schemes.map((scheme) => ({
    matches: matcherOf(scheme.targets.filter((target) => target !== 'Linear')),
    isForAll: scheme.targets.includes('Linear'),
    bytes: schemeBytes(scheme, hasZeroPoints, plain),
  }));
  // A name is nearer than a class.
  const byName = schemes.filter((scheme) => !scheme.isForAll);
  const forAll = schemes.find((scheme) => scheme.isForAll);
  const known = new Map<string, number>();
  return (module) => {
    const before = known.get(module);
    if (before !== undefined) return before;
    const bytes = isIgnored(module)
      ? plain
      : ((byName.find((scheme) => scheme.matches(module)) ?? forAll)?.bytes ?? base);
    known.set(module, bytes);
    return bytes;
  };
}

/** Whole names by a set; patterns (`re:`, `*`) and bare words (`self_attn`, `visual`) one by one. */
function matcherOf(entries: readonly string[]): (module: string) => boolean {
  const names = new Set<string>();
  const tests: ((module: string) => boolean)[] = [];
  for (const entry of entries.slice(0, 20_000)) {
    const regular = regularOf(entry);
    const tail = afterLayers(entry);
    if (regular) tests.push((module) => regular.test(fullName(module)));
    else if (/^\d/.test(tail))
      names.add(OWN_LAYERS.test(entry) ? entry.replace(/^model\./, '') : tail);
    else {
      const word = `.${entry.replace(/^(model|language_model|module)\./, '')}.`;
      tests.push((module) => `.${fullName(module)}.`.includes(word));
    }
  }
  return (module) => {
    // An entry may name a module or one that holds it.
    for (let name = module; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.'))))
      if (names.has(name)) return true;
    return tests.some((test) => test(module));
  };
}

const afterLayers = (name: string): string => name.split('layers.').at(-1) ?? name;

const fullName = (module: string): string =>
  /^\d/.test(module) ? `model.layers.${module}` : module;

/** null: not a pattern, or one that can't be read. Patterns come from a file, so their length is bounded. */
function regularOf(entry: string): RegExp | null {
  const isRegular = entry.startsWith('re:');
  if ((!isRegular && !entry.includes('*')) || entry.length > 300) return null;
  try {
    return isRegular
      ? new RegExp(`^(?:${entry.slice(3)})`)
      : new RegExp(
          `(?:^|\\.)${entry.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}`,
        );
  } catch {
    return null;
  }
}
