/** The vLLM planner against the recorded starts: one measurement per start and figure. */
import { corePlanOf, gpuPlansOf, kvCachePlanOf, rangesOf } from '../../src/planner/vllm/corePlan';
import { FITTED, type FittedNumbers } from '../../src/planner/vllm/fittedNumbers';
import type { Range, Verdict } from '../../src/shared/planAnswer';
import { GIB } from '../../src/shared/units';
import { isStrict, requestOf, type StartupCase } from '../support/startupCases';
import type { Goal, Measurement } from './figures';

export const STARTUP_GOALS: Readonly<Record<string, Goal>> = {
  'KV pool, weights given, total logged': { mean: 0.015, worst: 0.05, inRange: 0.95 },
  'KV pool, weights given': { mean: 0.015, worst: 0.05, inRange: 0.95 },
  'KV pool, config alone': { mean: 0.025, inRange: 0.95 },
  'KV pool, promised beyond its range': { worst: 0 },
  'KV tokens, pool given': { mean: 0.01 },
  activation: { mean: 0.1, inRange: 0.95 },
  'non-torch memory': { inRange: 0.95 },
  'CUDA graphs': { inRange: 0.95 },
  'weights, 16 bit, config alone': { mean: 0.01, worst: 0.02, inRange: 0.95 },
  'weights, quantized, config alone': { inRange: 0.95 },
  'memory failures called fits': { worst: 0 },
  'good starts called doesNotFit': { mean: 0.03 },
  'good starts called tight': { mean: 0.25 },
  'good starts called unknown': {},
};

/** GiB are printed with two digits. */
const ROUNDING = 0.006 * GIB;

const gib = (bytes: number): string => `${(bytes / GIB).toFixed(2)} GiB`;
const signed = (bytes: number): string => `${bytes < 0 ? '−' : '+'}${gib(Math.abs(bytes))}`;

export function measureStartups(
  cases: readonly StartupCase[],
  numbers: FittedNumbers = FITTED,
): Measurement[] {
  return cases.flatMap((one) => [
    ...(isStrict(one) ? [...poolsOf(one, numbers), ...partsOf(one, numbers)] : []),
    ...verdictsOf(one, numbers),
  ]);
}

const base = (one: StartupCase) => ({
  engine: 'vllm' as const,
  id: one.id,
  family: one.family,
  version: (one.vllm_version ?? `${one.engine}, version not stated`).replace(/^(\d+\.\d+).*/, '$1'),
});

function rangeOf(range: Range | undefined, ours: number, truth: number, unit: number) {
  const [low, high] = range ?? [ours, ours];
  return {
    holds: low <= truth + ROUNDING && high >= truth - ROUNDING,
    width: (high - low) / unit,
  };
}

function poolsOf(one: StartupCase, numbers: FittedNumbers): Measurement[] {
  const total = one.total_gib_per_gpu ?? one.total_gib_hint;
  const logged = one.reported.available_kv_gib;
  if (total === null || logged === null || one.reported.weights_gib === null) return [];
  const truth = Math.max(0, logged) * GIB;
  const measured = (weights: 'given' | 'fromConfig', ...figures: string[]): Measurement[] => {
    const core = corePlanOf(requestOf(one, weights), { numbers });
    const [gpu] = gpuPlansOf(core);
    const ours = gpu?.kvCacheBytes ?? 0;
    const range = rangeOf(rangesOf(core).kvCacheBytes, ours, truth, total * GIB);
    const why = `${signed(ours - truth)} of KV on ${total.toFixed(1)} GiB: ${partsOff(one, gpu)}`;
    return figures.map((figure) => ({
      ...base(one),
      figure,
      error: Math.abs(ours - truth) / (total * GIB),
      range,
      why,
    }));
  };
  const core = corePlanOf(requestOf(one, 'given'), { numbers });
  const low = rangesOf(core).kvCacheBytes?.[0] ?? 0;
  const beyond = low > truth + ROUNDING + 0.02 * GIB;
  return [
    ...measured(
      'given',
      'KV pool, weights given',
      ...(one.total_gib_per_gpu === null ? [] : ['KV pool, weights given, total logged']),
    ),
    ...measured('fromConfig', 'KV pool, config alone'),
    // A guessed total can't show a broken promise.
    ...(one.total_gib_per_gpu === null
      ? []
      : [
          {
            ...base(one),
            figure: 'KV pool, promised beyond its range',
            error: beyond ? (low - truth) / (total * GIB) : 0,
            range: null,
            why: `at least ${gib(low)} promised, ${gib(truth)} logged`,
          },
        ]),
  ];
}

