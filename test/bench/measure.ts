/** Timings of a call: warmed up, then repeated; the middle and the slow end of its calmest round. */
export interface Timing {
  readonly runs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

/** Rounds of which the calmest counts: others on the machine, and V8 while it still compiles, only add to a call. */
const ROUNDS = 3;

export async function timingOf(runs: number, call: () => unknown): Promise<Timing> {
  for (let i = 0; i < Math.max(3, runs / 10); i++) await call();
  const rounds: Timing[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await roundOf(runs, call));
  return rounds.reduce((best, one) => (one.p95Ms < best.p95Ms ? one : best));
}

async function roundOf(runs: number, call: () => unknown): Promise<Timing> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    const startMs = performance.now();
    await call();
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) =>
    Number((times[Math.min(runs - 1, Math.floor(runs * share))] ?? 0).toFixed(3));
  return { runs, p50Ms: at(0.5), p95Ms: at(0.95) };
}
