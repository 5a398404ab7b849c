// npm run package: builds and packs out/vram-pilot-VERSION.vsix, then checks what went in and how large it is.
import fs from 'node:fs';
import path from 'node:path';
import { out, root } from './paths.mjs';
import { main, must } from './processes.mjs';
import { setUp } from './setup.mjs';

const MAX_BYTES = 1_000_000;

/** What may be in the package; everything else fails the build, so that nothing slips in. */
const ALLOWED = [
  /^package\.json$/,
  /^readme\.md$/i,
  /^changelog\.md$/i,
  /^license(\.txt)?$/i,
  /^dist\/(extension|cli|webview)\.(js|css)$/,
  /^media\/[\w/.-]+\.(png|svg|md|ttf|woff2)$/,
];
const REQUIRED = [
  'package.json',
  'dist/extension.js',
  'dist/webview.js',
  'dist/cli.js',
  'media/icon.png',
];

main(async () => {
  await setUp();
  await must(process.execPath, ['esbuild.js'], { cwd: root });
  const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const target = path.join(out, `vram-pilot-${version}.vsix`);
  fs.mkdirSync(out, { recursive: true });
  const { createVSIX, listFiles } = await import('@vscode/vsce');
  await createVSIX({
    cwd: root,
    packagePath: target,
    dependencies: false,
    // relative links of the README stay as they are until there is a repository to point them at
    allowMissingRepository: true,
    rewriteRelativeLinks: false,
  });
  const files = await listFiles({ cwd: root, dependencies: false });
  const strangers = files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file)));
  const missing = REQUIRED.filter((file) => !files.includes(file));
  const size = fs.statSync(target).size;
  console.log(`${files.length} files: ${files.join(' ')}`);
  console.log(`${path.relative(root, target)}: ${size} bytes (limit ${MAX_BYTES})`);
  if (strangers.length > 0) throw new Error(`unexpected in the package: ${strangers.join(', ')}`);
  if (missing.length > 0) throw new Error(`missing in the package: ${missing.join(', ')}`);
  if (size > MAX_BYTES) throw new Error(`the package is ${size} bytes, over ${MAX_BYTES}`);
});
