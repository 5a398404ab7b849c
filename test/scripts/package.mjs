// npm run package: builds and packs out/vram-pilot-VERSION.vsix, then checks what is in it, file by file, and how large.
import fs from 'node:fs';
import path from 'node:path';
import { out, root } from './paths.mjs';
import { main, must } from './processes.mjs';
import { setUp } from './setup.mjs';
import { zipEntries } from './zipEntries.mjs';

const MAX_BYTES = 1_000_000;

/** As vsce names them inside; its own two lists come first. */
const ENVELOPE = ['extension.vsixmanifest', '[Content_Types].xml'];
const FIXED = [
  ...['package.json', 'package.nls.json', 'readme.md', 'changelog.md', 'LICENSE.txt'],
  ...['dist/extension.js', 'dist/cli.js', 'dist/webview.js', 'dist/webview.css'],
  ...['media/icon.png', 'media/activity.svg', 'media/activityOnDark.svg'],
];

/** Exactly these belong into the package: the bundles, the words, and the pictures that the words show. */
function expectedFiles(manifest) {
  const readme = fs.readFileSync(path.join(root, 'README.md'), 'utf8');
  const shown = [...readme.matchAll(/\]\((media\/[^)\s]+)\)/g)].map((match) => match[1]);
  const steps = manifest.contributes.walkthroughs.flatMap((walkthrough) => walkthrough.steps);
  const media = [...shown, ...steps.map((step) => step.media.svg)];
  return [...ENVELOPE, ...[...new Set([...FIXED, ...media])].map((file) => `extension/${file}`)];
}

const without = (files, others) => files.filter((file) => !others.includes(file));

main(async () => {
  await setUp();
  await must(process.execPath, ['esbuild.js'], { cwd: root });
  const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
  const target = path.join(out, `vram-pilot-${manifest.version}.vsix`);
  fs.mkdirSync(out, { recursive: true });
  const { createVSIX } = await import('@vscode/vsce');
  await createVSIX({
    cwd: root,
    packagePath: target,
    dependencies: false,
    // relative links of the README stay as they are until there is a repository to point them at
    allowMissingRepository: true,
    rewriteRelativeLinks: false,
  });
  const entries = zipEntries(fs.readFileSync(target));
  for (const { name, bytes, packedBytes } of entries)
    console.log(`${String(bytes).padStart(9)} ${String(packedBytes).padStart(9)}  ${name}`);
  const size = fs.statSync(target).size;
  console.log(
    `${path.relative(root, target)}: ${entries.length} files, ${size} bytes (limit ${MAX_BYTES})`,
  );
  const found = entries.map(({ name }) => name);
  const expected = expectedFiles(manifest);
  const strangers = without(found, expected);
  const missing = without(expected, found);
  if (strangers.length > 0) throw new Error(`unexpected in the package: ${strangers.join(', ')}`);
  if (missing.length > 0) throw new Error(`missing in the package: ${missing.join(', ')}`);
  if (size > MAX_BYTES) throw new Error(`the package is ${size} bytes, over ${MAX_BYTES}`);
});
