// Tests in a real VS Code: one window per kind, since a start costs some 8 s. A suite chooses its window by file name:
//   name.test.ts or name.folder.test.ts   a trusted folder (copy of test/fixtures/workspace)
//   name.empty.test.ts                    no folder
//   name.untrusted.test.ts                the same folder, not trusted
//   name.engines.test.ts                  a trusted folder, real engines installed (npm run test:engines)
// A file test/ui/name.ui.mjs is a script that drives a window of its own from outside; it may export `window` (its kind)
// and `fromPackage` (the extension is installed from the packed file, instead of running in development).
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runTests } from '@vscode/test-electron';
import esbuild from 'esbuild';
import { out, root } from '../scripts/paths.mjs';
import { must, run } from '../scripts/processes.mjs';
import { findDesktop } from './desktop.mjs';
import { noResults } from '../scripts/results.mjs';
import { TRIES } from '../support/tries.cjs';
import { installHost } from './install.mjs';
import { windowSettings } from './settings.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const KINDS = ['folder', 'empty', 'untrusted', 'engines'];
/** Ends what hangs, so some four times of what a quiet machine needs. */
const TIMEOUT_SECONDS = { folder: 1500, empty: 300, untrusted: 300, engines: 3000 };
/** Some eighty starts of a real engine (npm run test:engines:all). */
const ALL_ENGINES_SECONDS = 4 * 3600;

function timeoutSeconds(kind) {
  const isLong = kind === 'engines' && process.env.VRAM_PILOT_ENGINES === 'all';
  const extra = Number(process.env.TEST_HOST_EXTRA_SECONDS ?? 0);
  return isLong ? ALL_ENGINES_SECONDS : TIMEOUT_SECONDS[kind] + extra;
}

function kindOf(file) {
  const [, kind = 'folder'] = /\.(\w+)\.test\.ts$/.exec(path.basename(file)) ?? [];
  if (!KINDS.includes(kind)) throw new Error(`${file}: no window of kind "${kind}"`);
  return kind;
}

/** A window is started only for files that mention the wanted title; mocha filters exactly. */
function findSuites(grep) {
  const folder = path.join(here, 'suite');
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => path.join(folder, name))
    .filter((file) => fs.readFileSync(file, 'utf8').includes(grep));
}

