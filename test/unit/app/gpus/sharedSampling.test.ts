import assert from 'node:assert/strict';
import { createSampler } from '../../../../src/app/gpus/sampler';
import { createSharedSampling } from '../../../../src/app/gpus/sharedSampling';
import { nvidiaSource } from '../../../../src/gpu/nvidia/source';
import type { GpuSource } from '../../../../src/gpu/source';
import { fakeContext, printed, settle, type FakeContext } from '../../../support/fakePorts';
import type { FakeProcessTable } from '../../../support/fakeProcessTable';

const TOOL = '/usr/bin/nvidia-smi';
const SHARED = '/storage/sampling/sample.json';

/** How often the tool is called is what is counted here. */
const singleCalls: GpuSource = {
  ...nvidiaSource,
  calls: (...asked) =>
    nvidiaSource.calls(...asked).map(({ file, args, timeoutMs }) => ({ file, args, timeoutMs })),
};

/** A window with its own state and tools; clock, disk and processes are the machine's. */
class Window {
  readonly context: FakeContext;
  readonly over = new AbortController();
  watched = true;
  key: string | null = 'same';
  intervalMs = 2_000;

  constructor(
    private readonly machine: FakeContext,
    readonly hostPid: number,
  ) {
    const { clock, files } = machine;
    if (!machine.table.processes.has(hostPid)) machine.table.add({ pid: hostPid, comm: 'node' });
    const table = Object.create(machine.table) as FakeProcessTable;
    table.self = () => Promise.resolve({ uid: 1000, protectedPids: [hostPid], inContainer: false });
    this.context = { ...fakeContext(), clock, files, table };
    this.context.exec.onPath.set('nvidia-smi', TOOL);
    this.context.exec.scripts.set(TOOL, ({ args }) => {
      const [, what, fields = ''] = /^--query-([a-z-]+)=(.*)$/.exec(args[0] ?? '') ?? [];
      if (what !== 'gpu') return printed('gpu_uuid, pid, used_gpu_memory [MiB], process_name\n');
      const values: Record<string, string> = { index: '0', 'memory.total': '24564' };
      const used = { 'memory.used': String(1_000 + (Math.floor(clock.elapsedMs() / 1_000) % 60)) };
      const row = fields.split(',').map((field) => ({ ...values, ...used })[field] ?? '[N/A]');
      return printed(`${fields.replaceAll(',', ', ')}\n${row.join(', ')}\n`);
    });
  }

  open(): this {
    const { context } = this;
    const sharing = createSharedSampling({
      ...context,
      folder: '/storage/sampling',
      intervalMs: () => this.intervalMs,
      key: () => this.key,
    });
    const sampler = createSampler(
      { ...context, families: () => [{ vendor: null, ways: [singleCalls] }], sharing },
      {
        intervalMs: () => this.intervalMs,
        warnPercent: () => 85,
        executable: () => '',
        isWatched: () => this.watched,
      },
    );
    void sampler.run(this.over.signal).then(() => sharing.stop());
    return this;
  }

  /** Its extension host is killed. */
  die(): void {
    this.over.abort();
    this.machine.table.processes.delete(this.hostPid);
  }

  get looks(): number {
    return this.context.exec.calls.filter(({ args }) => args[0]?.startsWith('--query-gpu')).length;
  }

  get ageMs(): number {
    const { gpu } = this.context.store.state();
    return this.context.clock.now() - (gpu.sampledAtMs ?? 0);
  }
}

