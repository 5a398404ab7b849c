// The built planner page in a bare Chromium, with a stand-in for VS Code around it (test/support/pagePreview.mjs): what
// needs no window of VS Code. A file test/ui/name.page.mjs holds such checks; its default export gets
// `{ browser, test }`.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { launchBrowser } from '../host/browser.mjs';
import { findDesktop } from '../host/desktop.mjs';
import { installHost } from '../host/install.mjs';
import { TRIES } from '../support/tries.cjs';
import { root } from './paths.mjs';
import { main } from './processes.mjs';
import { noResults, printResults } from './results.mjs';

/** Where desktop VS Code runs the tests no browser is installed for them. */
async function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  return findDesktop() === null ? (await installHost()).chromium : null;
}

/** @returns results (results.mjs) */
export async function runPageChecks({ grep = '' } = {}) {
  const title = 'planner page in Chromium';
  const results = noResults(title);
  const folder = path.join(root, 'test/ui');
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.page.mjs'));
  const chromium = await findChromium();
  if (chromium === null) {
    console.log(`\n— ${title}: skipped, set CHROMIUM to a browser's executable`);
    return { ...results, skipped: files.length };
  }
  const browser = await launchBrowser(chromium);
  const check = async (name, body, triesLeft = TRIES) => {
    const startedAt = Date.now();
    try {
      await body();
      results.passed++;
      console.log(`    ✓ ${name} (${Date.now() - startedAt}ms)`);
    } catch (error) {
      const told = { title: name, error: error?.stack ?? String(error) };
      console.log(`    ✗ ${name}\n${error?.message ?? error}`);
      if (triesLeft > 1) {
        results.retried.push(told);
        return check(name, body, triesLeft - 1);
      }
      results.failed++;
      results.failures.push(told);
    }
  };
  try {
    for (const file of files) {
      const group = path.basename(file, '.page.mjs');
      const { default: body } = await import(pathToFileURL(path.join(folder, file)).href);
      const test = (name, step) =>
        `${group}: ${name}`.includes(grep) ? check(`${group}: ${name}`, step) : undefined;
      console.log(`\n  ${group} (page)`);
      await body({ browser, test });
    }
  } finally {
    await browser.close();
  }
  return results;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  main(async () => {
    const results = await runPageChecks({ grep: process.argv[2] ?? '' });
    process.exit(printResults([results]) ? 0 : 1);
  });
