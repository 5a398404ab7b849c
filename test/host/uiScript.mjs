// Runs one UI script: its default export drives the page from outside, so it survives a reload of the window.
import fs from 'node:fs';
import path from 'node:path';
import * as pageFunctions from '../ui/page.mjs';

/** Ends a script after its first failed step. */
class Enough extends Error {}

/**
 * Collects named steps in order; a failed one is kept (with a picture) and the script goes on.
 * @param endsEarly not after a failed step: all will be tried again
 */
export async function runScript({ body, hand, script, resultsFile, endsEarly = false }) {
  const name = path.basename(script, '.ui.mjs');
  const results = { passed: 0, failed: 0, skipped: 0, failures: [] };
  const fail = async (title, error) => {
    results.failed++;
    results.failures.push({ title: `${name}: ${title}`, error: error?.stack ?? String(error) });
    console.log(`    ✗ ${title}\n${error?.stack ?? error}`);
    await hand.picture(`${name}-${title}`);
    // a list, box or dialog that is left open must not be in the way of the next
    for (let press = 0; press < 2; press++)
      await hand.page.keyboard.press('Escape').catch(() => undefined);
  };
  const test = async (title, step) => {
    const startedAt = Date.now();
    try {
      await step();
      results.passed++;
      console.log(`    ✓ ${title} (${Date.now() - startedAt}ms)`);
    } catch (error) {
      await fail(title, error);
      if (endsEarly) throw new Enough();
    }
  };
  /** `await ui.runCommand('…')`: the functions of test/ui/page.mjs with the page filled in. */
  const ui = Object.fromEntries(
    Object.entries(pageFunctions).map(([key, call]) => [key, (...args) => call(hand, ...args)]),
  );
  console.log(`\n  ${name} (page script)`);
  try {
    await body({ ...hand, ui, test });
  } catch (error) {
    if (!(error instanceof Enough)) await fail('outside of a test', error);
  }
  if (resultsFile) fs.writeFileSync(resultsFile, JSON.stringify(results));
  return results.failed;
}
