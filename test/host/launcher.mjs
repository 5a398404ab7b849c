#!/usr/bin/env node
// Stands in for the desktop VS Code executable: takes the arguments that @vscode/test-electron passes, shows VS Code's
// web workbench in headless Chromium, and exits with the tests' code. Without tests it runs a UI script instead.
//
// TEST_HOST_DIR       folder made by install.mjs (vscode/, node/)
// TEST_HOST_CHROMIUM  browser executable
// TEST_HOST_TIMEOUT   seconds for the whole run, default 300
// TEST_HOST_PAGE      module of page functions that tests in the host may call by name
// TEST_HOST_SCRIPT    module whose default export drives the page when there are no tests
// TEST_HOST_VSIX      packed extension to install from the file, in place of the one in development
// TEST_HOST_SETTINGS  JSON: settings of this window
// TEST_HOST_TRUST     1: workspace trust on and the folder not trusted, whatever the arguments say
// TEST_HOST_RESULTS   file for the results of a UI script
// TEST_HOST_ENDS_EARLY  1: a UI script ends with its first failed step
// TEST_HOST_PICTURES  folder for screenshots of failures
// TEST_HOST_VERBOSE   1: also server log, workbench log and page console
//
// Exit codes: 70 launcher error · 71 server, 72 browser, 73 page died · 74 output closed · 75 the extension host died
// under the tests · 124 time is up.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MARK } from './markedProcesses.mjs';
import { startReaper } from './reaper.mjs';
import { runScript } from './uiScript.mjs';
import { installVsix, startServer, windowUrl } from './vscodeServer.mjs';

/** For what a quiet machine does within a second or two. */
const PATIENCE_MS = 60_000;

const here = path.dirname(fileURLToPath(import.meta.url));
const setting = (name, fallback = null) => process.env[`TEST_HOST_${name}`] || fallback;
const verbose = setting('VERBOSE') === '1';
const startedAt = Date.now();

function note(...words) {
  if (verbose) console.error(`[host ${((Date.now() - startedAt) / 1000).toFixed(1)}s]`, ...words);
}

/** Only what matters here is kept; Electron's switches and the profile folders (fresh ones are used) are not. */
function parseArguments(argv) {
  const parsed = { development: [], tests: null, folder: null, trust: true, server: [] };
  for (let i = 0; i < argv.length; i++) {
    const [, key, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(argv[i]) ?? [];
    const value = () => inline ?? argv[++i];
    if (key === undefined) parsed.folder = path.resolve(argv[i]);
    else if (key === 'extensionDevelopmentPath') parsed.development.push(path.resolve(value()));
    else if (key === 'extensionTestsPath') parsed.tests = path.resolve(value());
    else if (key === 'folder-uri') parsed.folder = fileURLToPath(value());
    else if (key === 'disable-workspace-trust') parsed.trust = false;
    else if (key === 'enable-proposed-api' || key === 'log')
      parsed.server.push(`--${key}`, value());
    else if (['user-data-dir', 'extensions-dir', 'locale'].includes(key)) value();
  }
  if (setting('TRUST') === '1') parsed.trust = true;
  return parsed;
}

const wanted = parseArguments(process.argv.slice(2));
const id = randomUUID();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vscode-test-'));
process.env.TMPDIR = path.join(folder, 't'); // also for what the browser and VS Code leave behind
fs.mkdirSync(process.env.TMPDIR);
const reap = startReaper(id, folder);

// ---- the end, whichever way it comes ---------------------------------------------------------------------------
let browser;
let ending;
function finish(code, why) {
  ending ??= (async () => {
    note('finish', code, why ?? '');
    if (why) console.error(`test host: ${why}`);
    await Promise.race([browser?.close().catch(() => undefined), sleep(3000)]);
    forwardPrinted();
    await reap();
    process.exit(code);
  })();
  return ending;
}
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }))
  process.on(signal, () => finish(code, `ended by ${signal}`));
process.on('uncaughtException', (error) => finish(70, error.stack));
process.on('unhandledRejection', (error) => finish(70, error?.stack ?? String(error)));
process.stdout.on('error', () => finish(74));
process.stderr.on('error', () => finish(74));
const limitSeconds = Number(setting('TIMEOUT', '300'));
setTimeout(async () => {
  await picture('timeout');
  await finish(124, `no result within ${limitSeconds} s`);
}, limitSeconds * 1000);

// ---- what the tests print --------------------------------------------------------------------------------------
// The workbench mixes the extension host's console with its own log, so the tests are entered through entry.cjs,
// which writes their output to this file; it is followed here.
const printed = path.join(folder, 'printed');
fs.writeFileSync(printed, '');
let printedBytes = 0;
function forwardPrinted() {
  const file = fs.openSync(printed, 'r');
  const bytes = Buffer.alloc(fs.fstatSync(file).size - printedBytes);
  printedBytes += fs.readSync(file, bytes, 0, bytes.length, printedBytes);
  fs.closeSync(file);
  if (bytes.length > 0) process.stdout.write(bytes);
}
setInterval(() => ending ?? forwardPrinted(), 100).unref();

