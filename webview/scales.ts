/** The numbers behind the two sliders: steps, marks and the three linked units of the utilization. */
import { formatCount, formatGib, GIB } from '../src/shared/units';
import type { GpuPlan, MarkName, Plan } from '../src/shared/planAnswer';
import { SHORTEST_CONTEXT_TOKENS } from './state';
import { words } from './words';

export const UTILIZATION = { least: 0.5, most: 0.95, step: 0.05 } as const;
export const CONTEXT_STEP_TOKENS = 512;
/** Where a model does not say its own maximum. */
const ASSUMED_LONGEST_TOKENS = 131072;

/** Reads the field beside the slider: any share vLLM accepts, `auto`, or with a percent sign. 0 means auto. */
export function parseUtilization(text: string): number | null {
  const plain = text.trim().toLowerCase();
  if (plain === 'auto' || plain === '0') return 0;
  const match = /^(\d*[.,]?\d+)\s*(%?)$/.exec(plain);
  if (match?.[1] === undefined) return null;
  const value = Number(match[1].replace(',', '.')) / (match[2] === '%' ? 100 : 1);
  return value > 0 && value <= 1 ? value : null;
}

/** `0.7` → `"0.70"`, `0.725` → `"0.725"`. */
export function formatShare(share: number): string {
  const rounded = Math.round(share * 1e4) / 1e4;
  return rounded.toFixed(2) === String(rounded) || Math.round(rounded * 100) / 100 === rounded
    ? rounded.toFixed(2)
    : String(rounded);
}

/** Place of a share on the slider, 0 to 1; shares beyond its ends sit at the ends. */
export function placeOnSlider(share: number): number {
  const place = (share - UTILIZATION.least) / (UTILIZATION.most - UTILIZATION.least);
  return Math.min(1, Math.max(0, place));
}

/** The marks of the slider. Where no share both starts and passes the check of free memory, none is recommended. */
export function sliderMarks(plan: Plan | null): Record<MarkName, number | null> {
  const {
    smallest = null,
    recommended = null,
    beside = null,
    largest = null,
  } = plan?.utilization ?? {};
  const startable = smallest !== null && smallest <= (largest ?? 1);
  return { smallest, recommended: startable ? recommended : null, beside, largest };
}

/** A mark's GiB, tokens and requests: "2.9 GiB", "24,000 · 2.9", and in full for the ear; null: not known. */
export function markUnits(
  plan: Plan | null,
  name: MarkName,
): { readonly pool: string; readonly room: string; readonly spoken: string } | null {
  const mark = plan?.utilization?.marks?.[name] ?? null;
  if (mark === null) return null;
  return words.markUnits(
    formatGib(mark.kvCacheBytes, 1),
    mark.tokens === null ? null : formatCount(roundTokens(mark.tokens)),
    mark.maxConcurrency === null ? null : formatRequests(mark.maxConcurrency),
  );
}

/** The GPU with the least KV cache decides what a server gets. */
export function tightestGpu(plan: Plan): GpuPlan | null {
  return plan.perGpu.reduce<GpuPlan | null>(
    (least, gpu) =>
      least === null || (gpu.kvCacheBytes ?? Infinity) < (least.kvCacheBytes ?? Infinity)
        ? gpu
        : least,
    null,
  );
}

/** What is spoken while the slider moves: "0.80, 18.8 GiB for vLLM, about 61,000 tokens, 7.5 requests at once". */
export function spokenUtilization(plan: Plan | null, share: number): string {
  const gpu = plan === null ? null : tightestGpu(plan);
  const wanted = gpu?.budgetBytes ?? (gpu === null ? null : share * gpu.totalBytes);
  const { tokens, maxConcurrency } = plan?.kvCache ?? { tokens: null, maxConcurrency: null };
  return words.sliderSpoken(
    share,
    wanted === null ? null : formatGib(wanted, 1),
    tokens === null ? null : formatCount(roundTokens(tokens)),
    maxConcurrency === null ? null : formatRequests(maxConcurrency),
  );
}

