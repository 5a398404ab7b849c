/** Loading the extension is free of side effects: what it does, it does when VS Code activates it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const bundle = path.join('out', 'test-loading', 'extension.js');

function inNode(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr.slice(-2000));
  return stdout;
}

describe('loading the extension', () => {
  it('starts no timer and no program, and opens no file and no connection', function () {
    this.timeout(30_000);
    const options = {
      entryPoints: ['src/extension.ts'],
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: ['vscode'],
      logLevel: 'warning',
    };
    inNode(['-e', `require('esbuild').buildSync(${JSON.stringify(options)})`]);
    const told = JSON.parse(inNode(['test/support/loadQuietly.cjs', bundle])) as unknown;
    assert.deepEqual(told, { activate: 'function', done: [] });
  });
});
