/** Rules of thumb for the share to choose (product.md 2, 4 and 5). They advise; no plan follows them by itself. */
import type { Advice } from '../../shared/planAnswer';
import type { PlanOptions } from '../../shared/planRequest';
import { describeKnown, profilesForCard } from '../knownProfiles';
import type { CorePlan } from './corePlan';
import { wordBits } from './quantization';
import { fourBitChange, type Remedy } from './remedies';

interface Band {
  /** Billions of parameters, exclusive. */
  readonly below: number;
  readonly low: number;
  readonly high: number;
  readonly words: string;
}

const BANDS: readonly Band[] = [
  { below: 3, low: 0.5, high: 0.6, words: 'below 3B' },
  { below: 7, low: 0.6, high: 0.7, words: '3 to 7B' },
  { below: 13, low: 0.7, high: 0.8, words: '7 to 13B' },
  { below: Infinity, low: 0.8, high: 0.9, words: 'above 13B' },
];

/** Where nothing but the size is known. */
const THIN: readonly { below: number; change: PlanOptions; fourBit: boolean; words: string }[] = [
  {
    below: 7,
    change: { gpuMemoryUtilization: 0.5 },
    fourBit: false,
    words: 'below 7B: 0.50, no quantization',
  },
  {
    below: 14.01,
    change: { gpuMemoryUtilization: 0.9 },
    fourBit: true,
    words: '7 to 14B: 0.90 and 4 bit',
  },
  {
    below: Infinity,
    change: { gpuMemoryUtilization: 0.95, maxModelLen: 2048 },
    fourBit: true,
    words: 'above 14B: 0.95, 4 bit, 2,048 tokens',
  },
];

/** Billions of parameters; null where only a default size was taken. */
function billionsOf(core: CorePlan): number | null {
  const { demand } = core;
  if (demand.basis === 'default') return null;
  const { format } = demand.weights;
  const bits = format ? format.bytesPerWeight * 8 : (wordBits(demand.request.model.name) ?? 16);
  return (demand.weights.totalBytes * 8) / bits / 1e9;
}

/** One entry where the share lies outside the band of the model's size. */
export function guidanceOf(core: CorePlan): Advice[] {
  const { choice, outcome } = core;
  const billions = billionsOf(core);
  if (choice.auto || choice.effective === null || billions === null) return [];
  const band = BANDS.find((row) => billions < row.below);
  if (!band || (choice.used >= band.low - 0.001 && choice.used <= band.high + 0.001)) return [];
  return [
    {
      id: 'guidance-utilization',
      change: {},
      savesBytes: null,
      verdictAfter: outcome.verdict,
      why: `Rule of thumb for models ${band.words}: ${band.low.toFixed(1)} to ${band.high.toFixed(1)}; with a desktop on the card 0.5 to 0.6, dedicated 0.8 to 0.85, server only 0.9 to 0.95.`,
    },
  ];
}

/** What product.md 4 starts with for a size when only a name is known; null: more is known, or no size at all. */
export function thinGuidance(core: CorePlan): Remedy | null {
  const billions = billionsOf(core);
  if (core.demand.basis !== 'name' || billions === null) return null;
  const row = THIN.find((one) => billions < one.below);
  if (!row) return null;
  return {
    id: 'guidance-thin-facts',
    change: { ...row.change, ...(row.fourBit ? fourBitChange(core) : null) },
    why: `Rule of thumb for a name alone, ${row.words}.`,
    harm: THIN_HARM,
    alone: true,
  };
}

/** After all that is computed. */
const THIN_HARM = 100;

/** Settings with which people have run this model on such a card, where nothing but its name is known (product.md 5). */
export function knownGuidance(core: CorePlan): Remedy | null {
  const profile = profilesHere(core).find(({ result }) => result === 'works');
  if (!profile) return null;
  return {
    id: 'known-profile',
    change: profile.options,
    why: `Known result: ${describeKnown(profile)}.`,
    harm: THIN_HARM,
    alone: true,
  };
}

/** Empty where more than a name is known. */
export function profilesHere({ request, demand }: Pick<CorePlan, 'request' | 'demand'>) {
  const { name } = request.model;
  const { cards } = demand.settings;
  if (demand.basis !== 'name' || name == null || cards.length === 0) return [];
  const smallest = Math.min(...cards.map((card) => card.totalBytes));
  return profilesForCard(name, smallest, request.knownProfiles ?? []);
}

/** product.md 5: which share a model of weights plus KV estimate suggests for its card. */
export function decisionStep(modelBytes: number, totalBytes: number): string {
  const share = modelBytes / totalBytes;
  const percent = `Model and KV estimate take ${(share * 100).toFixed(0)} % of the card`;
  if (share > 0.9) return `${percent}: it won't fit, try quantization or a smaller one`;
  if (share > 0.8) return `${percent}: tight, 0.80 and eager, consider a shorter context`;
  if (share > 0.7) return `${percent}: 0.85`;
  return `${percent}: 0.90`;
}
