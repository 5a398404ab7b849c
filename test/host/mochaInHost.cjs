// Extension tests path: runs the bundled suites named in TEST_SUITES in mocha inside the extension host.
const { runMocha } = require('../support/runMocha.cjs');

/** A list, box or dialog that a failed test left open must not be in the way of the next. */
async function afterEach() {
  const { callTestPage } = globalThis;
  const { currentTest } = this;
  if (callTestPage === undefined || currentTest.state === 'passed' || currentTest.isPending())
    return;
  await callTestPage('press', 'Escape', 'Escape').catch(() => undefined);
}

exports.run = async () => {
  const { suites, results, grep } = JSON.parse(process.env.TEST_SUITES);
  const failed = await runMocha({
    files: suites,
    resultsFile: results,
    grep,
    timeoutMs: 120_000,
    rootHooks: { afterEach },
  });
  if (failed > 0) throw new Error(`${failed} failed`);
};
