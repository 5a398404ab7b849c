/** The check of a chosen share against what is free now, with the figures for the page's warning (product.md 2). */
import { formatGib } from '../../shared/units';
import { budgetBytes } from './budget';
import type { Demand } from './demand';

export interface StartCheck {
  readonly gpu: number;
  readonly passes: boolean;
  readonly utilization: number;
  readonly totalBytes: number;
  readonly wantedBytes: number;
  readonly freeBytes: number;
  /** What has to become free for the wanted share; 0 where it is. */
  readonly shortBytes: number;
  /** Largest step of 0.05 that passes with room for the server's own context; null: none does. */
  readonly suggested: number | null;
  /** The next step up and what it leaves free; null where it wants more than is free. */
  readonly next: { readonly utilization: number; readonly leavesBytes: number } | null;
  /** This version refuses to start (0.9.1 and newer); older ones run out of memory instead. */
  readonly refuses: boolean;
  readonly sentence: string;
}

const STEP = 20; // steps of 0.05

/** The worst card's check; null where free memory is not known for any card. */
export function startCheckOf(demand: Demand, utilization: number): StartCheck | null {
  const checks = demand.settings.cards
    .map((_, gpu) => checkCard(demand, gpu, utilization))
    .filter((check) => check !== null);
  if (checks.length === 0) return null;
  return checks.reduce((worst, check) =>
    check.freeBytes - check.wantedBytes < worst.freeBytes - worst.wantedBytes ? check : worst,
  );
}

function checkCard(demand: Demand, gpu: number, utilization: number): StartCheck | null {
  const card = demand.settings.cards[gpu];
  if (card?.freeBytes == null) return null;
  const total = card.cudaBytes;
  const free = card.freeBytes;
  const wanted = budgetBytes(demand, gpu, utilization);
  const passes = wanted <= free - demand.context.bytes;
  const step = Math.floor(((free - demand.context.bytes) / total) * STEP + 1e-9) / STEP;
  const suggested = step >= 1 / STEP ? step : null;
  const above = Math.round(((suggested ?? 0) + 1 / STEP) * 100) / 100;
  const leaves = free - budgetBytes(demand, gpu, above);
  const next =
    leaves > 0 && above < utilization ? { utilization: above, leavesBytes: leaves } : null;
  const base = {
    gpu,
    passes,
    utilization,
    totalBytes: total,
    wantedBytes: wanted,
    freeBytes: free,
    shortBytes: Math.max(0, wanted - free),
    suggested,
    next,
    refuses: demand.settings.rules.freeCheck,
  };
  return { ...base, sentence: sentenceOf(base) };
}

function sentenceOf(check: Omit<StartCheck, 'sentence'>): string {
  const sum = `${check.utilization.toFixed(2)} × ${formatGib(check.totalBytes)} = ${formatGib(check.wantedBytes)} wanted, ${formatGib(check.freeBytes)} free`;
  if (check.passes) return sum;
  const next = check.next
    ? ` (${check.next.utilization.toFixed(2)} leaves ${formatGib(check.next.leavesBytes, 1)})`
    : '';
  const choose = check.suggested === null ? '' : `choose ${check.suggested.toFixed(2)}${next}`;
  const short = check.shortBytes > 0 ? `free ${formatGib(check.shortBytes)}` : '';
  const ways = [choose, short].filter(Boolean).join(' or ');
  return `${sum}: ${ways || 'nothing is left for it'}`;
}
