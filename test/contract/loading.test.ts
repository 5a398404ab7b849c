/** Loading the extension is free of side effects: what it does, it does when VS Code activates it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { programPath } from '../support/programs';

describe('loading the extension', () => {
  it('starts no timer and no program, and opens no file and no connection', function () {
    this.timeout(30_000);
    const args = ['test/support/loadQuietly.cjs', programPath('extension')];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(status, 0, stderr.slice(-2000));
    assert.deepEqual(JSON.parse(stdout), { activate: 'function', done: [] });
  });
});
