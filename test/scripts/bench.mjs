// npm run bench: how fast and how large. Results as out/bench.json and a table, at the end what has a budget. A busy
// machine is not a bug: only with --strict does it fail where a figure is over its budget, or was not measured.
//   --only=rooms,stream,activation,sampling,window   which parts
//   BENCH_MINUTES (1)                                how long sampling is watched, in each part
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { out, root } from './paths.mjs';
import { judgeBudgets } from './budgets.mjs';
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

const STARTS = 5;

/** Starts without a window, each in a process of its own; the best of each figure, because others only add to it. */
async function benchActivation() {
  const { createFakeGpu } = await import('../support/fakeGpu.mjs');
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-activation-'));
  try {
    const { executable } = createFakeGpu(folder);
    const args = [path.join(root, 'test/bench/activation.cjs'), executable, folder];
    const starts = [];
    for (let start = 0; start < STARTS; start++)
      starts.push(JSON.parse(await must(process.execPath, args, { cwd: root, capture: true })));
    return Object.fromEntries(
      Object.keys(starts[0]).map((key) => [key, Math.min(...starts.map((one) => one[key]))]),
    );
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function benchWindow() {
  const resultsFile = path.join(out, 'bench', 'window.json');
  fs.rmSync(resultsFile, { force: true });
  process.env.BENCH_RESULTS = resultsFile;
  process.env.TEST_HOST_EXTRA_SECONDS = String(150 * Number(process.env.BENCH_MINUTES ?? 1));
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
  if (typeof value === 'number') return value.toFixed(Math.abs(value) < 10 ? 2 : 1);
  return Object.entries(value)
    .map(([name, one]) => `${name} ${shown(one)}`)
    .join(', ');
}

const only = process.argv
  .find((arg) => arg.startsWith('--only='))
  ?.slice('--only='.length)
  .split(',');

/** null where it was not asked for; one part without figures must not lose the others. */
async function part(name, measure) {
  if (only && !only.includes(name)) return null;
  try {
    return await measure();
  } catch (error) {
    console.error(`no figures of ${name}: ${error.message}`);
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
    rooms: await part('rooms', benchRooms),
    stream: await part('stream', benchStream),
    activation: await part('activation', benchActivation),
    sampling: await part('sampling', () => benchFile('sampling')),
    window: await part('window', benchWindow),
    bundleBytes: bundleBytes(),
  };
  fs.writeFileSync(path.join(out, 'bench.json'), `${JSON.stringify(bench, null, 2)}\n`);
  console.log();
  for (const [name, { ms, p50Ms, p95Ms }] of Object.entries(bench.rooms ?? {}))
    console.log(`${name.padEnd(32)} ${ms === undefined ? `p50 ${p50Ms} ms, p95 ${p95Ms}` : ms} ms`);
  for (const [name, value] of Object.entries({
    ...bench.stream,
    ...bench.activation,
    ...bench.sampling,
    ...bench.window,
  }))
    console.log(`${name.padEnd(32)} ${shown(value)}`);
  for (const [name, size] of Object.entries(bench.bundleBytes))
    console.log(`${name.padEnd(32)} ${size} bytes`);
  console.log();
  const verdicts = judgeBudgets(bench);
  for (const { line } of verdicts) console.log(line);
  console.log(`written to ${path.relative(root, path.join(out, 'bench.json'))}`);
  if (process.argv.includes('--strict') && verdicts.some(({ verdict }) => verdict !== 'ok'))
    process.exitCode = 1;
});
