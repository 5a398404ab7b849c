/** The check of a chosen share against what is free now, with the figures for the page's warning (product.md 2). */
import { formatGib } from '../../shared/units';
import { budgetBytes, freeFor, reservation } from './budget';
import type { Demand } from './demand';

export interface StartCheck {
  /** The card that lacks most, in rank order; the figures below are this card's. */
  readonly gpu: number;
  /** Cards that the server takes. */
  readonly gpuCount: number;
  /** The server's own context is on every card before the check, so it counts. */
  readonly passes: boolean;
  readonly utilization: number;
  /** What CUDA sees of the card: vLLM multiplies the share with this. */
  readonly totalBytes: number;
  readonly wantedBytes: number;
  /** Without what is kept for Ollama. */
  readonly freeBytes: number;
  readonly keptBytes: number;
  /** What has to become free: for the share, or where that is free, for the context too; 0 where it passes. */
  readonly shortBytes: number;
  /** `smallest` as given: below it the model does not start. */
  readonly smallest: number | null;
  /**
   * Largest step of 0.05 that passes on every card, leaves the head room and starts the model; where no step does, the
   * largest hundredth that passes and starts it; null: none does.
   */
  readonly suggested: number | null;
  /** The next step of 0.05 up and what it leaves free; null where it wants more than is free, or no step is suggested. */
  readonly next: { readonly utilization: number; readonly leavesBytes: number } | null;
  /** This version refuses to start (0.9.1 and newer); older ones run out of memory instead. */
  readonly refuses: boolean;
  /** `startCheckSentence` without a holder. */
  readonly sentence: string;
}

interface KnownCard {
  readonly gpu: number;
  readonly totalBytes: number;
  readonly freeBytes: number;
}

const STEP = 0.05;

/**
 * The check on the card that lacks most; null where free memory is not known for any card.
 * @param smallest share from which the model starts (the plan's `utilization.smallest`); null: not known
 */
export function startCheckOf(
  demand: Demand,
  utilization: number,
  smallest: number | null,
): StartCheck | null {
  const cards = knownCards(demand);
  const leaves = (card: KnownCard, share: number): number =>
    card.freeBytes - budgetBytes(demand, card.gpu, share);
  const worst = cards.toSorted((a, b) => leaves(a, utilization) - leaves(b, utilization))[0];
  if (worst === undefined) return null;
  const { gpu, totalBytes, freeBytes } = worst;
  const wantedBytes = budgetBytes(demand, gpu, utilization);
  const context = demand.context.bytes;
  const keptBytes = reservation(demand, gpu);
  const passes = wantedBytes <= freeBytes - context;

  const headroom = demand.request.coexistence?.safetyBufferBytes ?? 0;
  const step = floorTo(STEP, shareBeside(cards, Math.max(context, headroom)));
  const finer = floorTo(0.01, shareBeside(cards, context));
  const stepStarts = step >= Math.max(STEP, smallest ?? 0);
  const finerStarts = smallest !== null && finer >= smallest;
  const suggested = stepStarts ? step : finerStarts ? finer : null;

  const above = floorTo(STEP, step + STEP);
  const leavesBytes = Math.min(...cards.map((card) => leaves(card, above)));
  const hasNext = stepStarts && leavesBytes > 0 && above < utilization - 1e-9;
  const check = {
    gpu,
    gpuCount: demand.settings.cards.length,
    passes,
    utilization,
    totalBytes,
    wantedBytes,
    freeBytes,
    keptBytes,
    shortBytes: passes ? 0 : wantedBytes - freeBytes + (wantedBytes > freeBytes ? 0 : context),
    smallest,
    suggested,
    next: hasNext ? { utilization: above, leavesBytes } : null,
    refuses: demand.settings.rules.freeCheck && !startsWithoutKeeping(demand, gpu, wantedBytes),
  };
  return { ...check, sentence: startCheckSentence(check) };
}

/** Too much only for what is kept for Ollama: of that vLLM knows nothing. */
function startsWithoutKeeping(demand: Demand, gpu: number, wantedBytes: number): boolean {
  const free = demand.settings.cards[gpu]?.freeBytes ?? 0;
  return reservation(demand, gpu) > 0 && wantedBytes <= free - demand.context.bytes;
}

function knownCards(demand: Demand): KnownCard[] {
  return demand.settings.cards.flatMap(({ cudaBytes }, gpu) => {
    const freeBytes = freeFor(demand, gpu);
    return freeBytes === null ? [] : [{ gpu, totalBytes: cudaBytes, freeBytes }];
  });
}

/** Share that every card has free beside `bytes`. */
const shareBeside = (cards: readonly KnownCard[], bytes: number): number =>
  Math.min(1, ...cards.map((card) => (card.freeBytes - bytes) / card.totalBytes));

/** 0.1 + 0.2 must not cost a step. */
const floorTo = (step: number, share: number): number =>
  Number((Math.floor(share / step + 1e-9) * step).toFixed(2));

/**
 * The arithmetic and the ways out, without a full stop:
 * `0.80 × 23.56 GiB = 18.85 GiB wanted, 17.88 GiB free: choose 0.70 (0.75 leaves 0.2 GiB) or free 0.97 GiB (HOLDER)`.
 * @param holder who holds what would have to become free, in words
 */
export function startCheckSentence(
  check: Omit<StartCheck, 'sentence'>,
  holder: string | null = null,
): string {
  const { utilization, wantedBytes, freeBytes, suggested, next, smallest } = check;
  const card = check.gpuCount > 1 ? `GPU ${String(check.gpu)}: ` : '';
  const kept = check.keptBytes > 0 ? ` beside ${formatGib(check.keptBytes)} kept for Ollama` : '';
  const sum = `${card}${shareText(utilization)} × ${formatGib(check.totalBytes)} = ${formatGib(wantedBytes)} wanted, ${formatGib(freeBytes)} free${kept}`;
  if (check.passes) return sum;
  const context = wantedBytes > freeBytes ? '' : ', less what the server’s own context takes first';
  const aside = next
    ? ` (${shareText(next.utilization)} leaves ${formatGib(next.leavesBytes, 1)})`
    : '';
  const ways = [
    suggested === null ? '' : `choose ${shareText(suggested)}${aside}`,
    `free ${formatGib(check.shortBytes)}${holder === null ? '' : ` (${holder})`}`,
    suggested === null && smallest !== null
      ? `a smaller model: this one starts from ${shareText(smallest)}`
      : '',
  ];
  return `${sum}${context}: ${ways.filter(Boolean).join(' or ')}`;
}

/** `0.7` → `"0.70"`, `0.725` → `"0.725"`. */
const shareText = (share: number): string => share.toFixed(4).replace(/0{1,2}$/, '');
