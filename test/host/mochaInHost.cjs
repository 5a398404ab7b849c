// Extension tests path: runs the bundled suites named in TEST_SUITES in mocha inside the extension host.
const { runMocha } = require('../support/runMocha.cjs');

exports.run = async () => {
  const { suites, results, grep } = JSON.parse(process.env.TEST_SUITES);
  const failed = await runMocha({ files: suites, resultsFile: results, grep, timeoutMs: 120_000 });
  if (failed > 0) throw new Error(`${failed} failed`);
};