const roundTokens = (tokens: number): number =>
  tokens < 10_000 ? Math.round(tokens / 100) * 100 : Math.round(tokens / 1000) * 1000;

/** One decimal below 100 requests, none above. */
export const formatRequests = (requests: number): string =>
  requests < 100 ? requests.toFixed(1) : formatCount(requests);

/**
 * Share that gives `wantedBytes` of KV cache: the pool is what the share leaves over, so it grows byte for byte.
 * Rounded up to a hundredth. null where the plan does not know its pool.
 */
export function shareForPool(plan: Plan, wantedBytes: number): number | null {
  const gpu = tightestGpu(plan);
  const effective = plan.utilization?.effective ?? null;
  if (gpu?.kvCacheBytes == null || effective === null) return null;
  const overheads =
    gpu.budgetBytes === null || gpu.kvCacheBytes > 0
      ? effective * gpu.totalBytes - gpu.kvCacheBytes
      : overheadBytes(gpu);
  return Math.ceil(((overheads + wantedBytes) / gpu.totalBytes) * 100 - 1e-6) / 100;
}

/** Where the pool is empty the share says nothing about the overheads; their sum does. */
const overheadBytes = (gpu: GpuPlan): number =>
  (gpu.weightsBytes ?? 0) +
  (gpu.nonTorchBytes ?? 0) +
  (gpu.activationBytes ?? 0) +
  (gpu.graphBytes ?? 0);

/** Share under which `requests` full-length requests fit side by side; null where the KV need is not known. */
export function shareForRequests(plan: Plan, requests: number): number | null {
  const { atLength, bytesPerToken, totalBytes, maxConcurrency } = plan.kvCache;
  const perRequest =
    totalBytes !== null && maxConcurrency !== null && maxConcurrency > 0
      ? totalBytes / maxConcurrency
      : atLength !== null && bytesPerToken !== null
        ? atLength * bytesPerToken
        : null;
  return perRequest === null ? null : shareForPool(plan, requests * perRequest);
}

/** Reads "8192", "8,192", "8k" (= 8 × 1024). */
export function parseTokens(text: string): number | null {
  const match = /^(\d+)(k?)$/.exec(
    text
      .trim()
      .toLowerCase()
      .replaceAll(/[,_\s.]/g, ''),
  );
  if (match?.[1] === undefined) return null;
  const tokens = Number(match[1]) * (match[2] === 'k' ? 1024 : 1);
  return tokens >= 1 && tokens <= 1e9 ? tokens : null;
}

/** Reads a size in GiB, the unit optional. */
export function parseGib(text: string): number | null {
  const match = /^(\d+(?:[.,]\d+)?)\s*(?:gib)?$/i.exec(text.trim());
  return match?.[1] === undefined ? null : Number(match[1].replace(',', '.')) * GIB;
}

/** Quick picks under the context slider: powers of two below the model's maximum, then the maximum itself. */
export function contextPicks(longest: number, count = 6): readonly number[] {
  const picks: number[] = [];
  for (let tokens = 2048; tokens < longest; tokens *= 2) picks.push(tokens);
  picks.push(longest);
  return picks.slice(-Math.max(count, 1)).length < picks.length
    ? [...picks.filter((tokens) => tokens <= 32768).slice(0, count - 1), longest]
    : picks;
}

/** `8192` → `"8K"`, `40960` → `"40K"`, `1000` → `"1,000"`. */
export const shortTokens = (tokens: number): string =>
  tokens % 1024 === 0 ? `${String(tokens / 1024)}K` : formatCount(tokens);

/** The slider's end: the model's own maximum, but never shorter than the shortest context. */
export const sliderEnd = (longest: number | null): number =>
  Math.max(SHORTEST_CONTEXT_TOKENS, Math.floor(longest ?? ASSUMED_LONGEST_TOKENS));
