// Bundles test/unit and test/contract into out/test and runs them in plain mocha.
// Arguments are substrings of file paths: `node test/scripts/unit.mjs planner` runs only those.
import fs from 'node:fs';
import path from 'node:path';
import esbuild from 'esbuild';
import { spawnSync } from 'node:child_process';

const find = (folder) =>
  fs
    .readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => path.join(folder, name));

const wanted = process.argv.slice(2);
const files = ['test/unit', 'test/contract']
  .flatMap((folder) => find(folder))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)));
if (files.length === 0) {
  console.error('no test file matches');
  process.exit(1);
}
const out =
  wanted.length === 0
    ? 'out/test/unit'
    : `out/test/unit-${wanted.join('-').replaceAll(/\W+/g, '-')}`;
fs.rmSync(out, { recursive: true, force: true });
await esbuild.build({
  entryPoints: files,
  outdir: out,
  outbase: 'test',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  sourcemap: 'inline',
  outExtension: { '.js': '.cjs' },
  logLevel: 'warning',
});
const mocha = path.resolve('node_modules/mocha/bin/mocha.js');
const run = spawnSync(
  process.execPath,
  ['--enable-source-maps', mocha, '--timeout', '10000', `${out}/**/*.test.cjs`],
  { stdio: 'inherit' },
);
process.exit(run.status ?? 1);
