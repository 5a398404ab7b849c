import assert from 'node:assert/strict';
import {
  createLaunchLock,
  type LaunchLock,
  type LockRequest,
} from '../../../../src/app/launching/launchLock';
import { identityOf } from '../../../../src/processes/tree';
import { fakeContext, type FakeContext } from '../../../support/fakePorts';
import { memoryFiles } from '../../../support/memoryFiles';
import { seededRandom } from '../../../support/seededRandom';

const FOLDER = '/storage/locks';

describe('launch lock', () => {
  let context: FakeContext;
  let lock: LaunchLock;
  const settled = new Set<string>();

  const owner = (pid: number) => {
    const known = context.table.processes.get(pid);
    return identityOf(known ?? context.table.add({ pid, comm: 'node' }));
  };
  const request = (launchId: string, gpus = [0], pid = 50): LockRequest => ({
    launchId,
    title: `server ${launchId}`,
    gpus,
    owner: owner(pid),
  });
  const take = async (launchId: string, gpus = [0], pid = 50) => {
    const taken = await lock.take(request(launchId, gpus, pid));
    assert.ok(taken.ok);
    return taken.value === 'taken' ? 'taken' : taken.value.title;
  };
  const open = (files = context.files) =>
    createLaunchLock(
      { ...context, files, isSettled: (id) => Promise.resolve(settled.has(id)) },
      FOLDER,
    );

  beforeEach(() => {
    context = fakeContext();
    settled.clear();
    lock = open();
  });

  it('is taken by one, and says who holds it', async () => {
    assert.equal(await take('a'), 'taken');
    assert.equal(await take('b', [0], 60), 'server a');
    await lock.release('a');
    assert.equal(await take('b', [0], 60), 'taken');
  });

  it('is one per GPU', async () => {
    assert.equal(await take('a', [0]), 'taken');
    assert.equal(await take('b', [1]), 'taken');
    assert.equal(await take('c', [1, 0]), 'server a');
  });

  it('takes all GPUs or none', async () => {
    assert.equal(await take('a', [1]), 'taken');
    assert.equal(await take('b', [0, 1]), 'server a');
    assert.equal(await take('c', [0]), 'taken');
  });

  it('ends with its window, also where that was killed', async () => {
    assert.equal(await take('a', [0], 60), 'taken');
    context.table.end(60);
    assert.equal(await take('b'), 'taken');
  });

  it('ends with its window where the number was given to somebody else', async () => {
    assert.equal(await take('a', [0], 60), 'taken');
    context.table.reuse(60, { comm: 'bash' });
    assert.equal(await take('b'), 'taken');
  });

  it('does not hold where its window is a zombie', async () => {
    assert.equal(await take('a', [0], 60), 'taken');
    context.table.end(60, true);
    assert.equal(await take('b'), 'taken');
  });

  it('ends when its launch is known to be ready or over, though its window forgot', async () => {
    assert.equal(await take('a', [0], 60), 'taken');
    settled.add('a');
    assert.equal(await take('b'), 'taken');
  });

  it('keeps one file per GPU, however often it is taken', async () => {
    for (let round = 0; round < 30; round++) {
      assert.equal(await take(`l${round}`), 'taken');
      await lock.release(`l${round}`);
    }
    assert.equal((await context.files.list(FOLDER)).length, 1);
  });

  it('fails, and takes nothing, on a full disk', async () => {
    context.files.isFull = true;
    const taken = await lock.take(request('a', [0, 1]));
    assert.ok(!taken.ok);
    assert.match(taken.failure.detail, /ENOSPC/);
    context.files.isFull = false;
    assert.equal(await take('b', [0, 1]), 'taken');
  });

  it('can be released on a full disk', async () => {
    assert.equal(await take('a'), 'taken');
    context.files.isFull = true;
    await lock.release('a');
    context.files.isFull = false;
    assert.equal(await take('b', [0], 60), 'taken');
  });

  it('cut at any byte holds for some seconds and then no more', async () => {
    assert.equal(await take('a'), 'taken');
    const [name = ''] = await context.files.list(FOLDER);
    const text = context.files.text(`${FOLDER}/${name}`) ?? '';
    assert.ok(text.length > 100);
    for (let length = 0; length < text.length; length++) {
      const files = memoryFiles();
      const nowMs = context.clock.now();
      files.put(`${FOLDER}/${name}`, text.slice(0, length), nowMs);
      lock = open(files);
      assert.equal(await take('b', [0], 60), null, `${length} bytes`);
      files.put(`${FOLDER}/${name}`, text.slice(0, length), nowMs - 60_000);
      assert.equal(await take('b', [0], 60), 'taken', `${length} bytes, old`);
    }
  });

  it('of another boot or machine is none of ours', async () => {
    const other = { ...request('a'), owner: { pid: 7, startTime: '1', bootId: 'another-boot' } };
    assert.ok((await lock.take(other)).ok);
    assert.equal(await take('b'), 'taken');
  });

  it('is never held twice, whatever the order of steps, deaths and releases', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      context = fakeContext();
      const random = seededRandom(seed);
      // every access waits for a while that differs, so that windows overtake each other everywhere
      const wait = () =>
        new Promise<void>((resolve) => {
          let turns = Math.floor(random() * 4);
          const step = () => (turns-- > 0 ? setImmediate(step) : resolve());
          step();
        });
      const { files } = context;
      const slow = {
        ...files,
        list: async (path: string) => (await wait(), files.list(path)),
        createNew: async (path: string, text: string) => (
          await wait(),
          files.createNew(path, text)
        ),
        rename: async (from: string, to: string) => (await wait(), files.rename(from, to)),
        remove: async (path: string) => (await wait(), files.remove(path)),
      };
      const holding = new Map<string, number>();
      let most = 0;
      let times = 0;
      const windowOf = async (pid: number) => {
        const own = open(slow);
        for (let at = 0; at < 6; at++) {
          const id = `${pid}-${at}`;
          const taken = await own.take(request(id, [0], pid));
          if (!taken.ok || taken.value !== 'taken') continue;
          times += 1;
          holding.set(id, pid);
          most = Math.max(most, holding.size);
          await wait();
          holding.delete(id);
          if (random() < 0.3) {
            // killed while it held the lock; another one takes its place
            context.table.end(pid);
            context.table.reuse(pid, { comm: 'node' });
          } else await own.release(id);
        }
      };
      await Promise.all([60, 61, 62, 63].map(windowOf));
      assert.equal(most, 1, `seed ${seed}`);
      assert.ok(times > 0);
    }
  });
});
