import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

const ALLOWED_AT_ROOT = new Set([
  ...['src', 'webview', 'media', 'test', '.ci', '.vscode'],
  ...['package.json', 'package.nls.json', 'package-lock.json', 'tsconfig.json', 'esbuild.js'],
  ...['.vscodeignore', '.npmrc', '.gitignore', '.prettierignore'],
  ...['README.md', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md'],
  // not in the repository
  ...['.git', 'node_modules', 'dist', 'out'],
]);

function filesUnder(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

describe('project', () => {
  it('has nothing at the top level that the architecture does not name', () => {
    assert.deepEqual(
      fs.readdirSync('.').filter((name) => !ALLOWED_AT_ROOT.has(name)),
      [],
    );
  });

  it('names no package registry', () => {
    const names = ['src', 'webview', 'media', 'test', '.ci', '.vscode'].flatMap(filesUnder);
    const texts = [
      ...names,
      'package.json',
      'package.nls.json',
      'package-lock.json',
      '.npmrc',
      'esbuild.js',
      ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
    ].filter((name) => /\.(ts|mjs|cjs|js|json|md|css|py|txt|npmrc)$|run$/.test(name));
    assert.ok(texts.length > 50);
    // written in pieces, so that this file does not name them either
    const hosts = [
      ['registry', 'npmjs'],
      ['pypi', 'org'],
      ['pythonhosted', 'org'],
    ];
    const forbidden = new RegExp(hosts.map((parts) => parts.join('\\.')).join('|'));
    assert.deepEqual(
      texts.filter((name) => forbidden.test(fs.readFileSync(name, 'utf8'))),
      [],
    );
  });
});
