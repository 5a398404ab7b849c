/** A clock that jumps instead of running. */
import type { Clock } from '../../src/app/ports';

/** `sleep` does not wait: it moves the time on, running on the way what was planned with `after`. */
export class FakeClock implements Clock {
  private jumpedMs = 0;
  private planned: { atMs: number; run: () => void }[] = [];

  constructor(public nowMs = 1_800_000_000_000) {}

  now(): number {
    return this.nowMs + this.jumpedMs;
  }

  elapsedMs(): number {
    return this.nowMs;
  }

  /** The wall clock is set; time itself goes on as before. */
  jump(ms: number): void {
    this.jumpedMs += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted !== true) this.advance(ms);
    return Promise.resolve();
  }

  after(ms: number, run: () => void): void {
    this.planned.push({ atMs: this.nowMs + ms, run });
    this.planned.sort((a, b) => a.atMs - b.atMs);
  }

  advance(ms: number): void {
    const end = this.nowMs + ms;
    for (let next = this.planned[0]; next && next.atMs <= end; next = this.planned[0]) {
      this.planned.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = end;
  }
}
