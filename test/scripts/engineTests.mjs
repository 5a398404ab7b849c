// test/engines/*.test.mjs in plain mocha: what the repository holds about engines against the engines installed now.
// As a program, arguments are substrings of file names: `node test/scripts/engineTests.mjs kv`.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { out, root } from './paths.mjs';
import { printResults } from './results.mjs';
import { runMocha, readMochaResults } from './unit.mjs';

const folder = path.join(root, 'test/engines');
const TIMEOUT_MS = 600_000;

/** @returns results (results.mjs), null where no file matches */
export async function runEngineTests({ parts = [], grep = '' }) {
  const files = fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.test.mjs'))
    .filter((name) => parts.length === 0 || parts.some((part) => name.includes(part)))
    .map((name) => path.join(folder, name));
  if (files.length === 0) return null;
  const outdir = path.join(out, 'test', `engines-${process.pid}`);
  fs.mkdirSync(outdir, { recursive: true });
  try {
    const resultsFile = path.join(outdir, 'results.json');
    const code = await runMocha({ files, resultsFile, grep, timeoutMs: TIMEOUT_MS });
    return readMochaResults('engine facts', resultsFile, code);
  } finally {
    fs.rmSync(outdir, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const results = await runEngineTests({ parts: process.argv.slice(2) });
  if (results === null) console.error('no test file matches');
  process.exit(results !== null && printResults([results]) ? 0 : 1);
}
