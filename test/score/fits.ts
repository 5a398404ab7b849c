/**
 * Fits the planner's numbers again from recorded starts. Each start says what a number would have to be for its own log
 * to come out exactly, everything else as planned; the fit is the median of what they say. A median, because a start
 * whose settings are not what its log tells would drag a mean along.
 */
import { budgetBytes } from '../../src/planner/vllm/budget';
import { demandOf, type Demand } from '../../src/planner/vllm/demand';
import {
  FITTED_FACTS,
  type FittedName,
  type FittedNumber,
  type FittedNumbers,
  type FittedRange,
} from '../../src/planner/vllm/fittedNumbers';
import { encodedTokens, graphFactor } from '../../src/planner/vllm/overheads';
import { GIB, MIB } from '../../src/shared/units';
import { isStrict, requestOf, type StartupCase } from '../support/startupCases';

interface Seen {
  readonly one: StartupCase;
  readonly demand: Demand;
  readonly numbers: FittedNumbers;
}

/** What the start says the number is; null: it does not tell. */
type Implied = (seen: Seen) => number | null;

/** The profile's peak as logged, else what the budget leaves for it. */
function activationBytes({ one, demand }: Seen): number | null {
  const {
    activation_peak_gib: logged,
    weights_gib: weights,
    available_kv_gib: pool,
  } = one.reported;
  if (logged !== null) return logged * GIB;
  if (weights === null || pool === null || demand.settings.cards.length === 0) return null;
  const used = one.gpu_memory_utilization ?? demand.settings.rules.defaultUtilization;
  const graphs = demand.graphsInside ? demand.graphs.bytes : 0;
  return budgetBytes(demand, 0, used) - (weights + pool) * GIB - demand.nonTorch.bytes - graphs;
}

const samplerOf =
  (wanted: boolean): Implied =>
  (seen) => {
    const { settings, shape } = seen.demand;
    // Where the version leaves it open, only a start that is nearer to one of the two says anything about it.
    const isSampler = !settings.vision && !settings.pooling && shape?.vocab != null;
    const peak = activationBytes(seen);
    if (!isSampler || shape.hidden === null || peak === null) return null;
    const tokens = settings.maxNumBatchedTokens;
    const kept = seen.numbers.keptHidden.value * tokens * shape.hidden * settings.elementBytes;
    const perLogit = (peak - kept) / (settings.likelySeqs * shape.vocab);
    // With few sequences the transformer's peak covers the sampler's.
    if (settings.likelySeqs < 64) return null;
    return perLogit < 25 === wanted ? perLogit : null;
  };

/** Graphs of a start by what applies to it; null where none were captured or logged. */
const graphs =
  (only: (seen: Seen) => boolean, solve: (bytes: number, seen: Seen) => number | null): Implied =>
  (seen) => {
    const logged = seen.one.reported.cudagraph_gib;
    if (logged === null || logged < 0.02 || seen.demand.settings.captureSizes === 0) return null;
    return only(seen) ? solve(logged * GIB, seen) : null;
  };

const factorOf = ({ demand, numbers }: Seen): number =>
  graphFactor(demand.shape, demand.settings, numbers);

const has = {
  experts: ({ demand }: Seen) => Boolean(demand.shape?.experts) || Boolean(demand.shape?.mla),
  parallel: ({ demand }: Seen) => demand.settings.tensorParallel > 1,
  lora: ({ demand }: Seen) => demand.settings.options.enableLora === true,
  v0: ({ demand }: Seen) => demand.settings.engine === 'v0',
};

const isPlain = (seen: Seen): boolean => {
  const { shape, weights } = seen.demand;
  const isSpecial = Boolean(shape?.state) || shape?.hasVision === true || weights.format !== null;
  return !isSpecial && !Object.values(has).some((applies) => applies(seen));
};

/** Only the factor asked for applies: logged against the same start without it. */
const graphFactorOf = (which: keyof typeof has): Implied =>
  graphs(
    (seen) =>
      has[which](seen) &&
      !has.v0(seen) &&
      Object.entries(has).every(([name, applies]) => name === which || !applies(seen)),
    (bytes, seen) => (bytes / seen.demand.graphs.bytes) * factorOf(seen),
  );

