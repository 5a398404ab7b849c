// Mocha over bundled test files, in a plain process or inside the extension host; counts go to a JSON file.
const fs = require('node:fs');
// an ES module: Node 20 hands out its namespace, Node 24 its default export
const loaded = require('mocha');
const { TRIES } = require('./tries.cjs');
const Mocha = loaded.default ?? loaded;

const { EVENT_RUN_BEGIN, EVENT_RUN_END, EVENT_TEST_BEGIN, EVENT_TEST_FAIL, EVENT_TEST_RETRY } =
  Mocha.Runner.constants;
const { Dot, Spec } = Mocha.reporters;

/** A build's log shows what failed, not 2,000 titles of what did not. */
const Listing = process.env.CI === 'true' ? Dot : Spec;

/**
 * The usual listing, plus `{ passed, failed, skipped, failures, retried }` for the summary over all rungs. Until the
 * end the file holds the title of the test that began last: a window that died says in which one, and one whose file is
 * missing never began.
 */
class CountingReporter extends Listing {
  constructor(runner, options) {
    super(runner, options);
    const { resultsFile } = options.reporterOptions;
    const write = (results) => fs.writeFileSync(resultsFile, JSON.stringify(results));
    const told = (test, error) => ({
      title: test.fullTitle(),
      error: error.stack ?? String(error),
    });
    const failures = [];
    const retried = [];
    runner.once(EVENT_RUN_BEGIN, () => write({ begun: null }));
    runner.on(EVENT_TEST_BEGIN, (test) => write({ begun: test.fullTitle() }));
    runner.on(EVENT_TEST_FAIL, (test, error) => failures.push(told(test, error)));
    runner.on(EVENT_TEST_RETRY, (test, error) => retried.push(told(test, error)));
    runner.once(EVENT_RUN_END, () => {
      const { passes, pending } = runner.stats;
      write({
        passed: passes,
        // hooks that fail are no tests in mocha's own count
        failed: failures.length,
        skipped: pending,
        failures,
        retried,
      });
    });
  }
}

/**
 * @param jobs processes over which the files are spread; 1: this one
 * @param rootHooks around all tests of all files
 * @returns {Promise<number>} how many failed
 */
exports.runMocha = async ({ files, resultsFile, grep = '', timeoutMs, jobs = 1, rootHooks }) => {
  const mocha = new Mocha({
    parallel: jobs > 1,
    jobs,
    ui: 'bdd',
    timeout: timeoutMs,
    retries: TRIES - 1,
    forbidOnly: process.env.CI === 'true',
    reporter: CountingReporter,
    reporterOptions: { resultsFile },
    ...(rootHooks ? { rootHooks } : {}),
    ...(grep ? { grep } : {}),
  });
  for (const file of files) mocha.addFile(file);
  // ES modules can't be required; workers find out by themselves
  if (jobs === 1 && files.some((file) => file.endsWith('.mjs'))) await mocha.loadFilesAsync();
  return new Promise((resolve) => mocha.run(resolve));
};

// As a program: node runMocha.cjs '{"files":[…],"resultsFile":"…","timeoutMs":10000}'
if (require.main === module) {
  exports.runMocha(JSON.parse(process.argv[2])).then((failed) => {
    process.exitCode = failed > 0 ? 1 : 0;
  });
}
