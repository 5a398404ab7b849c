import assert from 'node:assert/strict';
import { stopServer } from '../../../../src/app/servers/stopping';
import type { OllamaServing } from '../../../../src/app/ollama/ollamaServing';
import { inFull } from '../../../support/effort';
import { LAUNCHES } from '../../../support/fakePorts';
import { seededRandom } from '../../../support/seededRandom';
import { Machine, type Start, type Window } from '../../../support/windows';

const never = {} as OllamaServing;

describe('launch queue', () => {
  let machine: Machine;
  let one: Window;
  let two: Window;
  const pass = (ms: number) => machine.clock.pass(ms);
  const started = () => machine.starts.map(({ id }) => id);
  const phaseOf = (window: Window, id: string) => window.server(id)?.phase;
  /** Its process lives, but nothing of it runs any more. */
  const hang = (window: Window) => {
    const host = machine.first.table.processes.get(window.hostPid)!;
    window.die();
    machine.first.table.add(host);
  };
  const saved = async () => [...(await machine.first.files.list(LAUNCHES))].sort();

  beforeEach(() => {
    machine = new Machine();
    one = machine.open();
    two = machine.open();
  });
  afterEach(async () => {
    for (const window of machine.windows) window.die();
    await pass(60_000);
  });

  it('starts at once where nothing is in the way', async () => {
    assert.equal(await one.ask('a'), true);
    assert.deepEqual(started(), ['a']);
    assert.equal(one.server('a')?.queued, null);
  });

  it('lets the second wait for the first, and says so', async () => {
    await one.ask('a');
    await one.ask('b');
    assert.deepEqual(started(), ['a']);
    assert.deepEqual(one.server('b')?.queued?.waitsFor, ['a']);
    await pass(2_000);
    assert.deepEqual(started(), ['a']);
    await pass(4_000);
    assert.deepEqual(started(), ['a', 'b']);
    assert.equal(phaseOf(one, 'a'), 'ready');
    assert.equal(one.server('b')?.queued, null);
    // its age counts from its start, not from the wish
    assert.ok((one.server('b')?.startedAtMs ?? 0) >= (one.server('a')?.readyAtMs ?? Infinity));
  });

  it('does not hold up another GPU', async () => {
    await one.ask('a', { gpus: [0] });
    await one.ask('b', { gpus: [1] });
    assert.deepEqual(started(), ['a', 'b']);
    await one.ask('c', { gpus: [0, 1] });
    assert.deepEqual(one.server('c')?.queued?.waitsFor, ['a', 'b']);
  });

  it('goes on when the one before fails', async () => {
    await one.ask('a');
    await one.ask('b');
    machine.end(machine.starts[0]!);
    await pass(8_000);
    assert.equal(phaseOf(one, 'a'), 'ended');
    assert.deepEqual(started(), ['a', 'b']);
  });

  it('waits for a launch of another window, and shows it there', async () => {
    await one.ask('a');
    await two.ask('b');
    assert.deepEqual(started(), ['a']);
    assert.deepEqual(two.server('b')?.queued?.waitsFor, ['a']);
    await pass(1_500);
    assert.deepEqual(one.server('b')?.queued?.waitsFor, ['a']);
    await pass(6_000);
    assert.deepEqual(started(), ['a', 'b']);
    for (const window of [one, two]) assert.equal(phaseOf(window, 'a'), 'ready');
    await pass(4_000);
    for (const window of [one, two]) assert.equal(phaseOf(window, 'b'), 'ready');
  });

  it('keeps the order of the wishes over windows', async () => {
    await one.ask('a');
    await pass(10);
    await two.ask('b');
    await pass(10);
    await one.ask('c');
    await pass(10);
    await two.ask('d');
    await pass(40_000);
    assert.deepEqual(started(), ['a', 'b', 'c', 'd']);
  });

  it('of two windows that ask in the same moment starts one', async () => {
    await Promise.all([one.ask('a'), two.ask('b')]);
    assert.equal(started().length, 1);
    await pass(10_000);
    assert.deepEqual(started().sort(), ['a', 'b']);
  });

  it('cancels one that waits: it never starts, and leaves no file', async () => {
    await one.ask('a');
    await one.ask('b');
    assert.equal(await one.turns.queue.cancel('b'), 'cancelled');
    assert.equal(one.server('b'), undefined);
    await pass(10_000);
    assert.deepEqual(started(), ['a']);
    assert.deepEqual(await saved(), ['a.json']);
    assert.equal(await one.turns.queue.cancel('a'), 'notQueued');
  });

  it('cancels one that another window queued', async () => {
    await one.ask('a');
    await two.ask('b');
    await pass(2_000);
    const cancelled = machine.clock.until(one.turns.queue.cancel('b'));
    assert.equal(await cancelled, 'cancelled');
    await pass(10_000);
    assert.deepEqual(started(), ['a']);
    assert.equal(two.server('b'), undefined);
  });

  it('says so where the other window does not react to a cancel', async () => {
    await one.ask('a');
    await two.ask('b');
    await pass(1_500);
    hang(two);
    assert.equal(await machine.clock.until(one.turns.queue.cancel('b')), 'unanswered');
  });

  it('a cancel that comes just too late finds it started, not lost', async () => {
    await one.ask('a');
    await two.ask('b');
    await pass(1_500);
    machine.end(machine.starts[0]!);
    // it starts there before this window has read of it
    while (!started().includes('b')) await pass(50);
    assert.ok(one.server('b')?.queued, 'this window still believes that it waits');
    assert.equal(await machine.clock.until(one.turns.queue.cancel('b')), 'notQueued');
    assert.ok(one.server('b')?.record, 'and can stop it now');
    assert.ok(two.server('b'));
  });

  it('forgets what a closed window had queued', async () => {
    await one.ask('a');
    await two.ask('b');
    await pass(1_500);
    assert.ok(one.server('b')?.queued);
    two.die();
    await pass(10_000);
    assert.deepEqual(started(), ['a']);
    assert.equal(one.server('b'), undefined);
    assert.deepEqual(await saved(), ['a.json']);
  });

  it('goes on showing it while nobody can see which processes live', async () => {
    machine.startMs = () => 60_000;
    await one.ask('a');
    await two.ask('b');
    await pass(1_500);
    const { table } = one.context;
    const sighted = { all: table.all.bind(table), one: table.one.bind(table) };
    Object.assign(table, { all: () => Promise.resolve([]), one: () => Promise.resolve(null) });
    await pass(3_000);
    Object.assign(table, sighted);
    await pass(3_000);
    assert.ok(one.server('b')?.queued);
  });

  it('waits for what a killed window was starting, and then goes on', async () => {
    await two.ask('a');
    two.die();
    await one.ask('b');
    assert.deepEqual(one.server('b')?.queued?.waitsFor, ['a']);
    await pass(2_000);
    assert.deepEqual(started(), ['a']);
    await pass(6_000);
    assert.equal(phaseOf(one, 'a'), 'ready');
    assert.deepEqual(started(), ['a', 'b']);
  });

  it('a window that comes back finds its start again, and starts nothing twice', async () => {
    await one.ask('a');
    await one.ask('b');
    one.die();
    const again = machine.open();
    await pass(500);
    assert.equal(phaseOf(again, 'a'), 'starting');
    assert.equal(again.server('b'), undefined, 'what only waited is gone with its window');
    await pass(6_000);
    assert.equal(phaseOf(again, 'a'), 'ready');
    assert.deepEqual(started(), ['a']);
  });

  it('finds a process that was started but not written down by its mark', async () => {
    await one.ask('a');
    const file = `${LAUNCHES}/a.json`;
    const text = JSON.parse(machine.first.files.text(file) ?? '') as object;
    one.die();
    machine.first.files.put(file, JSON.stringify({ ...text, record: null }));
    const again = machine.open();
    await pass(1_000);
    assert.equal(again.server('a')?.record?.main.pid, machine.starts[0]?.pid);
    await pass(6_000);
    assert.equal(phaseOf(again, 'a'), 'ready');
  });

  it('forgets a launch whose window died before it started the process', async () => {
    await one.ask('a');
    const file = `${LAUNCHES}/a.json`;
    const text = JSON.parse(machine.first.files.text(file) ?? '') as object;
    one.die();
    machine.end(machine.starts[0]!);
    machine.first.files.put(file, JSON.stringify({ ...text, record: null }));
    const again = machine.open();
    await pass(2_000);
    assert.equal(again.server('a'), undefined);
    assert.deepEqual(await saved(), []);
  });

  it('goes past a window that hangs with its turn', async () => {
    await two.ask('a');
    await two.ask('b');
    await pass(1_500);
    hang(two);
    await one.ask('c');
    await pass(10_000);
    assert.deepEqual(started(), ['a']);
    await pass(30_000);
    assert.deepEqual(started(), ['a', 'c']);
  });

  it('a jump of the clock by hours starts nothing early and holds nothing up', async () => {
    for (const hours of [5, -7]) {
      await one.ask(`a${hours}`);
      await one.ask(`b${hours}`);
      machine.clock.jump(hours * 3_600_000);
      await pass(2_000);
      assert.equal(phaseOf(one, `a${hours}`), 'starting');
      assert.ok(one.server(`b${hours}`)?.queued);
      await pass(8_000);
      assert.equal(phaseOf(one, `a${hours}`), 'ready');
      assert.equal(phaseOf(one, `b${hours}`), 'ready');
    }
  });

  it('refuses where the lock cannot be written, and says why', async () => {
    machine.first.files.isFull = true;
    assert.equal(await one.ask('a'), false);
    assert.deepEqual(started(), []);
    machine.first.files.isFull = false;
    assert.equal(await one.ask('b'), true);
  });

  it('a stop from another window is a stop in both, and frees the way', async () => {
    machine.startMs = () => 30_000;
    await one.ask('a');
    await one.ask('b');
    await pass(2_000);
    const { table } = two.context;
    assert.ok(two.server('a')?.record, 'the other window knows its process');
    machine.first.table.react = () => true;
    const stopped = stopServer(two.context, two.observer, never, 'a', { force: false });
    assert.equal((await machine.clock.until(stopped)).ok, true);
    assert.equal(table.signals.at(-1)?.identity.pid, machine.starts[0]?.pid);
    // its terminal tells the first window, which must not call that a crash
    await one.observer.ended('a', 130);
    for (const window of [one, two]) assert.equal(window.server('a')?.endReason, 'stopped');
    await pass(3_000);
    assert.deepEqual(started(), ['a', 'b']);
  });

  it('tells the other windows why a start failed', async () => {
    await one.ask('a');
    await pass(2_000);
    one.observer.output(
      'a',
      "(EngineCore pid=102) ValueError: To serve at least one request with the models's max seq len (8192), (1.00 GiB KV cache is needed, which is larger than the available KV cache memory (0.50 GiB).\n",
    );
    machine.end(machine.starts[0]!);
    await one.observer.ended('a', 1);
    await pass(3_000);
    const there = two.server('a');
    assert.equal(there?.endReason, 'failed');
    assert.equal(there.diagnosis?.cause?.id, 'kv_cache_too_small');
  });

  it('shows the stage of another window’s start', async () => {
    await one.ask('a');
    await pass(1_500);
    one.observer.output(
      'a',
      '(EngineCore pid=102) INFO 11-21 10:00:09 [gpu_model_runner.py:4800] Starting to load model org/m...\r\n',
    );
    assert.equal(one.server('a')?.stage, 'loading');
    await pass(1_100);
    assert.equal(two.server('a')?.stage, 'loading');
    one.die();
    const again = machine.open();
    await pass(100);
    assert.equal(again.server('a')?.stage, 'loading');
  });

  it('never starts two at once on a GPU, loses none and starts none twice, over two windows', async function () {
    this.timeout(120_000);
    const count = inFull(100, 25);
    for (const seed of inFull([1, 2, 3, 4], [1])) {
      const random = seededRandom(seed);
      machine = new Machine();
      const windows = [machine.open(), machine.open()];
      machine.startMs = () => 200 + Math.floor(random() * 3_000);
      const asked = new Map<string, number[]>();
      const cancelled = new Set<string>();
      const ended = new Set<Start>();
      let next = 0;
      let passedMs = 0;
      const isSettled = () =>
        next === count &&
        [...asked.keys()].every((id) => cancelled.has(id) || started().includes(id)) &&
        machine.starts.every((start) => start.readyAtMs !== null || start.endedAtMs !== null);
      while (!isSettled()) {
        assert.ok(passedMs < 600_000, `seed ${seed}: ${machine.starts.length} of ${count} started`);
        for (let burst = Math.floor(random() * 6); burst > 0 && next < count; burst--) {
          const id = `l${(next += 1)}`;
          const gpus = random() < 0.2 ? [0, 1] : random() < 0.5 ? [0] : [1];
          asked.set(id, gpus);
          void windows[Math.floor(random() * 2)]!.ask(id, { gpus });
        }
        const waiting = [...asked.keys()].filter((id) => windows[0]!.server(id)?.queued);
        const victim = waiting[Math.floor(random() * waiting.length * 8)];
        if (victim)
          void windows[Math.floor(random() * 2)]!.turns.queue.cancel(victim).then(
            (how) => how === 'cancelled' && cancelled.add(victim),
          );
        for (const start of machine.starts)
          if (!ended.has(start) && random() < (start.readyAtMs === null ? 0.02 : 0.2)) {
            ended.add(start);
            machine.end(start);
          }
        await pass(500);
        passedMs += 500;
      }
      const ids = started();
      assert.equal(new Set(ids).size, ids.length, `seed ${seed}: one was started twice`);
      for (const id of asked.keys())
        assert.notEqual(ids.includes(id), cancelled.has(id), `seed ${seed}: ${id}`);
      assert.ok(cancelled.size > inFull(3, 0), `only ${cancelled.size} cancelled`);
      for (const start of machine.starts)
        for (const other of machine.starts) {
          if (start === other || !start.gpus.some((gpu) => other.gpus.includes(gpu))) continue;
          const endMs = start.readyAtMs ?? start.endedAtMs ?? Infinity;
          const isMeanwhile = other.atMs > start.atMs && other.atMs < endMs;
          assert.ok(!isMeanwhile, `seed ${seed}: ${other.id} started while ${start.id} did`);
        }
      for (const window of windows) window.die();
      await pass(30_000);
    }
  });
});
