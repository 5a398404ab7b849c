// npm run bench: how fast and how large. Results as out/bench.json and a table. Nothing fails on slow figures: a busy
// machine is not a bug. BENCH_SECONDS (60) is how long sampling is watched.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { out, root } from './paths.mjs';
import { main, must } from './processes.mjs';
import { setUp } from './setup.mjs';

async function benchRooms() {
  const { build } = await import('esbuild');
  const outfile = path.join(out, 'bench', 'rooms.cjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['test/bench/rooms.bench.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'warning',
  });
  return JSON.parse(await must(process.execPath, [outfile], { cwd: root, capture: true }));
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
    window: await orNull('from a window', benchWindow),
    bundleBytes: bundleBytes(),
  };
  fs.writeFileSync(path.join(out, 'bench.json'), `${JSON.stringify(bench, null, 2)}\n`);
  console.log();
  for (const [name, { p50Ms, p95Ms }] of Object.entries(bench.rooms ?? {}))
    console.log(`${name.padEnd(32)} p50 ${p50Ms} ms, p95 ${p95Ms} ms`);
  for (const [name, value] of Object.entries(bench.window ?? {}))
    console.log(`${name.padEnd(32)} ${shown(value)}`);
  for (const [name, size] of Object.entries(bench.bundleBytes))
    console.log(`${name.padEnd(32)} ${size} bytes`);
  console.log(`written to ${path.relative(root, path.join(out, 'bench.json'))}`);
});
