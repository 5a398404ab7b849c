/** The saved launches of a window, and a file that cannot be read: said, left alone, read again once it is right. */
import assert from 'node:assert/strict';
import { createProfileShelf } from '../../../../src/app/launching/profileShelf';
import { emptyWish } from '../../../../src/app/planning/wishes';
import { fakeContext } from '../../../support/fakePorts';

const PATH = '/w/.vscode/vram-pilot.profiles.json';
const GOOD = '{"version":1,"profiles":[{"name":"a","model":"org/m"}]}';

function openShelf() {
  const context = fakeContext();
  const shelf = createProfileShelf(context, { storageFolder: '/s', workspaceFolder: '/w' });
  const profile = { name: 'mine', wish: { ...emptyWish(context.settingsNow), model: 'org/n' } };
  const textNow = async () => {
    const text = await context.files.readText(PATH, 1_000_000);
    return text.ok ? text.value : null;
  };
  return { context, shelf, profile, textNow, state: () => context.store.state() };
}

describe('the shelf of profiles', () => {
  it('is in the folder, or in the storage where none is open', () => {
    const { context, shelf } = openShelf();
    assert.equal(shelf.path, PATH);
    const places = { storageFolder: '/s', workspaceFolder: null };
    assert.equal(createProfileShelf(context, places).path, '/s/profiles.json');
  });

  it('has no problem where there is no file', async () => {
    const { shelf, state } = openShelf();
    await shelf.read();
    assert.deepEqual([state().profiles, state().profilesProblem], [[], null]);
  });

  for (const [what, text, why] of [
    ['is not JSON', '{ "version": 1, "profiles": [', /not JSON/],
    ['lacks a model', '{"version":1,"profiles":[{"name":"x"}]}', /profiles\.0\.model/],
    ['is of a later version', '{"version":2,"profiles":[]}', /version/],
    ['is empty', '', /not JSON/],
  ] as const) {
    it(`says once that its file ${what}, and never writes to it`, async () => {
      const { context, shelf, profile, textNow, state } = openShelf();
      await context.files.writeAtomic(PATH, text);
      await shelf.read();
      await shelf.read();
      assert.equal(state().profilesProblem?.path, PATH);
      assert.match(state().profilesProblem?.text ?? '', why);
      assert.equal(
        context.log.lines.filter((line) => line.includes('could not be read')).length,
        1,
      );
      assert.ok(!(await shelf.save(profile)).ok);
      assert.ok(!(await shelf.delete('x')).ok);
      assert.equal(await textNow(), text);
    });
  }

  it('shows the problem when it is met at saving, and takes it back when the file is right', async () => {
    const { context, shelf, profile, state } = openShelf();
    await context.files.writeAtomic(PATH, GOOD);
    await shelf.read();
    await context.files.writeAtomic(PATH, 'oops');
    assert.ok(!(await shelf.save(profile)).ok);
    assert.notEqual(state().profilesProblem, null);
    assert.deepEqual(
      state().profiles.map(({ name }) => name),
      ['a'],
      'what was read before stays of use',
    );
    await context.files.writeAtomic(PATH, GOOD);
    assert.ok((await shelf.save(profile)).ok);
    assert.equal(state().profilesProblem, null);
    assert.deepEqual(
      state().profiles.map(({ name }) => name),
      ['a', 'mine'],
    );
  });

  it('writes no key into a file that others read', async () => {
    const { shelf, profile, textNow } = openShelf();
    const wish = { ...profile.wish, extraArguments: ['--api-key', 'secret', '--seed', '1'] };
    assert.ok((await shelf.save({ ...profile, wish })).ok);
    const text = (await textNow()) ?? '';
    assert.ok(text.includes('"***"') && !text.includes('secret'), text);
  });

  it('puts one back where it stood, and a changed one stays in its place', async () => {
    const { shelf, profile, state } = openShelf();
    for (const name of ['a', 'b', 'c']) await shelf.save({ ...profile, name });
    await shelf.delete('b');
    assert.ok((await shelf.save({ ...profile, name: 'b' }, 1)).ok);
    assert.ok((await shelf.save({ ...profile, name: 'c' }, 0)).ok);
    assert.deepEqual(
      state().profiles.map(({ name }) => name),
      ['a', 'b', 'c'],
    );
  });

  it('loses none of two changes at once', async () => {
    const { context, shelf, profile, textNow } = openShelf();
    await Promise.all(['a', 'b', 'c'].map((name) => shelf.save({ ...profile, name })));
    await Promise.all(['a', 'c'].map((name) => shelf.delete(name)));
    assert.match((await textNow()) ?? '', /"name": "b"/);
    assert.deepEqual(
      context.store.state().profiles.map(({ name }) => name),
      ['b'],
    );
  });
});
