/** Waits until `holds` is true, whatever the clock does; says what it waited for when it never was. */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`${what} did not come within ${String(timeoutMs)} ms`);
    await new Promise((next) => setTimeout(next, 50));
  }
}
