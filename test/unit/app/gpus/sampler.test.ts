import assert from 'node:assert/strict';
import { createSampler, type Sampler } from '../../../../src/app/gpus/sampler';
import { nvidiaSource } from '../../../../src/gpu/nvidia/source';
import { simulatedSource } from '../../../../src/gpu/simulated';
import type { GpuSource } from '../../../../src/gpu/source';
import { fail } from '../../../../src/shared/failure';
import {
  fakeContext,
  printed,
  serverOf,
  settle,
  type FakeContext,
} from '../../../support/fakePorts';

const TOOL = '/usr/bin/nvidia-smi';

interface Scene {
  readonly context: FakeContext;
  readonly sampler: Sampler;
  readonly over: AbortController;
  watched: boolean;
  executable: string;
  source: GpuSource;
  /** What the tool says to a query for cards and one for processes. */
  cards: (fields: readonly string[]) => ReturnType<typeof printed>;
  processes: () => ReturnType<typeof printed>;
  readonly gpu: () => ReturnType<FakeContext['store']['state']>['gpu'];
  /** Calls that asked for cards, or for processes. */
  readonly asked: (what: 'gpu' | 'compute-apps') => number;
}

/** As nvidia-smi writes it: the header repeats the fields, numbers bear no unit. */
function cardsTable(fields: readonly string[], usedMib = 1024): string {
  const values: Record<string, string> = {
    index: '0',
    uuid: 'GPU-0f1e2d3c-1111-2222-3333-444455556666',
    name: 'NVIDIA GeForce RTX 4090',
    'memory.total': '24564',
    'memory.used': String(usedMib),
    'memory.free': String(24564 - usedMib - 400),
    'utilization.gpu': '3',
    'temperature.gpu': '41',
  };
  const units = (field: string) => (field.startsWith('memory.') ? `${field} [MiB]` : field);
  return `${fields.map(units).join(', ')}\n${fields.map((field) => values[field] ?? '[N/A]').join(', ')}\n`;
}

/** As on a laptop, where a tool that runs on would keep the card awake. */
const withoutRepeat: GpuSource = {
  ...nvidiaSource,
  calls: (...asked) =>
    nvidiaSource.calls(...asked).map(({ file, args, timeoutMs }) => ({ file, args, timeoutMs })),
};

const processTable = (pid: number): string =>
  `gpu_uuid, pid, used_gpu_memory [MiB], process_name\nGPU-0f1e2d3c-1111-2222-3333-444455556666, ${pid}, 900, /usr/bin/python3\n`;

function sceneOf(): Scene {
  const context = fakeContext();
  const scene: Scene = {
    context,
    over: new AbortController(),
    watched: true,
    executable: '',
    source: nvidiaSource,
    cards: (fields) => printed(cardsTable(fields)),
    processes: () => printed(processTable(4242)),
    sampler: createSampler(
      { ...context, families: () => [{ vendor: null, ways: [scene.source] }] },
      {
        intervalMs: () => 2000,
        warnPercent: () => 85,
        executable: () => scene.executable,
        isWatched: () => scene.watched,
      },
    ),
    gpu: () => context.store.state().gpu,
    asked: (what) =>
      context.exec.calls.filter(({ args }) => args[0]?.startsWith(`--query-${what}=`)).length,
  };
  context.exec.onPath.set('nvidia-smi', TOOL);
  context.exec.scripts.set(TOOL, ({ args }) => {
    const [, what = '', fields = ''] = /^--query-([a-z-]+)=(.*)$/.exec(args[0] ?? '') ?? [];
    return what === 'gpu' ? scene.cards(fields.split(',')) : scene.processes();
  });
  return scene;
}

