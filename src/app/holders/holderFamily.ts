/** Who would be ended, for the question that comes before. */
import type { Holder } from '../../processes/process';

/** The chosen ones and all that go with them: the question names everybody it is about. */
export function familyOf(chosen: readonly Holder[], holders: readonly Holder[]): readonly Holder[] {
  const wanted = new Map(chosen.map((holder) => [holder.pid, holder]));
  // a Map hands out what is added while it is walked
  for (const { goesWith } of wanted.values())
    for (const pid of goesWith ?? []) {
      const relative = holders.find((holder) => holder.pid === pid);
      if (relative) wanted.set(pid, relative);
    }
  return [...wanted.values()];
}