async function bundle(files) {
  const outdir = path.join(out, 'test', `host-${process.pid}`);
  await esbuild.build({
    entryPoints: files,
    outdir,
    outbase: path.join(root, 'test'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node22',
    external: ['vscode'],
    sourcemap: 'inline',
    outExtension: { '.js': '.cjs' },
    logLevel: 'warning',
  });
  const bundleOf = (file) =>
    path.join(outdir, path.relative(path.join(root, 'test'), file)).replace(/\.ts$/, '.cjs');
  return {
    suites: files.map((file) => ({ kind: kindOf(file), file: bundleOf(file) })),
    remove: () => fs.rmSync(outdir, { recursive: true, force: true }),
  };
}

/** A fresh copy of the sample workspace, so that what tests write is never in the repository. */
function copyWorkspace(folder) {
  const workspace = path.join(folder, 'workspace');
  fs.cpSync(path.join(root, 'test/fixtures/workspace'), workspace, { recursive: true });
  return workspace;
}

/** How VS Code is started here. */
async function findHost() {
  const desktop = findDesktop();
  if (desktop !== null) return { desktop: true, executable: desktop, env: {} };
  const { hostFolder, chromium } = await installHost();
  const env = { TEST_HOST_DIR: hostFolder, TEST_HOST_CHROMIUM: chromium };
  return { desktop: false, executable: path.join(here, 'launcher.mjs'), env };
}

/** null: no test began. */
function readResults(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

const isUnfinished = (results) => results === null || results.begun !== undefined;

/** What a window that ended with this code has to show for itself. */
function judge(title, results, code) {
  const failure = (error) => ({ title, error: `${error} (exit code ${code})` });
  if (isUnfinished(results)) {
    const where = results === null ? 'no test began' : `the window died in "${results.begun}"`;
    return { ...noResults(title), failed: 1, failures: [failure(where)] };
  }
  const judged = { ...noResults(title), ...results };
  if (code === 0 || results.failed > 0) return judged;
  const failures = [...results.failures, failure('the window did not end well')];
  return { ...judged, failed: 1, failures };
}

/**
 * Runs a window until it has results. One that ended before its first test began (a browser or server that didn't come
 * up on a loaded machine) is always tried once more. One that died later, or in which something failed, is tried as often
 * as a test is, as a whole, since its tests build on each other: each time in a folder of its own, since what the first
 * one wrote is no longer what a window begins with.
 * @param start gets what the window needs, and whether its failures will count; its exit code
 */
async function withResults(title, kind, start) {
  const retried = [];
  for (let attempt = 1; ; attempt++) {
    const { code, results } = await inFolder(kind, async (given) => ({
      code: await start(given, { isLast: attempt >= TRIES }),
      results: readResults(given.results),
    }));
    const judged = judge(title, results, code);
    const tries = results === null ? 2 : TRIES;
    if (judged.failed === 0 || attempt >= tries)
      return { ...judged, retried: [...retried, ...judged.retried] };
    console.error(`${title}: ${judged.failures[0].error}; trying once more`);
    retried.push(...judged.retried, ...judged.failures);
  }
}

/** A temporary folder with all that a window of the kind needs, for as long as the body runs. */
async function inFolder(kind, body) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-'));
  const remove = () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  process.once('exit', remove);
  try {
    const workspace = kind === 'empty' ? null : copyWorkspace(folder);
    const { settings, env } = await windowSettings({ kind, folder });
    const results = path.join(folder, 'results.json');
    const launchEnv = {
      ...env,
      TEST_WINDOW: kind,
      TEST_WORKSPACE: workspace ?? '',
      TEST_FOLDER: folder,
      TEST_HOST_SETTINGS: JSON.stringify(settings),
      TEST_HOST_TRUST: kind === 'untrusted' ? '1' : '',
      TEST_HOST_TIMEOUT: String(timeoutSeconds(kind)),
      TEST_HOST_PICTURES: path.join(out, 'pictures', 'failures'),
      TEST_HOST_RESULTS: results,
    };
    return await body({ folder, workspace, settings, results, launchEnv });
  } finally {
    remove();
    process.off('exit', remove);
  }
}

/** Desktop VS Code takes its settings from a profile folder. */
function desktopProfile(folder, settings) {
  const profile = path.join(folder, 'p');
  fs.mkdirSync(path.join(profile, 'User'), { recursive: true });
  fs.writeFileSync(path.join(profile, 'User/settings.json'), JSON.stringify(settings));
  return [`--user-data-dir=${profile}`, `--extensions-dir=${path.join(folder, 'e')}`];
}

function runSuites(kind, suites, host, grep) {
  const title = `VS Code, ${kind} window`;
  console.log(`\n— ${title}${host.desktop ? ' (desktop VS Code)' : ''}`);
  const start = async ({ folder, workspace, settings, results, launchEnv }) => {
    const profile = host.desktop ? desktopProfile(folder, settings) : [];
    try {
      return await runTests({
        vscodeExecutablePath: host.executable,
        extensionDevelopmentPath: root,
        extensionTestsPath: path.join(here, 'mochaInHost.cjs'),
        launchArgs: [...(workspace === null ? [] : [workspace]), ...profile],
        extensionTestsEnv: {
          ...host.env,
          ...launchEnv,
          TEST_HOST_PAGE: path.join(root, 'test/ui/page.mjs'),
          TEST_SUITES: JSON.stringify({ suites, results, grep }),
        },
      });
    } catch (error) {
      return error.code ?? 1;
    }
  };
  return withResults(title, kind, start);
}

/** Packs what is built now; the file. */
async function packed() {
  await must(process.execPath, [path.join(root, 'test/scripts/package.mjs')], { cwd: root });
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  return path.join(out, `vram-pilot-${version}.vsix`);
}

async function runScript(file, host) {
  const { window: kind = 'folder', fromPackage = false } = await import(pathToFileURL(file).href);
  const vsix = fromPackage ? await packed() : '';
  const title = `page script ${path.basename(file, '.ui.mjs')}, ${kind} window`;
  console.log(`\n— ${title}`);
  const start = async ({ workspace, launchEnv }, { isLast }) => {
    const trusted = kind === 'untrusted' ? [] : ['--disable-workspace-trust'];
    const args = [`--extensionDevelopmentPath=${root}`, ...trusted];
    const { code } = await run(
      process.execPath,
      [host.executable, ...args, ...(workspace === null ? [] : [workspace])],
      {
        env: {
          ...process.env,
          ...host.env,
          ...launchEnv,
          TEST_HOST_SCRIPT: file,
          TEST_HOST_VSIX: vsix,
          TEST_HOST_ENDS_EARLY: isLast ? '' : '1',
        },
      },
    );
    return code;
  };
  return withResults(title, kind, start);
}

const skipped = (title, why, count = 1) => {
  console.log(`\n— ${title}: skipped, ${why}`);
  return { ...noResults(title), skipped: count };
};

/** Runs one file that is no test suite (a benchmark) in a window of the kind. */
export async function runSuite(kind, file) {
  const host = await findHost();
  const { suites, remove } = await bundle([file]);
  try {
    return await runSuites(kind, [suites[0].file], host, '');
  } finally {
    remove();
  }
}

/**
 * @param engines only the windows with real engines, else all others
 * @param grep only tests whose title contains this; page scripts are chosen by file name
 * @returns one result per window (scripts/results.mjs)
 */
export async function runWindows({ engines = false, grep = '' }) {
  const host = await findHost();
  const { suites: all, remove } = await bundle(findSuites(grep));
  const results = [];
  try {
    for (const kind of KINDS.filter((each) => (each === 'engines') === engines)) {
      const suites = all.filter((suite) => suite.kind === kind).map((suite) => suite.file);
      if (suites.length === 0) continue;
      // test-electron always turns workspace trust off on desktop
      if (kind === 'untrusted' && host.desktop)
        results.push(skipped('VS Code, untrusted window', 'needs the browser-hosted VS Code'));
      else results.push(await runSuites(kind, suites, host, grep));
    }
    const scripts = path.join(root, 'test/ui');
    for (const name of fs.readdirSync(scripts).filter((file) => file.endsWith('.ui.mjs'))) {
      if (name.endsWith('.engines.ui.mjs') !== engines || !name.includes(grep)) continue;
      if (host.desktop) results.push(skipped(name, 'needs the browser-hosted VS Code'));
      else results.push(await runScript(path.join(scripts, name), host));
    }
  } finally {
    remove();
  }
  return results;
}
