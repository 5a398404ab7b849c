/**
 * vLLM takes its share of the whole card at once, and refuses to start (from 0.9.1 on) when less than that is free.
 * This says so before the launch, with the arithmetic and a way out.
 */
import { formatGib } from '../src/shared/units';
import type { Plan } from '../src/shared/planAnswer';
import type { Snapshot } from '../src/shared/protocol';
import { formatShare } from './scales';

export interface Shortfall {
  readonly gpuIndex: number;
  readonly wantedBytes: number;
  readonly freeBytes: number;
  readonly missingBytes: number;
  /** Largest step of the slider that leaves the head room and still starts; null when no share would do. */
  readonly share: number | null;
  readonly text: string;
}

const STEP = 0.05;
/** Shares below this hold no model worth the name. */
const LEAST_SHARE = 0.05;

/**
 * The GPU that lacks most under the plan's share; null when every card has enough free, or when nothing is known.
 * The server's own context comes first, so the largest share that starts may be less than what is free.
 */
export function findShortfall(
  plan: Plan,
  holders: Snapshot['holders'],
  headroomBytes: number,
): Shortfall | null {
  const share = plan.utilization?.effective ?? null;
  if (share === null) return null;
  const { smallest, largest } = plan.utilization ?? { smallest: null, largest: null };
  const tooLarge = largest !== null && share > largest + 1e-9;
  let worst: { index: number; total: number; free: number; wanted: number } | null = null;
  for (const gpu of plan.perGpu) {
    if (gpu.freeBytes === null) continue;
    const wanted = share * gpu.totalBytes;
    if (wanted <= gpu.freeBytes && !tooLarge) continue;
    if (worst === null || wanted - gpu.freeBytes > worst.wanted - worst.free) {
      worst = { index: gpu.index, total: gpu.totalBytes, free: gpu.freeBytes, wanted };
    }
  }
  if (worst === null) return null;
  const { index, total, free, wanted } = worst;
  const missingBytes = wanted > free ? wanted - free : (share - (largest ?? share)) * total;
  const starts = (candidate: number | null): candidate is number =>
    candidate !== null && candidate >= (smallest ?? 0) && candidate <= (largest ?? 1);
  const step = largestStep(total, free - headroomBytes);
  const proposal = [step, largest].find(starts) ?? null;
  const choices = [`free ${formatGib(missingBytes)}${nameHolder(holders, index, missingBytes)}`];
  if (proposal === null) {
    if (smallest !== null)
      choices.push(`a smaller model: this one starts from ${formatShare(smallest)}`);
  } else {
    const next = Math.round(proposal / STEP + 1) * STEP;
    const leaves = free - next * total;
    const aside =
      proposal === step && leaves >= 0 && next < share - 1e-9
        ? ` (${next.toFixed(2)} leaves ${formatGib(leaves, 1)})`
        : '';
    choices.unshift(`choose ${formatShare(proposal)}${aside}`);
  }
  const context = wanted > free ? '' : ', less what the server’s own context takes first';
  const card = plan.perGpu.length > 1 ? `GPU ${index}: ` : '';
  return {
    gpuIndex: index,
    wantedBytes: wanted,
    freeBytes: free,
    missingBytes,
    share: proposal,
    text:
      `${card}${formatShare(share)} × ${formatGib(total)} = ${formatGib(wanted)} wanted, ` +
      `${formatGib(free)} free${context}: ${choices.join(' or ')}.`,
  };
}

function largestStep(total: number, available: number): number | null {
  const steps = Math.floor(available / total / STEP + 1e-9);
  const share = Math.min(0.95, Math.round(steps * STEP * 100) / 100);
  return share < LEAST_SHARE ? null : share;
}

/** The smallest holder that would do alone, else the largest there is. */
function nameHolder(holders: Snapshot['holders'], gpu: number, missing: number): string {
  const here = holders
    .filter((holder) => holder.gpus.includes(gpu) && (holder.usedBytes ?? 0) > 0)
    .sort((a, b) => (a.usedBytes ?? 0) - (b.usedBytes ?? 0));
  const named = here.find((holder) => (holder.usedBytes ?? 0) >= missing) ?? here.at(-1);
  if (named === undefined) return '';
  const label = named.label === '' ? '' : `: ${named.label}`;
  return ` (PID ${named.pid} holds ${formatGib(named.usedBytes, 1)}${label})`;
}