// ---- server and browser, side by side --------------------------------------------------------------------------
const env = {
  ...process.env,
  [MARK]: id,
  TEST_HOST_OUTPUT: printed,
  TEST_HOST_SOCKET: path.join(folder, 'page.sock'),
  TEST_HOST_TESTS: wanted.tests ?? '',
};
const { launchBrowser, newContext } = await import('./browser.mjs');
const hostFolder = setting('DIR');
const vsix = setting('VSIX');
if (vsix !== null) await installVsix({ hostFolder, folder, vsix, env });
const startVsCode = (port = null) =>
  startServer({
    hostFolder,
    folder,
    port,
    settings: JSON.parse(setting('SETTINGS', '{}')),
    trust: wanted.trust,
    forTests: wanted.tests !== null,
    installed: wanted.tests === null && vsix === null ? wanted.development : [],
    env,
    extraArgs: wanted.server,
    onData: (data) => verbose && process.stderr.write(data),
    onEnd: (why) => ending ?? finish(71, why),
  });
const [firstServer, launched] = await Promise.all([
  startVsCode(),
  launchBrowser(setting('CHROMIUM'), env),
]);
let server = firstServer;
browser = launched;
browser.on('disconnected', () => ending ?? finish(72, 'the browser ended'));
const context = await newContext(browser);
async function newPage() {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('crash', () => ending ?? finish(73, 'the page crashed'));
  if (verbose) {
    page.on('console', (message) => wanted.tests ?? console.error(`[page] ${message.text()}`));
    page.on('pageerror', (error) => console.error('[page error]', error.message));
  }
  return page;
}

async function picture(name) {
  const pictures = setting('PICTURES');
  if (!pictures) return null;
  const file = path.join(pictures, `${name.replaceAll(/[^\w-]+/g, '-')}.png`);
  fs.mkdirSync(pictures, { recursive: true });
  return hand.page.screenshot({ path: file }).then(
    () => file,
    () => null,
  );
}
const hand = {
  page: await newPage(),
  context,
  note,
  picture,
  restart,
  /** Under tests VS Code shows notifications in their centre only. */
  showsToasts: wanted.tests === null,
};

await hand.page.exposeFunction('codeAutomationLog', (type, parts) => {
  if (verbose) console.error(`[workbench ${type}]`, ...parts);
});
await hand.page.exposeFunction('codeAutomationExit', (code) => {
  // VS Code reports 0 also when the extension host was killed under the tests.
  if (code === 0 && !fs.existsSync(`${printed}.settled`))
    return finish(75, 'the extension host ended before the tests did');
  return finish(code);
});

// ---- tests in the host reach the page through this socket ------------------------------------------------------
const pageModule = setting('PAGE');
const pageFunctions = pageModule ? await import(pathToFileURL(pageModule).href) : {};
http
  .createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    try {
      const [name, ...args] = JSON.parse(body);
      if (typeof pageFunctions[name] !== 'function') throw new Error(`no page function ${name}`);
      response.end(JSON.stringify({ value: await pageFunctions[name](hand, ...args) }));
    } catch (error) {
      await picture(`page-${Date.now()}`);
      response.end(JSON.stringify({ error: error?.stack ?? String(error) }));
    }
  })
  .listen(env.TEST_HOST_SOCKET);

function openWindow() {
  const url = windowUrl({
    port: server.port,
    development: wanted.tests === null ? [] : wanted.development,
    tests: wanted.tests === null ? null : path.join(here, 'entry.cjs'),
    folder: wanted.folder,
  });
  return hand.page.goto(url, { waitUntil: 'domcontentloaded', timeout: 2 * PATIENCE_MS });
}

const workbenchShown = () =>
  hand.page
    .locator('.monaco-workbench .statusbar-item')
    .first()
    .waitFor({ timeout: 2 * PATIENCE_MS });

/** Quits VS Code and starts it again with the same profile and the same window. For page scripts only. */
async function restart() {
  await hand.page.close();
  await server.stop();
  server = await startVsCode(server.port);
  hand.page = await newPage();
  await openWindow();
  await workbenchShown();
}

await openWindow();
note('page open');

if (wanted.tests === null) {
  const script = setting('SCRIPT');
  if (script === null) await finish(70, 'neither --extensionTestsPath nor TEST_HOST_SCRIPT given');
  await workbenchShown();
  // what the script starts belongs to this run, too: the stand-in GPU charges it, and it is ended with the rest
  process.env[MARK] = id;
  const { default: body } = await import(pathToFileURL(script).href);
  const failed = await runScript({
    body,
    hand,
    script,
    resultsFile: setting('RESULTS'),
    endsEarly: setting('ENDS_EARLY') === '1',
  });
  await finish(failed === 0 ? 0 : 1);
}
