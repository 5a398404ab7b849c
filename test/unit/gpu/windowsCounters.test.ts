import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { createGpuLooker } from '../../../src/app/gpus/gpuLooker';
import { mergeSamples } from '../../../src/gpu/mergeSamples';
import { readCounters } from '../../../src/gpu/windows/counters';
import { windowsCountersSource } from '../../../src/gpu/windows/countersSource';
import { COUNTERS_SCRIPT } from '../../../src/gpu/windows/script';
import { startState } from '../../../src/gpu/source';
import { GPU_FAMILIES } from '../../../src/gpu/sources';
import { readRecorded } from '../../../src/gpu/recorded';
import { fail, type Result } from '../../../src/shared/failure';
import type { ExecOutput } from '../../../src/app/ports';
import { GIB, MIB } from '../../../src/shared/units';
import { FakeExec, printed, RecordingLog, VirtualClock } from '../../support/fakePorts';
import { memoryFiles } from '../../support/memoryFiles';

const SHELL = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe';
const fixture = (name: string): string =>
  fs.readFileSync(path.resolve('test', 'fixtures', 'gpu', name), 'utf8');
const AMD = fixture('windows-counters-amd.txt');
const TWO_MAKERS = fixture('windows-counters-two-makers.txt');

describe('the counters of Windows', () => {
  it('tell a card with what each process holds; the processor’s own GPU is left out', () => {
    const { gpus, processes } = readCounters(AMD)!;
    assert.deepEqual(
      gpus.map(({ name, vendor, totalBytes, usedBytes, freeBytes, driverVersion }) => ({
        name,
        vendor,
        totalBytes,
        usedBytes,
        freeBytes,
        driverVersion,
      })),
      [
        {
          name: 'AMD Radeon RX 7900 XTX',
          vendor: 'amd',
          // as soldered on, where DirectX takes off what it keeps
          totalBytes: 24 * GIB - 16 * MIB,
          usedBytes: 9 * GIB,
          freeBytes: null,
          driverVersion: '32.0.21013.1000',
        },
      ],
    );
    assert.deepEqual(
      processes.map(({ pid, usedBytes }) => [pid, usedBytes]),
      [
        [7412, 8 * GIB],
        [1180, 260 * MIB],
      ],
    );
    assert.deepEqual(readRecorded(AMD, 'auto')?.gpus, gpus);
  });

  it('are unknown where they are missing, never 0', () => {
    const silent = AMD.replace(`"${String(9 * GIB)}"`, 'null').replace(
      `"${String(8 * GIB)}"`,
      'null',
    );
    const { gpus, processes } = readCounters(silent)!;
    assert.equal(gpus[0]?.usedBytes, null);
    assert.equal(processes[0]?.usedBytes, null);
    const tooLarge = AMD.replace(`"${String(9 * GIB)}"`, `"${String(90 * GIB)}"`);
    assert.equal(readCounters(tooLarge)?.gpus[0]?.usedBytes, null);
  });

  it('know the only card in use where DirectX names nobody, and guess no other', () => {
    const nameless = (text: string) => text.replace(/"adapters":\[.*?\],/, '"adapters":[],');
    const idle = (text: string) => text.replace(String(300 * MIB), '0');
    const [card] = readCounters(nameless(idle(AMD)))!.gpus;
    assert.equal(card?.vendor, 'amd');
    assert.equal(card.usedBytes, 9 * GIB);
    assert.deepEqual(readCounters(nameless(AMD))?.gpus, []);
    assert.deepEqual(readCounters(nameless(TWO_MAKERS))?.gpus, []);
  });

  it('are asked by one line without a line break, since it is an argument', () => {
    assert.doesNotMatch(COUNTERS_SCRIPT, /[\r\n]/);
    const open = COUNTERS_SCRIPT.split('{').length;
    assert.equal(open, COUNTERS_SCRIPT.split('}').length);
    assert.equal(
      windowsCountersSource.calls(startState(SHELL), { processes: true }, new Map())[0]?.repeat,
      '-every',
    );
  });
});

describe('a shell that does not count', () => {
  const reading = (stdout: string, stderr = '', exitCode = 1) =>
    windowsCountersSource.read(startState(SHELL), {
      outputs: [{ stdout, stderr, exitCode }],
      files: new Map(),
      wish: { processes: true },
    });

  it('is silent: policies, old systems and processors without a card are no failure', () => {
    for (const said of [
      reading('', 'Get-CimInstance : Invalid class'),
      reading('', 'running scripts is disabled on this system'),
      reading(AMD.slice(0, 200)),
      reading(AMD.replaceAll(String(0x1002), String(0x1414)), '', 0),
    ]) {
      assert.equal(said.absent, true);
      assert.deepEqual(said.sample.problems, []);
    }
  });

  it('has failed where it counted before', () => {
    const { state } = reading(AMD, '', 0);
    const answers = { files: new Map(), wish: { processes: true } };
    const outputs = [{ stdout: '', stderr: 'Out of memory', exitCode: 1 }];
    const { absent, sample } = windowsCountersSource.read(state, { ...answers, outputs });
    assert.equal(absent, undefined);
    assert.match(sample.problems[0]?.text ?? '', /Out of memory/);
  });
});

