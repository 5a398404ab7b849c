// Mocha over bundled test files, in a plain process or inside the extension host; counts go to a JSON file.
const fs = require('node:fs');
// an ES module: Node 20 hands out its namespace, Node 24 its default export
const loaded = require('mocha');
const Mocha = loaded.default ?? loaded;

const { EVENT_RUN_BEGIN, EVENT_RUN_END, EVENT_TEST_FAIL } = Mocha.Runner.constants;

/** The usual listing, plus `{ passed, failed, skipped, failures }` for the summary over all rungs. */
class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const { resultsFile } = options.reporterOptions;
    const failures = [];
    // An empty file says that tests began: a window that dies later is a failure, one that never began may be retried.
    runner.once(EVENT_RUN_BEGIN, () => fs.writeFileSync(resultsFile, ''));
    runner.on(EVENT_TEST_FAIL, (test, error) =>
      failures.push({ title: test.fullTitle(), error: error.stack ?? String(error) }),
    );
    runner.once(EVENT_RUN_END, () => {
      const { passes, pending } = runner.stats;
      // hooks that fail are no tests in mocha's own count
      const counts = { passed: passes, failed: failures.length, skipped: pending, failures };
      fs.writeFileSync(resultsFile, JSON.stringify(counts));
    });
  }
}

/**
 * @param jobs processes over which the files are spread; 1: this one
 * @returns {Promise<number>} how many failed
 */
exports.runMocha = async ({ files, resultsFile, grep = '', timeoutMs, jobs = 1 }) => {
  const mocha = new Mocha({
    parallel: jobs > 1,
    jobs,
    ui: 'bdd',
    timeout: timeoutMs,
    forbidOnly: process.env.CI === 'true',
    reporter: CountingReporter,
    reporterOptions: { resultsFile },
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
