// npm run check: types, lint, dead code, format; then what the sources look like. Every tool runs, also after one
// complained, and all complaints count.
import path from 'node:path';
import { root } from './paths.mjs';
import { main, run } from './processes.mjs';
import { shapeOfSources } from './shape.mjs';

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

function checkShape() {
  const { isFine, lines } = shapeOfSources();
  const [summary, ...details] = lines;
  console.log(`${isFine ? 'ok  ' : 'FAIL'} shape: ${summary}`);
  for (const line of details) console.log(`     ${line}`);
  return isFine;
}

main(async () => {
  let isFine = checkShape();
  for (const tool of TOOLS) isFine = (await runTool(tool)) && isFine;
  process.exit(isFine ? 0 : 1);
});
