/** Timings of a call: warmed up, then repeated; the middle and the slow end of what was seen. */
export interface Timing {
  readonly runs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export async function timingOf(runs: number, call: () => unknown): Promise<Timing> {
  for (let i = 0; i < Math.max(3, runs / 10); i++) await call();
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