describe('sampling shared by windows', () => {
  let machine: FakeContext;
  let windows: Window[];
  const open = () => {
    const window = new Window(machine, 50 + windows.length).open();
    windows.push(window);
    return window;
  };
  const pass = (ms: number) => machine.clock.pass(ms);
  /** Looks of each window while `ms` pass. */
  const looksIn = async (ms: number) => {
    const before = windows.map(({ looks }) => looks);
    await pass(ms);
    return windows.map(({ looks }, at) => looks - (before[at] ?? 0));
  };

  beforeEach(() => {
    machine = fakeContext();
    windows = [];
  });
  afterEach(async () => {
    for (const { over } of windows) over.abort();
    await settle();
  });

  it('a window alone writes no samples', async () => {
    open();
    await pass(60_000);
    assert.equal(machine.files.text(SHARED), null);
  });

  it('of four windows one looks, and all have figures of the last seconds', async () => {
    for (let at = 0; at < 4; at++) {
      open();
      await pass(700);
    }
    await pass(60_000);
    const looks = await looksIn(60_000);
    assert.equal(looks.filter((count) => count > 0).length, 1, String(looks));
    for (let second = 0; second < 60; second++) {
      await pass(1_000);
      for (const window of windows) assert.ok(window.ageMs <= 4_000, String(window.ageMs));
    }
  });

  it('another one looks within ten seconds after the one that looked died, or sleeps', async () => {
    for (let at = 0; at < 3; at++) open();
    await pass(70_000);
    const looker = (await looksIn(10_000)).findIndex((count) => count > 0);
    windows[looker]!.die();
    await pass(10_000);
    const others = windows.filter((_, at) => at !== looker);
    for (const window of others) assert.ok(window.ageMs <= 4_000, String(window.ageMs));
    await pass(60_000);
    const next = (await looksIn(10_000)).findIndex((count) => count > 0);
    assert.notEqual(next, looker);
    windows[next]!.watched = false;
    await pass(10_000);
    const last = windows.find((_, at) => at !== looker && at !== next);
    assert.ok((last?.ageMs ?? Infinity) <= 4_000, String(last?.ageMs));
  });

  it('is not between windows that ask other things, nor for one that looks more often', async () => {
    open();
    open().key = 'another tool';
    await pass(70_000);
    assert.ok((await looksIn(10_000)).every((count) => count >= 4));
    windows[1]!.key = 'same';
    windows[1]!.intervalMs = 1_000;
    await pass(70_000);
    const [slow, quick] = await looksIn(10_000);
    assert.equal(slow, 0);
    assert.ok((quick ?? 0) >= 8, String(quick));
  });

  it('reads no junk, and nothing from the future', async () => {
    open();
    open();
    await pass(70_000);
    for (const text of ['', '{', '[]', '{"key":"same"}', '{"sample":{"gpus":[{}]}}']) {
      machine.files.put(SHARED, text);
      await pass(3_000);
      for (const window of windows) assert.ok(window.ageMs <= 5_000);
    }
    const shared = JSON.parse(machine.files.text(SHARED) ?? '') as { atMs: number };
    machine.files.put(SHARED, JSON.stringify({ ...shared, atMs: shared.atMs + 3_600_000 }));
    await pass(5_000);
    for (const window of windows) assert.ok(window.ageMs >= 0 && window.ageMs <= 5_000);
  });

  it('reads nothing from a window that is not of this machine or container', async () => {
    open();
    open();
    await pass(70_000);
    const shared = JSON.parse(machine.files.text(SHARED) ?? '') as { owner: object };
    const looker = (await looksIn(10_000)).findIndex((count) => count > 0);
    windows[looker]!.die();
    const owner = { ...shared.owner, pid: 4711 };
    const looks = windows[1 - looker]!.looks;
    for (let second = 0; second < 20; second++) {
      machine.files.put(SHARED, JSON.stringify({ ...shared, owner, atMs: machine.clock.now() }));
      await pass(1_000);
    }
    assert.ok(windows[1 - looker]!.looks - looks >= 8);
  });

  it('a window that closes leaves nothing behind, and one that was killed is cleared away', async () => {
    open();
    open();
    await pass(70_000);
    windows[0]!.over.abort();
    await pass(40_000);
    assert.deepEqual(
      (await machine.files.list('/storage/sampling')).filter((name) => name.startsWith('window')),
      ['window-51.json'],
    );
    open().die();
    await pass(40_000);
    assert.equal((await machine.files.list('/storage/sampling')).includes('window-52.json'), false);
  });
});
