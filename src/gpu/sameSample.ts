/** What a new sample says once more keeps its identity, so that nobody who compares by it draws or judges again. */
import type { GpuSample } from './gpu';

/** `sample` with the parts of `before` that say the same; `before` itself where all do. */
export function keepSame(before: GpuSample | null, sample: GpuSample): GpuSample {
  if (!before || before.processesPending) return sample;
  const gpus = sameOr(before.gpus, sample.gpus);
  const processes = sameOr(before.processes, sample.processes);
  const problems = sameOr(before.problems, sample.problems);
  const isSame =
    gpus === before.gpus && processes === before.processes && problems === before.problems;
  return isSame ? before : { gpus, processes, problems };
}

function sameOr<T>(before: T, now: T): T {
  return JSON.stringify(before) === JSON.stringify(now) ? before : now;
}
