/** Automatic utilization with only a name (or a bare size) to go on: product.md 3. */
import { parametersInName } from './nameSize';

export interface NameRuleInput {
  readonly name: string | null;
  /** Bytes of all weight files or as the engine holds them; wins over the name. */
  readonly weightsBytes: number | null;
  readonly maxModelLen: number | null;
  readonly tensorParallelSize: number;
  /** Smallest card decides. Free: less what is kept for others. */
  readonly gpus: readonly { readonly totalBytes: number; readonly freeBytes: number | null }[];
}

export interface NameRuleResult {
  readonly utilization: number;
  readonly steps: readonly string[];
}

const GB = 1e9;
const DEFAULT_GB = 7;
const DEFAULT_TOKENS = 4096;

/** Bytes of one weight by a word in the name; the KV estimate keeps 2. */
const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/awq|gptq|nvfp4|mxfp4|bnb|int4|w4a16|4-?bit|\bq4|[-_]q4/i, 0.56],
  [/fp8|int8|w8a8|8-?bit|[-_]q8/i, 1],
];

/**
 * Share of the card by rule of thumb: demand below 70 % of it gets a cushion of 0.20 (0.50 to 0.75), up to all of it
 * 0.88, more 0.95. null: no GPU.
 */
export function nameRule(input: NameRuleInput): NameRuleResult | null {
  const smallest = input.gpus.toSorted((a, b) => a.totalBytes - b.totalBytes)[0];
  if (!smallest) return null;
  const total = smallest.totalBytes / 2 ** 30;
  const size = sizeOf(input);
  const length = input.maxModelLen ?? DEFAULT_TOKENS;
  const weights = size.weightsGb / input.tensorParallelSize;
  const kv = ((size.plainGb / input.tensorParallelSize / 7) * length * 0.4) / 1000;
  const demand = (weights + kv) * 1.2;
  const share = demand / total;
  const chosen = choose(share);
  const free = Math.floor((leastFree(input.gpus) ?? 1) * 100) / 100;
  const utilization = Math.min(chosen, free);
  const steps = [
    `Rule: name. Detected memory: ${total.toFixed(2)} GiB`,
    `Model size: ${size.weightsGb.toFixed(2)} GB (${size.source})` +
      (input.tensorParallelSize > 1 ? ` over ${input.tensorParallelSize} GPUs` : ''),
    `KV estimate: ${(size.plainGb / input.tensorParallelSize).toFixed(2)} / 7 × ${length} / 1000 × 0.4 = ${kv.toFixed(2)} GB`,
    `Demand: (${weights.toFixed(2)} + ${kv.toFixed(2)}) × 1.2 = ${demand.toFixed(2)} GB, ${(share * 100).toFixed(1)} % of the card`,
    utilization < chosen
      ? `Utilization: ${chosen.toFixed(2)}, taken down to ${utilization.toFixed(2)} by what is free for it`
      : `Utilization: ${utilization.toFixed(2)}`,
  ];
  return { utilization, steps };
}

function choose(share: number): number {
  if (share >= 1) return 0.95;
  if (share >= 0.7) return 0.88;
  return Math.round(Math.min(0.75, Math.max(0.5, share + 0.2)) * 100) / 100;
}

/** Smallest free share of all cards where every one is known. */
function leastFree(gpus: NameRuleInput['gpus']): number | null {
  const shares = gpus.map((gpu) =>
    gpu.freeBytes === null ? null : gpu.freeBytes / gpu.totalBytes,
  );
  const known = shares.filter((share) => share !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function sizeOf(input: NameRuleInput): { weightsGb: number; plainGb: number; source: string } {
  if (input.weightsBytes !== null && input.weightsBytes > 0) {
    const gb = input.weightsBytes / GB;
    return { weightsGb: gb, plainGb: gb, source: 'its weights' };
  }
  const named = parametersInName(input.name);
  const width = WIDTHS.find(([word]) => word.test(input.name ?? ''))?.[1] ?? 2;
  if (!named) return { weightsGb: DEFAULT_GB, plainGb: DEFAULT_GB, source: 'no size in the name' };
  const billions = named.parameters / GB;
  return {
    weightsGb: billions * width,
    plainGb: billions * 2,
    source: `${named.text} at ${width} bytes`,
  };
}
