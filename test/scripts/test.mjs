// npm test: all rungs in order, one closing line over all of them.
//   --only=unit,contract,page,host,engines   which rungs; without it all but engines
//   --grep=TEXT                         only tests whose title matches
//   --all                               engines: every case instead of those that fit into a build; takes hours
// `npm test` runs the long random tests in full (VRAM_PILOT_LONG=1); with --only=unit they are short.
import { setUp } from './setup.mjs';
import { main, must } from './processes.mjs';
import { root } from './paths.mjs';
import { noResults, printResults } from './results.mjs';

const RUNGS = ['unit', 'contract', 'page', 'host', 'engines'];

function option(name) {
  const given = process.argv.find((arg) => arg.startsWith(`--${name}=`));
  return given?.slice(name.length + 3);
}

function wantedRungs() {
  const only = option('only');
  if (only === undefined) return RUNGS.filter((rung) => rung !== 'engines');
  const rungs = only.split(',');
  const unknown = rungs.find((rung) => !RUNGS.includes(rung));
  if (unknown !== undefined) throw new Error(`--only=${unknown}: choose from ${RUNGS.join(', ')}`);
  return rungs;
}

async function runAll(rungs, grep) {
  const results = [];
  const rooms = rungs.filter((rung) => rung === 'unit' || rung === 'contract');
  if (rooms.length > 0) {
    const { runUnit } = await import('./unit.mjs');
    results.push((await runUnit({ rooms, grep })) ?? none(rooms.join(' and ')));
  }
  if (rungs.includes('page')) {
    const { runPageChecks } = await import('./pageChecks.mjs');
    results.push(await runPageChecks({ grep }));
  }
  if (rungs.includes('engines')) {
    const { runEngineTests } = await import('./engineTests.mjs');
    results.push((await runEngineTests({ grep })) ?? none('engine facts'));
  }
  for (const rung of rungs.filter((each) => each === 'host' || each === 'engines')) {
    const { runWindows } = await import('../host/windows.mjs');
    const windows = await runWindows({ engines: rung === 'engines', grep });
    results.push(...(windows.length > 0 ? windows : [none(rung)]));
  }
  return results;
}

/** A rung that was asked for and has no test is a failure: it would hide a broken file search. */
const none = (title) => ({
  ...noResults(title),
  failed: 1,
  failures: [{ title, error: 'no test found' }],
});

// so that what is cleaned up at the exit is also cleaned up then
process.on('SIGTERM', () => process.exit(143));

main(async () => {
  await setUp();
  const rungs = wantedRungs();
  if (option('only') === undefined) process.env.VRAM_PILOT_LONG ??= '1';
  if (process.argv.includes('--all')) process.env.VRAM_PILOT_ENGINES = 'all';
  if (rungs.some((rung) => rung !== 'unit' && rung !== 'contract'))
    await must(process.execPath, ['esbuild.js'], { cwd: root });
  const results = await runAll(rungs, option('grep') ?? '');

  process.exit(printResults(results) ? 0 : 1);
});