const nonTorch =
  (parallel: boolean, dataCentre: boolean): Implied =>
  ({ one, demand, numbers }) => {
    const logged = one.reported.non_torch_gib;
    const { tensorParallel, cards } = demand.settings;
    if (logged === null || tensorParallel > 1 !== parallel) return null;
    if ((cards[0]?.dataCentre ?? false) !== dataCentre) return null;
    if (!parallel) return logged;
    return logged - (dataCentre ? numbers.nonTorchDataCentre : numbers.nonTorchOther).value;
  };

const IMPLIED: Partial<Record<FittedName, Implied>> = {
  sortedSampler: samplerOf(false),
  flashinferSampler: samplerOf(true),
  nonTorchDataCentre: nonTorch(false, true),
  nonTorchOther: nonTorch(false, false),
  nonTorchLinked: nonTorch(true, true),
  nonTorchBus: nonTorch(true, false),
  graphBase: graphs(
    (seen) => isPlain(seen) && seen.demand.settings.captureSizes <= 5,
    (bytes) => bytes / MIB,
  ),
  graphPerLayer: graphs(
    (seen) => isPlain(seen) && seen.demand.settings.captureSizes > 20,
    (bytes, { demand, numbers }) => {
      const { settings, shape } = demand;
      const full = settings.rules.captureStep === 'fine' ? 67 : 51;
      const sizes = ((shape?.layers ?? 36) * settings.captureSizes) / full;
      return (bytes / MIB - numbers.graphBase.value) / sizes;
    },
  ),
  graphExperts: graphFactorOf('experts'),
  graphParallel: graphFactorOf('parallel'),
  graphLoraBase: graphs(
    (seen) => has.lora(seen) && !has.v0(seen),
    (bytes, { demand, numbers }) =>
      (bytes - demand.graphs.bytes) / MIB + numbers.graphLoraBase.value,
  ),
  graphLoraV0: graphs(
    (seen) => has.lora(seen) && has.v0(seen),
    (bytes, seen) => (bytes / seen.demand.graphs.bytes) * factorOf(seen),
  ),
  encoderPerToken: (seen) => {
    const { settings, shape } = seen.demand;
    const peak = activationBytes(seen);
    if (!settings.vision || peak === null || shape?.family.startsWith('gemma')) return null;
    const tokens = encodedTokens(shape, settings.maxNumBatchedTokens);
    return (peak * settings.tensorParallel) / MIB / tokens;
  },
};

export interface Fit {
  readonly name: FittedName;
  readonly value: number;
  readonly fitted: number;
  readonly cases: readonly string[];
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? 0, sorted[middle] ?? 0];
  return (low + high) / 2;
};

/** Each number that can be fitted to these starts; the others keep what they are. */
export function fitsTo(cases: readonly StartupCase[], numbers: FittedNumbers): Fit[] {
  const seen = cases
    .filter(isStrict)
    .map((one) => ({ one, demand: demandOf(requestOf(one, 'given'), { numbers }), numbers }));
  return names().flatMap((name) => {
    const implied = IMPLIED[name];
    if (!implied) return [];
    const found = seen.flatMap((each) => {
      const value = implied(each);
      return value !== null && Number.isFinite(value) && value > 0
        ? [{ id: each.one.id, value }]
        : [];
    });
    if (found.length === 0) return [];
    const fitted = median(found.map((one) => one.value));
    return [{ name, value: numbers[name].value, fitted, cases: found.map((one) => one.id) }];
  });
}

const names = (): FittedName[] => Object.keys(FITTED_FACTS) as FittedName[];

/** The numbers with the fits in place; ranges move along with their values. */
export function withFits(numbers: FittedNumbers, fits: readonly Fit[]): FittedNumbers {
  const changed: Partial<Record<FittedName, FittedNumber | FittedRange>> = {};
  for (const { name, fitted } of fits) {
    const before = numbers[name];
    const scale = fitted / before.value;
    changed[name] =
      'low' in before
        ? { value: fitted, low: before.low * scale, high: before.high * scale }
        : { value: fitted };
  }
  return { ...numbers, ...changed } as FittedNumbers;
}
