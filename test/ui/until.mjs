import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until `holds` answers something truthy and hands it back. */
export async function until(holds, what, timeoutMs = 60_000) {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const answer = await holds();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${what} did not come within ${timeoutMs} ms`);
    await sleep(200);
  }
}