describe('counters beside the tool of the maker', () => {
  const counters = { vendor: null, sample: { ...readCounters(TWO_MAKERS)!, problems: [] } };
  const nvidia = (cards: number) => ({
    vendor: 'nvidia' as const,
    sample: {
      gpus: Array.from({ length: cards }, (_, index) => ({
        ...counters.sample.gpus[0]!,
        index,
        usedBytes: 4 * GIB,
      })),
      processes: [{ pid: 5000, usedBytes: null, name: 'python.exe', gpus: [0] }],
      problems: [],
    },
  });

  it('fill in what it cannot say, each maker’s share apart, and tell other cards anew', () => {
    const { gpus, processes } = mergeSamples([nvidia(1), counters]);
    assert.deepEqual(
      gpus.map(({ index, vendor, usedBytes }) => [index, vendor, usedBytes]),
      [
        [0, 'nvidia', 4 * GIB],
        [1, 'intel', 6 * GIB],
      ],
    );
    assert.deepEqual(processes, [
      { pid: 5000, usedBytes: 2 * GIB, name: 'python.exe', gpus: [0] },
      // on both
      { pid: 1180, usedBytes: 500 * MIB, name: null, gpus: [0, 1] },
      { pid: 6000, usedBytes: 5 * GIB, name: null, gpus: [1] },
    ]);
  });

  it('do not say on which of two cards a process is that the tool does not list', () => {
    const { processes } = mergeSamples([nvidia(2), counters]);
    assert.deepEqual(
      processes.map(({ pid, usedBytes, gpus }) => [pid, usedBytes, gpus]),
      [
        [5000, 2 * GIB, [0]],
        [6000, 5 * GIB, [2]],
        [1180, 100 * MIB, [2]],
      ],
    );
  });
});

describe('a look at GPUs under Windows', () => {
  const CARD =
    'index, uuid, memory.total [MiB], memory.used [MiB], name\n0, GPU-1, 12288, 3100, NVIDIA GeForce RTX 3060\n';
  const APPS =
    'gpu_uuid, pid, used_gpu_memory [MiB], process_name\nGPU-1, 5000, [N/A], C:\\python.exe\n';
  let answer: Promise<Result<ExecOutput>>;
  let asked = 0;

  function machine(hasNvidia: boolean) {
    const exec = new FakeExec();
    const clock = new VirtualClock();
    asked = 0;
    exec.scripts.set(SHELL, () => {
      asked += 1;
      return answer;
    });
    if (hasNvidia) {
      exec.onPath.set('nvidia-smi', '/smi');
      exec.scripts.set('/smi', ({ args }) =>
        printed(args[0]?.startsWith('--query-gpu') === true ? CARD : APPS),
      );
    }
    const looker = createGpuLooker({
      exec,
      files: memoryFiles({ [SHELL]: '' }),
      clock,
      log: new RecordingLog(),
      families: () => GPU_FAMILIES,
      executable: () => '',
    });
    return async () => {
      const outcome = await clock.until(looker.look({ processes: true }));
      return outcome.kind === 'seen' ? outcome.sample : assert.fail(JSON.stringify(outcome));
    };
  }

  it('waits for the counters where nothing else tells of a card', async () => {
    answer = Promise.resolve(printed(AMD));
    const { gpus } = await machine(false)();
    assert.equal(gpus[0]?.vendor, 'amd');
  });

  it('asks them seldom where they count nothing, though nothing else is there to be held up', async () => {
    answer = Promise.resolve(printed('', 1));
    const look = machine(false);
    for (let times = 0; times < 3; times++) await assert.rejects(look(), /absent/);
    assert.equal(asked, 1);
  });

  it('does not wait for them beside nvidia-smi, nor ask twice at once; a later look has them', async () => {
    let tell: (result: Result<ExecOutput>) => void = () => assert.fail('it was not asked');
    answer = new Promise((resolve) => (tell = resolve));
    const look = machine(true);
    for (let times = 0; times < 3; times++)
      assert.equal((await look()).processes[0]?.usedBytes, null);
    tell(printed(TWO_MAKERS));
    answer = new Promise(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    const { gpus, processes, problems } = await look();
    assert.deepEqual(problems, []);
    assert.deepEqual(
      gpus.map(({ vendor }) => vendor),
      ['nvidia', 'intel'],
    );
    assert.equal(processes[0]?.usedBytes, 2 * GIB);
    // hung for good: the figures of the last time stand while it is waited for
    assert.equal((await look()).gpus.length, 2);
  });

  it('does not trouble anybody with their failure beside good figures, and asks them less and less often', async () => {
    answer = Promise.resolve(fail('timedOut', 'it did not answer in time'));
    const look = machine(true);
    for (let times = 0; times < 5; times++) {
      const { gpus, problems } = await look();
      assert.equal(gpus.length, 1);
      assert.deepEqual(problems, []);
    }
    assert.equal(asked, 1);
  });
});
