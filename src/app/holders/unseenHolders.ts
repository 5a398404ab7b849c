/** Memory of a GPU that no listed process accounts for, in words, with the setting that would show who holds it. */
import type { Gpu } from '../../gpu/gpu';
import { unseenBytes } from '../../processes/unseenMemory';
import { formatGib } from '../../shared/units';
import type { AppState } from '../state';

export interface UnseenHolders {
  readonly text: string;
  /** One sentence each. */
  readonly reasons: readonly string[];
}

/** Where nothing hides from us. */
const NO_BLIND_SPOT =
  'Nothing is listed for it: a process stuck in the kernel, one that the tool does not tell of, or the driver itself.';

/** null: nothing worth saying, or not known. */
export function unseenHoldersOf(
  { gpu: { simulated, sample }, blindSpots }: Pick<AppState, 'gpu' | 'blindSpots'>,
  gpu: Gpu,
): UnseenHolders | null {
  const isTold = !simulated && !sample?.processesPending;
  const bytes = isTold ? unseenBytes(gpu, sample?.processes ?? []) : null;
  if (bytes === null) return null;
  return {
    text: `${formatGib(bytes, 1)} unseen`,
    reasons: blindSpots.length > 0 ? blindSpots : [NO_BLIND_SPOT],
  };
}
