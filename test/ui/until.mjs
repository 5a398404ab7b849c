import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until `holds` answers something truthy, whatever the clock does, and hands it back.
 * @param tries what throws is tried again, and thrown only when the time is over
 */
export async function until(holds, what, timeoutMs = 60_000, { tries = false } = {}) {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const isLast = performance.now() > end;
    try {
      const answer = await holds();
      if (answer) return answer;
    } catch (error) {
      if (!tries || isLast) throw error;
    }
    if (isLast) throw new Error(`${what} did not come within ${timeoutMs} ms`);
    await sleep(100);
  }
}
