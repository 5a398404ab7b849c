/**
 * vLLM takes its share of the whole card at once, and refuses to start (from 0.9.1 on) when less than that is free.
 * This says so before the launch: the planner's check of the share, and who holds the memory that is missing. What is
 * kept for Ollama is our own rule, of which vLLM knows nothing: a share that is too large only for that does start.
 */
import { startCheck } from '../src/planner/plan';
import { startCheckSentence } from '../src/planner/vllm/startCheck';
import { formatGib } from '../src/shared/units';
import type { PlanRequest } from '../src/shared/planRequest';
import type { Snapshot } from '../src/shared/protocol';
import type { Priced } from './planning';

export interface Shortfall {
  /** What comes of it: the check refuses, an older version goes on without one, or it starts on what is Ollama's. */
  readonly kind: 'refused' | 'runsOut' | 'takesOllamas';
  readonly missingBytes: number;
  /** Share that starts with what is free now; null when none would do. */
  readonly share: number | null;
  readonly text: string;
}

/** null when every card has enough free, when nothing is known, and for an engine without such a check. */
export function findShortfall(
  { request, plan }: Pick<Priced, 'request' | 'plan'>,
  holders: Snapshot['holders'],
): Shortfall | null {
  const { effective = null, smallest = null } = plan.utilization ?? {};
  if (effective === null) return null;
  const check = startCheck(request, effective, smallest);
  if (check === null || check.passes) return null;
  const holder = nameHolder(holders, check.gpu, check.shortBytes);
  return {
    kind: kindOf(request, effective, smallest),
    missingBytes: check.shortBytes,
    share: check.suggested,
    text: `${startCheckSentence(check, holder)}.`,
  };
}

function kindOf(
  request: PlanRequest,
  utilization: number,
  smallest: number | null,
): Shortfall['kind'] {
  const coexistence = { safetyBufferBytes: request.coexistence?.safetyBufferBytes };
  const check = startCheck({ ...request, coexistence }, utilization, smallest);
  if (check?.passes === true) return 'takesOllamas';
  return check?.refuses === false ? 'runsOut' : 'refused';
}

/** The smallest holder that would do alone, else the largest there is. */
function nameHolder(holders: Snapshot['holders'], gpu: number, missing: number): string | null {
  const here = holders
    .filter((holder) => holder.gpus.includes(gpu) && (holder.usedBytes ?? 0) > 0)
    .sort((a, b) => (a.usedBytes ?? 0) - (b.usedBytes ?? 0));
  const named = here.find((holder) => (holder.usedBytes ?? 0) >= missing) ?? here.at(-1);
  if (named === undefined) return null;
  const label = named.label === '' ? '' : `: ${named.label}`;
  return `PID ${named.pid} holds ${formatGib(named.usedBytes, 1)}${label}`;
}
