// What each rung of the tests hands back, and what is said of all of them at the end.

/**
 * @returns counts of tests; `failures` and `retried` hold `{ title, error }`, the latter of each try that failed and was
 *   made again
 */
export const noResults = (title) => ({
  title,
  passed: 0,
  failed: 0,
  skipped: 0,
  failures: [],
  retried: [],
});

function printTests(heading, tests) {
  if (tests.length > 0) console.log(`\n${heading}:`);
  for (const { title, error } of tests) console.log(`\n  ${title}\n  ${error}`);
}

/**
 * Says what was tried a second time and why, what failed for good, the counts of each rung and, in the last line, of all.
 * @returns whether there were tests and none failed
 */
export function printResults(results) {
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  const failures = results.flatMap((result) => result.failures);
  printTests(
    'Tried a second time, after',
    results.flatMap((result) => result.retried),
  );
  printTests('Failures', failures);
  console.log();
  for (const { title, passed, failed, skipped } of results)
    console.log(`  ${title}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  const skipped = sum('skipped');
  console.log(
    `\n${sum('passed')} passed, ${sum('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  );
  return sum('failed') === 0 && sum('passed') > 0;
}
