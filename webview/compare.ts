/** Two wishes side by side: the settings in which they differ, and what each comes to on the same machine. */
import { formatCount, formatGib } from '../src/shared/units';
import type { Wish } from '../src/shared/wish';
import { plannedBytes } from './memoryParts';
import type { Priced } from './planning';
import { formatRequests, formatShare, tightestGpu } from './scales';
import { engineNames, optionName, verdictIcons, verdictWords, words } from './words';

export interface Compared {
  readonly wish: Wish;
  /** null: could not be priced. */
  readonly priced: Priced | null;
}

export interface CompareRow {
  readonly key: string;
  readonly label: string;
  readonly kept: string;
  readonly now: string;
  readonly differs: boolean;
}

/** Settings only where they differ; results always. */
export function compareRows(kept: Compared, now: Compared): readonly CompareRow[] {
  const rowOf = (key: string, label: string, read: (one: Compared) => string): CompareRow => {
    const [was, is] = [read(kept), read(now)];
    return { key, label, kept: was, now: is, differs: was !== is };
  };
  const keys = new Set([...Object.keys(kept.wish.options), ...Object.keys(now.wish.options)]);
  const settings = [
    rowOf('engine', words.engine, ({ wish }) => engineNames[wish.engine]),
    rowOf('model', words.model, ({ wish }) => wish.model),
    ...[...keys].map((key) => rowOf(key, optionName(key), ({ wish }) => optionText(wish, key))),
    rowOf('extraArguments', words.extraArguments, ({ wish }) => wish.extraArguments.join(' ')),
    rowOf('port', words.port, ({ wish }) => String(wish.port ?? words.anyFree)),
    rowOf('keepAlive', words.keepAlive, ({ wish }) => words.keptFor(wish.keepAlive ?? null)),
  ];
  const results = Object.entries(outcomes).map(([key, { label, read }]) =>
    rowOf(key, label, ({ priced }) => (priced === null ? words.unknownMark : read(priced))),
  );
  return [...settings.filter(({ differs }) => differs), ...results];
}

function optionText({ options }: Wish, key: string): string {
  const value = (options as Readonly<Record<string, unknown>>)[key] ?? null;
  if (value === null) return words.engineDefault;
  if (key === 'gpuMemoryUtilization' && typeof value === 'number')
    return value === 0 ? words.auto : formatShare(value);
  if (typeof value === 'number') return formatCount(value);
  if (typeof value === 'boolean') return value ? words.on : words.off;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const gib = (bytes: number | null | undefined): string =>
  bytes == null ? words.unknownMark : formatGib(bytes);

/** Per GPU: of the one with the least KV cache, which decides. */
const outcomes: Readonly<
  Record<string, { readonly label: string; readonly read: (priced: Priced) => string }>
> = {
  verdict: {
    label: words.verdict,
    read: ({ plan }) => `${verdictIcons[plan.verdict]} ${verdictWords[plan.verdict]}`,
  },
  taken: {
    label: words.taken,
    read: ({ plan }) => {
      const gpu = tightestGpu(plan);
      return gib(gpu && plannedBytes(gpu));
    },
  },
  weights: { label: words.weights, read: ({ plan }) => gib(tightestGpu(plan)?.weightsBytes) },
  pool: { label: words.pool, read: ({ plan }) => gib(tightestGpu(plan)?.kvCacheBytes) },
  tokens: {
    label: words.tokens,
    read: ({ plan: { kvCache } }) =>
      kvCache.tokens === null ? words.unknownMark : formatCount(kvCache.tokens),
  },
  requests: {
    label: words.requests,
    read: ({ plan: { kvCache } }) =>
      kvCache.maxConcurrency === null ? words.unknownMark : formatRequests(kvCache.maxConcurrency),
  },
  left: { label: words.freeAfter, read: ({ plan }) => gib(tightestGpu(plan)?.leftBytes) },
  smallest: {
    label: words.smallestShare,
    read: ({ plan }) =>
      plan.utilization?.smallest == null
        ? words.unknownMark
        : formatShare(plan.utilization.smallest),
  },
};
