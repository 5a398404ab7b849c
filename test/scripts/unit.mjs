// Bundles test/unit and test/contract and runs them in plain mocha: rooms without VS Code.
// As a program, arguments are substrings of file paths: `node test/scripts/unit.mjs planner` runs only those.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { out, root } from './paths.mjs';
import { noResults, printResults } from './results.mjs';

function findTests(room) {
  const folder = path.join(root, 'test', room);
  return fs
    .readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => path.join('test', room, name));
}

/** Programs that tests start as processes, and by which files; bundled once for all of them. */
const PROGRAMS = [
  { source: 'src/cli.ts', startedBy: /unit.cli.process/ },
  { source: 'src/extension.ts', startedBy: /contract.loading/ },
  { source: 'test/support/lockRacer.ts', startedBy: /launchLockRace/ },
];

function bundlePrograms(build, files, outdir) {
  const started = PROGRAMS.filter(({ startedBy }) => files.some((file) => startedBy.test(file)));
  return build({
    absWorkingDir: root,
    entryPoints: started.map(({ source }) => ({ in: source, out: path.parse(source).name })),
    outdir,
    bundle: true,
    external: ['vscode'],
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    outExtension: { '.js': '.cjs' },
    logLevel: 'warning',
  });
}

/** One that begins last would be waited for alone: first those that wait for programs and sockets, then the large ones. */
function longestFirst(files) {
  const known = files.map((file) => {
    const text = fs.readFileSync(path.join(root, file), 'utf8');
    const waits = /node:child_process|src\/system\/|hubServer|runCli'|programs'/.test(text);
    return { file, weight: text.length + (waits ? 1e6 : 0) };
  });
  return known.sort((a, b) => b.weight - a.weight).map(({ file }) => file);
}

/**
 * @param rooms folders under test/
 * @param parts only files whose path contains one of these
 * @param grep only tests whose title matches
 * @returns results (results.mjs), null where no file matches
 */
export async function runUnit({ rooms = ['unit', 'contract'], parts = [], grep = '' }) {
  const files = longestFirst(
    rooms
      .flatMap(findTests)
      .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part))),
  );
  if (files.length === 0) return null;
  const title = rooms.join(' and ');
  // several runs may go on in one checkout, each with its own choice of files
  const name = ['unit', ...parts].join('-').replaceAll(/[^\w-]+/g, '-');
  const outdir = path.join(out, 'test', `${name}-${process.pid}`);
  const { build } = await import('esbuild');
  try {
    process.env.VRAM_PILOT_PROGRAMS = path.join(outdir, 'programs');
    const programs = bundlePrograms(build, files, process.env.VRAM_PILOT_PROGRAMS);
    const tests = build({
      absWorkingDir: root,
      entryPoints: files,
      outdir,
      outbase: 'test',
      bundle: true,
      // what several files import is built and loaded once, not 160 times: 10 MB instead of 140
      splitting: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      sourcemap: 'inline',
      outExtension: { '.js': '.mjs' },
      logLevel: 'warning',
    });
    await Promise.all([programs, tests]);
    const resultsFile = path.join(outdir, 'results.json');
    const bundled = files.map((file) =>
      path.join(outdir, path.relative('test', file).replace(/\.ts$/, '.mjs')),
    );
    // one more than there are cores: some wait for programs, and the rest goes on meanwhile
    const jobs = Math.min(os.availableParallelism(), 4) + 1;
    const wish = { files: bundled, resultsFile, grep, timeoutMs: 20_000, jobs };
    const code = await runMocha(wish);
    return readMochaResults(title, resultsFile, code);
  } finally {
    fs.rmSync(outdir, { recursive: true, force: true });
  }
}

export function runMocha(wish) {
  const runner = path.join(root, 'test/support/runMocha.cjs');
  const args = ['--enable-source-maps', runner, JSON.stringify(wish)];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code ?? 128 + os.constants.signals[signal]));
  });
}

export function readMochaResults(title, file, code) {
  try {
    const results = JSON.parse(fs.readFileSync(file, 'utf8'));
    const isWhole = results.begun === undefined;
    if (isWhole && (code === 0 || results.failed > 0)) return { ...noResults(title), ...results };
  } catch {
    // no results: the runner died
  }
  const failures = [{ title: 'mocha', error: `the runner ended with ${code}` }];
  return { ...noResults(title), failed: 1, failures };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const results = await runUnit({ parts: process.argv.slice(2) });
  if (results === null) console.error('no test file matches');
  process.exit(results !== null && printResults([results]) ? 0 : 1);
}
