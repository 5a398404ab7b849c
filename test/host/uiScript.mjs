// Runs one UI script: its default export drives the page from outside, so it survives a reload of the window.
import fs from 'node:fs';
import path from 'node:path';
import * as pageFunctions from '../ui/page.mjs';

/** Collects named steps in order; a failed one is kept (with a picture) and the script goes on. */
export async function runScript({ body, hand, script, resultsFile }) {
  const name = path.basename(script, '.ui.mjs');
  const results = { passed: 0, failed: 0, skipped: 0, failures: [] };
  const fail = async (title, error) => {
    results.failed++;
    results.failures.push({ title: `${name}: ${title}`, error: error?.stack ?? String(error) });
    console.log(`    ✗ ${title}\n${error?.stack ?? error}`);
    await hand.picture(`${name}-${title}`);
  };
  const test = async (title, step) => {
    const startedAt = Date.now();
    try {
      await step();
      results.passed++;
      console.log(`    ✓ ${title} (${Date.now() - startedAt}ms)`);
    } catch (error) {
      await fail(title, error);
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
    await fail('outside of a test', error);
  }
  if (resultsFile) fs.writeFileSync(resultsFile, JSON.stringify(results));
  return results.failed;
}
