// npm run check: types, lint, dead code, format; then what the sources look like. Every tool runs, also after one
// complained, and all complaints count.
import fs from 'node:fs';
import path from 'node:path';
import { root } from './paths.mjs';
import { main, run } from './processes.mjs';

/** Share of source files that may know VS Code. */
const MAX_VSCODE_SHARE = 0.3;
const MAX_MEDIAN_LINES = 90;

const TOOLS = [
  ['types', 'typescript/bin/tsc', '--noEmit', '-p', '.'],
  ['types of the page', 'typescript/bin/tsc', '--noEmit', '-p', 'webview'],
  ['lint', 'eslint/bin/eslint.js', '-c', 'test/eslint.config.mjs', '.'],
  ['dead code', 'knip/bin/knip.js', '--no-progress'],
  // files that only tests use
  ['dead files', 'knip/bin/knip.js', '--no-progress', '--production', '--include=files'],
  ['format', 'prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'],
];

async function runTool([name, bin, ...args]) {
  const startedAt = Date.now();
  const file = path.join(root, 'node_modules', bin);
  const { code } = await run(process.execPath, [file, ...args], { cwd: root });
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
  return code === 0;
}

function readSources(folder) {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => {
      const file = path.join(folder, name);
      const text = fs.readFileSync(path.join(root, file), 'utf8');
      return {
        file,
        lines: text.split('\n').length - 1,
        knowsVscode: /from 'vscode'/.test(text),
      };
    });
}

function checkShape() {
  const sources = [...readSources('src'), ...readSources('webview')].sort(
    (a, b) => a.lines - b.lines,
  );
  const inSrc = sources.filter(({ file }) => file.startsWith('src'));
  const share = inSrc.filter(({ knowsVscode }) => knowsVscode).length / inSrc.length;
  const median = sources[Math.floor(sources.length / 2)].lines;
  const isFine = share < MAX_VSCODE_SHARE && median <= MAX_MEDIAN_LINES;
  console.log(
    `${isFine ? 'ok  ' : 'FAIL'} shape: ${sources.length} files, ${(share * 100).toFixed(0)} % of src imports vscode (limit ${MAX_VSCODE_SHARE * 100} %), median ${median} lines (limit ${MAX_MEDIAN_LINES})`,
  );
  const largest = sources.slice(-5).reverse();
  console.log(`     largest: ${largest.map((s) => `${s.file} ${s.lines}`).join(', ')}`);
  return isFine;
}

main(async () => {
  let isFine = checkShape();
  for (const tool of TOOLS) isFine = (await runTool(tool)) && isFine;
  process.exit(isFine ? 0 : 1);
});