/** Which part of a plan is off where the log has that part, largest first. */
function partsOff(
  one: StartupCase,
  gpu: ReturnType<typeof gpuPlansOf>[number] | undefined,
): string {
  const { weights_gib, activation_peak_gib, non_torch_gib, cudagraph_gib } = one.reported;
  const parts = [
    ['weights', gpu?.weightsBytes, weights_gib],
    ['activation', gpu?.activationBytes, activation_peak_gib],
    ['non-torch', gpu?.nonTorchBytes, non_torch_gib],
    ['graphs', gpu?.graphBytes, cudagraph_gib],
  ] as const;
  const known = parts
    .flatMap(([name, ours, logged]) =>
      ours == null || logged === null ? [] : { name, off: ours - logged * GIB, logged },
    )
    .sort((a, b) => Math.abs(b.off) - Math.abs(a.off));
  const [worst] = known;
  const missing = parts.filter(([, , logged]) => logged === null).map(([name]) => name);
  const words = [
    worst && `${worst.name} ${signed(worst.off)} against ${worst.logged.toFixed(2)} GiB logged`,
    missing.length > 0 && `${missing.join(' and ')} not logged`,
    one.total_gib_per_gpu === null && 'card total not logged',
  ];
  return words.filter(Boolean).join('; ');
}

function partsOf(one: StartupCase, numbers: FittedNumbers): Measurement[] {
  const given = corePlanOf(requestOf(one, 'given'), { numbers });
  const fromConfig = corePlanOf(requestOf(one, 'fromConfig'), { numbers });
  const ranges = rangesOf(given);
  const [gpu] = gpuPlansOf(given);
  const { reported } = one;
  const part = (
    figure: string,
    ours: number | null | undefined,
    loggedGib: number | null,
    range: Range | undefined,
  ): Measurement[] => {
    if (ours == null || loggedGib === null) return [];
    const truth = loggedGib * GIB;
    return [
      {
        ...base(one),
        figure,
        error: Math.abs(ours - truth) / Math.max(truth, 0.05 * GIB),
        range: rangeOf(range, ours, truth, Math.max(truth, 0.05 * GIB)),
        why: `${gib(ours)} planned, ${gib(truth)} logged`,
      },
    ];
  };
  // Negative: the allocator gave back more than the graphs took (ground truth 2.7).
  const graphs = (reported.cudagraph_gib ?? -1) < 0.02 ? null : reported.cudagraph_gib;
  // Adapters of a rank that no log tells can't be counted.
  const countable =
    fromConfig.demand.basis === 'config' && !(one.extras.lora && loraRank(one) === null);
  const kind = one.quantization === null ? '16 bit' : 'quantized';
  return [
    ...part(
      'activation',
      gpu?.activationBytes,
      reported.activation_peak_gib,
      ranges.activationBytes,
    ),
    ...part('non-torch memory', gpu?.nonTorchBytes, reported.non_torch_gib, ranges.nonTorchBytes),
    ...part('CUDA graphs', gpu?.graphBytes, graphs, ranges.graphBytes),
    ...part(
      `weights, ${kind}, config alone`,
      countable ? fromConfig.demand.weightsAt[0]?.bytes : null,
      reported.weights_gib,
      rangesOf(fromConfig).weightsBytes,
    ),
    ...tokensOf(one, numbers),
  ];
}

function loraRank(one: StartupCase): unknown {
  return (one.extras.lora as { max_lora_rank?: unknown } | undefined)?.max_lora_rank ?? null;
}

/** The layout alone. A pool printed to 0.01 GiB is taken at the end that agrees best. */
function tokensOf(one: StartupCase, numbers: FittedNumbers): Measurement[] {
  const { available_kv_gib: pool, kv_tokens: tokens, max_concurrency: concurrency } = one.reported;
  if (pool === null || pool < 0.5 || (tokens === null && concurrency === null)) return [];
  const kvCache = kvCachePlanOf(corePlanOf(requestOf(one, 'given', 'given'), { numbers }));
  const ratio =
    tokens === null
      ? (kvCache.maxConcurrency ?? 0) / (concurrency ?? 1)
      : (kvCache.tokens ?? 0) / tokens;
  const rounding = 0.006 / pool + 0.001;
  return [
    {
      ...base(one),
      figure: 'KV tokens, pool given',
      error: Math.max(0, Math.abs(ratio - 1) - rounding),
      range: null,
      why: `${((ratio - 1) * 100).toFixed(2)} % off, ${(rounding * 100).toFixed(2)} % is the rounding of the pool`,
    },
  ];
}

function verdictsOf(one: StartupCase, numbers: FittedNumbers): Measurement[] {
  const { outcome } = one.reported;
  // Without a card there is nothing to judge.
  if (outcome === 'failed-other' || requestOf(one, 'given').gpus.length === 0) return [];
  return (['given', 'fromConfig'] as const).flatMap((weights): Measurement[] => {
    const core = corePlanOf(requestOf(one, weights), { numbers });
    const { verdict, reason } = core.outcome;
    const called = (figure: string, wrong: Verdict): Measurement => ({
      ...base(one),
      figure,
      error: Number(verdict === wrong),
      range: null,
      why: `${weights === 'given' ? 'weights given' : 'config alone'}, ${outcome}: ${verdict}, ${reason}`,
    });
    if (outcome !== 'ok') return [called('memory failures called fits', 'fits')];
    // Only starts without caveats can show a wrong "doesNotFit"; the others may not have run as recorded.
    return [
      ...(isStrict(one) ? [called('good starts called doesNotFit', 'doesNotFit')] : []),
      called('good starts called tight', 'tight'),
      called('good starts called unknown', 'unknown'),
    ];
  });
}