describe('sampler', () => {
  let scene: Scene;
  const begin = () => void scene.sampler.run(scene.over.signal);
  const pass = (ms: number) => scene.context.clock.pass(ms);

  beforeEach(() => (scene = sceneOf()));
  afterEach(async () => {
    scene.over.abort();
    await settle();
  });

  it('goes on after a look that broke', async () => {
    let isBroken = true;
    scene.source = {
      ...withoutRepeat,
      read: (...answered) => {
        if (isBroken) throw new Error('a bug');
        return nvidiaSource.read(...answered);
      },
    };
    begin();
    await pass(1_000);
    assert.equal(scene.gpu().status, 'unknown');
    isBroken = false;
    await pass(2_000);
    assert.equal(scene.gpu().status, 'ok');
  });

  it('looks every interval, and at processes every ten seconds', async () => {
    scene.source = withoutRepeat;
    begin();
    await pass(0);
    assert.equal(scene.gpu().status, 'ok');
    assert.equal(scene.gpu().sample?.gpus[0]?.usedBytes, 1024 * 2 ** 20);
    // the first time twice, and four times more
    await pass(9_999);
    assert.equal(scene.asked('gpu'), 6);
    assert.equal(scene.asked('compute-apps'), 1);
    await pass(2);
    assert.equal(scene.asked('compute-apps'), 2);
  });

  it('shows the first figures before it asks who holds the memory', async () => {
    const told: (readonly [number, boolean])[] = [];
    scene.context.store.watch(
      ({ gpu }) => gpu.sample,
      (sample) => {
        const { processes = [], processesPending = false } = sample ?? {};
        told.push([scene.asked('compute-apps'), processesPending]);
        assert.equal(processes.length, processesPending ? 0 : 1);
      },
    );
    begin();
    await pass(0);
    assert.deepEqual(told, [
      [0, true],
      [1, false],
    ]);
    await pass(30_000);
    assert.equal(told.length, 2);
  });

  it('asks for processes at once when used memory moved by more than 64 MiB', async () => {
    scene.source = withoutRepeat;
    begin();
    await pass(0);
    scene.cards = (fields) => printed(cardsTable(fields, 1024 + 64));
    await pass(2_000);
    assert.equal(scene.asked('compute-apps'), 1);
    scene.cards = (fields) => printed(cardsTable(fields, 1024 + 65));
    scene.processes = () => printed(processTable(77));
    await pass(2_000);
    assert.equal(scene.asked('compute-apps'), 2);
    assert.deepEqual(
      scene.gpu().sample?.processes.map(({ pid }) => pid),
      [77],
    );
    await pass(4_000);
    assert.equal(scene.asked('compute-apps'), 2);
  });

  it('keeps the identity of what says the same once more', async () => {
    begin();
    await pass(0);
    const { sample, sampledAtMs } = scene.gpu();
    await pass(2_000);
    assert.equal(scene.gpu().sample, sample);
    assert.notEqual(scene.gpu().sampledAtMs, sampledAtMs);
  });

  it('leaves the tool running after two good answers, and starts no other', async () => {
    begin();
    await pass(4_000);
    const { calls, streams } = scene.context.exec;
    assert.equal(streams.length, 1);
    const { args } = streams[0]!.spec;
    assert.deepEqual(args.slice(-2), ['-lms', '2000']);
    const asked = scene.asked('gpu');
    const fields = (args[0] ?? '').slice('--query-gpu='.length).split(',');
    const [header, row] = cardsTable(fields, 1030).split('\n');
    // any cut is possible
    streams[0]!.spec.onText(`${header}\n${row!.slice(0, 9)}`);
    streams[0]!.spec.onText(`${row!.slice(9)}\n`);
    await pass(2_000);
    assert.equal(scene.gpu().sample?.gpus[0]?.usedBytes, 1030 * 2 ** 20);
    assert.equal(scene.asked('gpu'), asked);
    assert.equal(calls.length, asked + scene.asked('compute-apps'));
    // asleep: nothing goes on
    scene.watched = false;
    streams[0]!.spec.onText(`${row!}\n`);
    await pass(2_000);
    assert.equal(streams[0]!.spec.signal.aborted, true);
    assert.equal(streams.length, 1);
  });

  it('leaves it running again at once after a pause in which nobody looked', async () => {
    begin();
    const { streams } = scene.context.exec;
    for (let at = 1; at <= 5; at++) {
      await pass(5_000);
      assert.equal(streams.length, at);
      scene.watched = false;
      scene.sampler.wake();
      await pass(2_000);
      assert.equal(streams[at - 1]!.spec.signal.aborted, true);
      scene.watched = true;
      scene.sampler.wake();
    }
  });

  it('a running tool that hangs is killed, and single calls answer within ten seconds', async () => {
    begin();
    await pass(4_000);
    const [stream] = scene.context.exec.streams;
    scene.cards = (fields) => printed(cardsTable(fields, 1050));
    await pass(9_999);
    assert.equal(stream!.spec.signal.aborted, true);
    assert.equal(scene.gpu().status, 'ok');
    assert.equal(scene.gpu().sample?.gpus[0]?.usedBytes, 1050 * 2 ** 20);
  });

  it('what the running tool says otherwise is left to single calls to tell', async () => {
    begin();
    await pass(4_000);
    const [stream] = scene.context.exec.streams;
    scene.cards = () => printed('Unable to determine the device handle: GPU is lost.\n', 15);
    stream!.spec.onText('Unable to determine the device handle: GPU is lost.\n');
    await pass(2_000);
    assert.equal(stream!.spec.signal.aborted, true);
    assert.equal(scene.gpu().status, 'failing');
    assert.match(scene.gpu().failure?.text ?? '', /lost/);
  });

  it('a look that must be of this moment does not wait for the running tool', async () => {
    begin();
    await pass(5_900);
    // the look in turn waits for a round that is late
    await pass(200);
    scene.cards = (fields) => printed(cardsTable(fields, 4096));
    await scene.sampler.lookNow();
    assert.equal(scene.gpu().sample?.gpus[0]?.usedBytes, 4096 * 2 ** 20);
    assert.equal(scene.context.exec.streams[0]!.spec.signal.aborted, false);
    scene.cards = (fields) => printed(cardsTable(fields, 8192));
    await scene.sampler.lookNow();
    assert.equal(scene.gpu().sample?.gpus[0]?.usedBytes, 8192 * 2 ** 20);
  });

  it('a tool that does not know how to repeat is called singly, and tried again ever later', async () => {
    begin();
    const { streams } = scene.context.exec;
    for (let seconds = 0; seconds < 3_600; seconds += 2) {
      streams.at(-1)?.end(1);
      await pass(2_000);
    }
    assert.ok(streams.length >= 4 && streams.length <= 7, String(streams.length));
    assert.equal(scene.gpu().status, 'ok');
  });

  it('keeps the rows of processes between two looks at them', async () => {
    scene.source = withoutRepeat;
    begin();
    await pass(8_100);
    assert.equal(scene.asked('compute-apps'), 1);
    assert.deepEqual(
      scene.gpu().sample?.processes.map(({ pid }) => pid),
      [4242],
    );
    scene.processes = () => printed('gpu_uuid, pid, used_gpu_memory [MiB], process_name\n');
    await pass(2_000);
    assert.deepEqual(scene.gpu().sample?.processes, []);
  });

  it('leaves what the tool does not know unknown', async () => {
    scene.cards = (fields) =>
      printed(cardsTable(fields).replaceAll('1024', '[N/A]').replaceAll(', 3,', ', [N/A],'));
    begin();
    await pass(0);
    const [gpu] = scene.gpu().sample?.gpus ?? [];
    assert.equal(gpu?.usedBytes, null);
    assert.equal(gpu.utilizationPercent, null);
    assert.equal(gpu.totalBytes, 24564 * 2 ** 20);
    assert.deepEqual(scene.gpu().pressure, {});
  });

  it('says that there is no tool, looks again after a minute, and finds one then', async () => {
    scene.context.exec.onPath.clear();
    begin();
    await pass(0);
    assert.equal(scene.gpu().status, 'absent');
    scene.context.exec.onPath.set('nvidia-smi', TOOL);
    await pass(59_000);
    assert.equal(scene.gpu().status, 'absent');
    await pass(1_000);
    assert.equal(scene.gpu().status, 'ok');
  });

  it('finds the tool at its absolute places, too', async () => {
    scene.context.exec.onPath.clear();
    scene.context.files.put('/usr/lib/wsl/lib/nvidia-smi', '');
    scene.context.exec.scripts.set('/usr/lib/wsl/lib/nvidia-smi', ({ args }) =>
      args[0]?.startsWith('--query-gpu=')
        ? scene.cards(args[0].slice('--query-gpu='.length).split(','))
        : scene.processes(),
    );
    begin();
    await pass(0);
    assert.equal(scene.gpu().status, 'ok');
  });

  it('takes the configured tool, and fails with its path where it is missing', async () => {
    scene.executable = '/opt/none/nvidia-smi';
    begin();
    await pass(0);
    assert.equal(scene.gpu().status, 'failing');
    assert.match(scene.gpu().failure?.text ?? '', /\/opt\/none\/nvidia-smi/);
  });

  it('backs off while it fails, up to a minute, and returns to the interval', async () => {
    scene.cards = () => fail('timedOut', 'nvidia-smi did not answer within 10000 ms');
    begin();
    await pass(400_000);
    assert.deepEqual(
      // 3 s: how long files of the kernel may take
      scene.context.clock.slept.filter((ms) => ms !== 3000).slice(0, 9),
      [2000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000],
    );
    scene.cards = (fields) => printed(cardsTable(fields));
    scene.sampler.wake();
    await pass(0);
    assert.equal(scene.gpu().status, 'ok');
    assert.equal(scene.context.clock.slept.at(-1), 2000);
  });

  it('keeps the last good sample, its time and the cause while it fails; logs that once', async () => {
    begin();
    await pass(0);
    const atMs = scene.gpu().sampledAtMs;
    scene.cards = () => fail('timedOut', 'nvidia-smi did not answer within 10000 ms');
    await pass(10_000);
    assert.equal(scene.gpu().status, 'failing');
    assert.match(scene.gpu().failure?.text ?? '', /did not answer/);
    assert.equal(scene.gpu().sample?.gpus.length, 1);
    assert.equal(scene.gpu().sampledAtMs, atMs);
    const warnings = scene.context.log.lines.filter((line) => line.startsWith('warn'));
    assert.equal(warnings.length, 1);
  });

  it('fails on junk, with nothing made of it', async () => {
    scene.cards = () => printed('<html>\u0000\u001b[31m??? 42, 42 ???');
    scene.processes = scene.cards.bind(null, []);
    begin();
    await pass(0);
    assert.equal(scene.gpu().status, 'failing');
    assert.equal(scene.gpu().sample, null);
  });

  it('tells a driver error in its own words and recovers', async () => {
    const text =
      "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver is installed and running.\n";
    scene.cards = () => printed(text, 9);
    scene.processes = () => printed(text, 9);
    begin();
    await pass(0);
    assert.equal(scene.gpu().status, 'failing');
    assert.match(scene.gpu().failure?.text ?? '', /driver/i);
    scene.cards = (fields) => printed(cardsTable(fields));
    scene.processes = () => printed(processTable(1));
    await pass(4_000);
    assert.equal(scene.gpu().status, 'ok');
    assert.equal(scene.gpu().failure, null);
  });

  it('asks again without a field that the tool refuses, and never for it later', async () => {
    const refusing = (fields: readonly string[]) =>
      fields.includes('compute_cap')
        ? printed('Field "compute_cap" is not a valid field to query.\n\n', 2)
        : printed(cardsTable(fields));
    scene.cards = refusing;
    begin();
    await pass(0);
    assert.equal(scene.gpu().status, 'ok');
    assert.equal(scene.asked('gpu'), 3);
    await pass(2_000);
    assert.equal(scene.asked('gpu'), 4);
  });

  it('gives up on a tool that refuses whatever it is asked', async () => {
    scene.cards = ([first = '']) => printed(`Field "${first}" is not a valid field to query.\n`, 2);
    begin();
    await pass(0);
    assert.equal(scene.gpu().status, 'failing');
    assert.ok(scene.asked('gpu') <= 8, String(scene.asked('gpu')));
  });

  it('never runs two looks at once, however many ask', async () => {
    const { context } = scene;
    const answer = scene.cards;
    context.exec.scripts.set(TOOL, async ({ args }) => {
      await context.clock.sleep(5_000);
      return args[0]?.startsWith('--query-gpu=')
        ? answer(args[0].slice('--query-gpu='.length).split(','))
        : printed(processTable(1));
    });
    begin();
    await pass(1_000);
    const looks = Promise.all([
      scene.sampler.lookNow(),
      scene.sampler.lookNow(),
      scene.sampler.lookNow(),
    ]);
    scene.sampler.wake();
    await context.clock.until(looks);
    assert.equal(context.exec.mostAtOnce, 1);
    // the one under way when they asked, and one after it for all three
    assert.equal(scene.asked('gpu'), 2);
  });

  it('lookNow resolves with a look that began after the call', async () => {
    begin();
    await pass(1_000);
    scene.cards = (fields) => printed(cardsTable(fields, 2048));
    await scene.sampler.lookNow();
    assert.equal(scene.gpu().sample?.gpus[0]?.usedBytes, 2048 * 2 ** 20);
    assert.equal(scene.asked('compute-apps'), 2);
  });

  it('sleeps while nobody looks and nothing of ours runs; wakes for either', async () => {
    scene.watched = false;
    begin();
    await pass(20_000);
    assert.equal(scene.context.exec.calls.length, 0);
    scene.watched = true;
    scene.sampler.wake();
    await pass(0);
    assert.equal(scene.asked('gpu'), 2);
    scene.watched = false;
    scene.context.store.dispatch({ type: 'serverAdded', server: serverOf() });
    await pass(4_000);
    // from then on the tool runs on by itself
    assert.equal(scene.asked('gpu'), 3);
    assert.equal(scene.context.exec.streams.length, 1);
  });

  it('a wake during a look is not lost', async () => {
    const { context } = scene;
    context.exec.onPath.clear();
    const simulated = simulatedSource(() => []);
    const find = context.exec.find.bind(context.exec);
    context.exec.find = async (name) => {
      await context.clock.sleep(500);
      return find(name);
    };
    begin();
    await pass(100);
    // switched on while the first look still searches for a tool
    scene.source = simulated;
    scene.sampler.wake();
    await pass(1_000);
    assert.equal(scene.gpu().status, 'ok');
    assert.equal(scene.gpu().simulated, true);
  });

  it('switches to the simulated GPU and back, and mixes nothing of one into the other', async () => {
    const row = { pid: 7, usedBytes: 1, name: 'simulated server', gpus: [0] };
    scene.source = simulatedSource(() => [row]);
    begin();
    await pass(0);
    assert.equal(scene.gpu().simulated, true);
    assert.equal(scene.context.exec.calls.length, 0);
    scene.source = nvidiaSource;
    scene.sampler.wake();
    await pass(0);
    assert.equal(scene.gpu().simulated, false);
    assert.deepEqual(
      scene.gpu().sample?.processes.map(({ pid }) => pid),
      [4242],
    );
  });

  it('ends when aborted, also out of a long pause', async () => {
    scene.context.exec.onPath.clear();
    let isOver = false;
    void scene.sampler.run(scene.over.signal).then(() => (isOver = true));
    await pass(10);
    scene.over.abort();
    await settle();
    assert.equal(isOver, true);
  });
});
