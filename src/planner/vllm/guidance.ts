/** Rules of thumb for the share to choose (product.md 2 and 4). They advise; no plan follows them by itself. */
import type { Advice } from '../../shared/planAnswer';
import type { CorePlan } from './corePlan';
import { wordBits } from './quantization';

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

/** One entry where the size is known and the share lies outside its band. */
export function guidanceOf(core: CorePlan): Advice[] {
  const { demand, choice, outcome } = core;
  if (choice.auto || choice.effective === null || demand.basis === 'default') return [];
  const format = demand.weights.format;
  const bits = format ? format.bytesPerWeight * 8 : (wordBits(demand.request.model.name) ?? 16);
  const billions = (demand.weights.total * 8) / bits / 1e9;
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
