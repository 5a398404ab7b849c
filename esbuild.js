// Builds dist/extension.js, dist/webview.js (+ .css) and dist/cli.js; `--watch` rebuilds on change.
// The build fails past the size budgets below.
const fs = require('node:fs');
const esbuild = require('esbuild');

const watch = process.argv.includes('--watch');
const KB = 1000;

const common = {
  bundle: true,
  minify: !watch,
  sourcemap: watch ? 'linked' : false,
  legalComments: 'none',
  logLevel: 'info',
  metafile: true,
};

/** Each bundle with its budget in bytes. */
const bundles = [
  {
    budget: 740 * KB,
    options: {
      entryPoints: ['src/extension.ts'],
      outfile: 'dist/extension.js',
      platform: 'node',
      format: 'cjs',
      target: 'node22',
      external: ['vscode'],
    },
  },
  {
    budget: 400 * KB,
    options: {
      entryPoints: ['webview/main.ts'],
      outfile: 'dist/webview.js',
      platform: 'browser',
      format: 'iife',
      target: 'chrome128',
    },
  },
  {
    budget: 550 * KB,
    options: {
      entryPoints: ['src/cli.ts'],
      outfile: 'dist/cli.js',
      platform: 'node',
      format: 'cjs',
      target: 'node20',
      banner: { js: '#!/usr/bin/env node' },
    },
  },
];

async function main() {
  if (watch) {
    for (const { options } of bundles) {
      const context = await esbuild.context({ ...common, ...options });
      await context.watch();
    }
  } else {
    fs.rmSync('dist', { recursive: true, force: true });
    let isBad = false;
    for (const { options, budget } of bundles) {
      await esbuild.build({ ...common, ...options });
      const size = fs.statSync(options.outfile).size;
      if (size > budget) {
        console.error(`${options.outfile} is ${size} bytes, over its budget of ${budget}`);
        isBad = true;
      }
      // one such character and V8 keeps the whole source in two bytes each: 0.7 MB more in every window. esbuild writes
      // those of strings as \u…, but leaves those of regular expressions
      const [found] = /.{0,30}[^\x00-\x7f]/.exec(fs.readFileSync(options.outfile, 'utf8')) ?? [];
      if (found !== undefined) {
        console.error(`${options.outfile} is not ASCII, write it as \\u…: ${found}`);
        isBad = true;
      }
    }
    fs.chmodSync('dist/cli.js', 0o755);
    if (isBad) process.exit(1);
  }
}

void main();
