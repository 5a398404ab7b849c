// npm run bench: how fast and how large. Results as out/bench.json and a table. Nothing fails on slow figures: a busy
// machine is not a bug. BENCH_SECONDS (60) is how long sampling is watched.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { out, root } from './paths.mjs';
import { main, must } from './processes.mjs';
import { setUp } from './setup.mjs';

/** As the bundles of esbuild.js are built: the page's planner has to be quick in its own form as well. */
const FORMS = {
  node: { platform: 'node', format: 'cjs', target: 'node20' },
  page: { platform: 'browser', format: 'iife', target: 'chrome128', minify: true },
};

/** Results of one bench file, by name; `form` goes before the names where it is not plain Node. */
async function benchFile(name, form = 'node') {
  const { build } = await import('esbuild');
  const outfile = path.join(out, 'bench', `${name}.${form}.cjs`);
  await build({
    absWorkingDir: root,
    entryPoints: [`test/bench/${name}.bench.ts`],
    outfile,
    bundle: true,
    logLevel: 'warning',
    ...FORMS[form],
  });
  const results = JSON.parse(await must(process.execPath, [outfile], { cwd: root, capture: true }));
  const before = form === 'node' ? '' : `${form}.`;
  return Object.fromEntries(Object.entries(results).map(([key, one]) => [before + key, one]));
}

async function benchRooms() {
  return {
    ...(await benchFile('plan')),
    ...(await benchFile('plan', 'page')),
    ...(await benchFile('rooms')),
    ...(await benchFile('observe')),
  };
}

const STREAM_LINES = 10_000;

/** Plans per second that `plan --requests` answers, start of the process included. */
async function benchStream() {
  const { streamRequests } = await import('../bench/streamRequests.mjs');
  const file = path.join(out, 'bench', 'requests.jsonl');
  fs.writeFileSync(file, streamRequests(STREAM_LINES));
  const startedMs = performance.now();
  const answers = await must(
    process.execPath,
    [path.join(root, 'dist/cli.js'), 'plan', '--requests', file, '--json'],
    { cwd: root, capture: true },
  );
  const seconds = (performance.now() - startedMs) / 1000;
  const lines = answers.trim().split('\n').length;
  if (lines !== STREAM_LINES) throw new Error(`${lines} answers to ${STREAM_LINES} requests`);
  return { plansPerSecond: Math.round(STREAM_LINES / seconds), seconds, lines };
}

async function benchWindow() {
  const resultsFile = path.join(out, 'bench', 'window.json');
  fs.rmSync(resultsFile, { force: true });
  process.env.BENCH_RESULTS = resultsFile;
  const { runSuite } = await import('../host/windows.mjs');
  await runSuite('folder', path.join(root, 'test/bench/window.bench.ts'));
  return JSON.parse(fs.readFileSync(resultsFile, 'utf8'));
}

function bundleBytes() {
  const dist = path.join(root, 'dist');
  return Object.fromEntries(
    fs.readdirSync(dist).map((name) => [name, fs.statSync(path.join(dist, name)).size]),
  );
}

/** `12.3`, or `host 12.3, children 4.5` for several. */
function shown(value) {
  if (value === null) return 'unknown';
  if (typeof value === 'number') return value.toFixed(1);
  return Object.entries(value)
    .map(([name, one]) => `${name} ${shown(one)}`)
    .join(', ');
}

/** One part without figures must not lose the others. */
async function orNull(what, measure) {
  try {
    return await measure();
  } catch (error) {
    console.error(`no figures ${what}: ${error.message}`);
    return null;
  }
}

main(async () => {
  await setUp();
  await must(process.execPath, ['esbuild.js'], { cwd: root });
  const machine = {
    cpus: os.cpus().length,
    cpu: os.cpus()[0]?.model ?? 'unknown',
    node: process.version,
    loadAverage: os.loadavg(),
  };
  const bench = {
    at: new Date().toISOString(),
    machine,
    rooms: await orNull('of the rooms', benchRooms),
    stream: await orNull('of plan --requests', benchStream),
    sampling: await orNull('of sampling', () => benchFile('sampling')),
    window: await orNull('from a window', benchWindow),
    bundleBytes: bundleBytes(),
  };
  fs.writeFileSync(path.join(out, 'bench.json'), `${JSON.stringify(bench, null, 2)}\n`);
  console.log();
  for (const [name, { p50Ms, p95Ms }] of Object.entries(bench.rooms ?? {}))
    console.log(`${name.padEnd(32)} p50 ${p50Ms} ms, p95 ${p95Ms} ms`);
  for (const [name, value] of Object.entries({
    ...bench.stream,
    ...bench.sampling,
    ...bench.window,
  }))
    console.log(`${name.padEnd(32)} ${shown(value)}`);
  for (const [name, size] of Object.entries(bench.bundleBytes))
    console.log(`${name.padEnd(32)} ${size} bytes`);
  console.log(`written to ${path.relative(root, path.join(out, 'bench.json'))}`);
});
