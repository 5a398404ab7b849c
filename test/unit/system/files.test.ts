import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openFiles } from '../../../src/system/files';

describe('files', () => {
  const files = openFiles();
  let folder = '';
  beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-files-'))));
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('writes whole files, makes folders, follows links, leaves nothing behind', async () => {
    const file = path.join(folder, 'a', 'b', 'x.json');
    assert.ok((await files.writeAtomic(file, '{"a":1}')).ok);
    fs.chmodSync(file, 0o600);
    const link = path.join(folder, 'link.json');
    fs.symlinkSync(file, link);
    assert.ok((await files.writeAtomic(link, 'zwei')).ok);
    assert.equal(fs.readFileSync(file, 'utf8'), 'zwei');
    assert.ok(fs.lstatSync(link).isSymbolicLink());
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(fs.readdirSync(path.dirname(file)), ['x.json']);
  });

  it('leaves a file its rights, also those that new files do not get', async () => {
    const file = path.join(folder, 'shared.json');
    fs.writeFileSync(file, 'one');
    fs.chmodSync(file, 0o666);
    const before = process.umask(0o022);
    assert.ok((await files.writeAtomic(file, 'two')).ok);
    process.umask(before);
    assert.equal(fs.statSync(file).mode & 0o777, 0o666);
  });

  it('keeps a new file for this user alone where that is asked for', async () => {
    const file = path.join(folder, 'own.json');
    assert.ok((await files.writeAtomic(file, 'x', { isPrivate: true })).ok);
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  });

  it('says why it cannot write, and cleans up', async () => {
    fs.writeFileSync(path.join(folder, 'file'), '');
    const result = await files.writeAtomic(path.join(folder, 'file', 'x'), 'text');
    assert.ok(!result.ok && result.failure.reason === 'failed');
    fs.mkdirSync(path.join(folder, 'taken'));
    assert.ok(!(await files.writeAtomic(path.join(folder, 'taken'), 'text')).ok);
    assert.deepEqual(fs.readdirSync(folder).sort(), ['file', 'taken']);
  });

  it('creates a name once, whole, and leaves nothing beside it', async () => {
    const file = path.join(folder, 'a', 'lock');
    const answers = await Promise.all(
      ['one', 'two', 'three'].map((text) => files.createNew(file, text)),
    );
    assert.equal(answers.filter((answer) => answer.ok && answer.value).length, 1);
    assert.match(fs.readFileSync(file, 'utf8'), /^(one|two|three)$/);
    assert.deepEqual(fs.readdirSync(path.dirname(file)), ['lock']);
    assert.ok(!(await files.createNew(path.join(file, 'below'), 'x')).ok);
  });

  it('renames what is there, and says where nothing is', async () => {
    fs.writeFileSync(path.join(folder, 'from'), 'x');
    const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];
    assert.equal(await files.rename(from, to), true);
    assert.equal(fs.readFileSync(to, 'utf8'), 'x');
    assert.equal(await files.rename(from, to), false);
  });

  it('reads text up to its cap and ranges up to the end', async () => {
    const file = path.join(folder, 't');
    fs.writeFileSync(file, 'häuser');
    assert.deepEqual(await files.readText(file, 100), { ok: true, value: 'häuser' });
    const long = await files.readText(file, 3);
    assert.ok(!long.ok && long.failure.reason === 'invalid');
    const range = await files.readRange(file, 3, 100);
    assert.equal(range.ok && Buffer.from(range.value).toString(), 'user');
    const beyond = await files.readRange(file, 900, 4);
    assert.ok(beyond.ok && beyond.value.length === 0);
    for (const [offset, length] of [
      [-1, 3],
      [0, Number.NaN],
    ] as const)
      assert.ok(!(await files.readRange(file, offset, length)).ok);
  });

  it('knows missing from unreadable, and does not read devices', async () => {
    const missing = await files.readText(path.join(folder, 'none'), 9);
    assert.ok(!missing.ok && missing.failure.reason === 'notFound');
    const device = await files.readText('/dev/zero', 9);
    assert.ok(!device.ok && device.failure.reason === 'unreadable');
    assert.equal(await files.stat(path.join(folder, 'none')), null);
    assert.deepEqual(await files.list(path.join(folder, 'none')), []);
    assert.equal(await files.realPath(path.join(folder, 'none')), null);
    assert.equal((await files.stat(folder))?.kind, 'folder');
    await files.remove(path.join(folder, 'none'));
  });
});
