import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { createGpuLooker, type GpuLooker } from '../../../../src/app/gpus/gpuLooker';
import type { GpuSample } from '../../../../src/gpu/gpu';
import type { GpuFamily } from '../../../../src/gpu/source';
import { familiesFor, GPU_FAMILIES } from '../../../../src/gpu/sources';
import { fail } from '../../../../src/shared/failure';
import { GIB, KIB, MIB } from '../../../../src/shared/units';
import { FakeExec, printed, RecordingLog, settle, VirtualClock } from '../../../support/fakePorts';
import { amdFiles, apuFiles, intelFiles, jetsonFiles } from '../../../support/kernelTrees';
import { memoryFiles, type MemoryFiles } from '../../../support/memoryFiles';

const fixture = (name: string): string =>
  fs.readFileSync(path.resolve('test', 'fixtures', 'gpu', name), 'utf8');

interface Machine {
  readonly exec: FakeExec;
  readonly files: MemoryFiles;
  readonly clock: VirtualClock;
  readonly looker: GpuLooker;
  families: readonly GpuFamily[];
  look(processes?: boolean): Promise<GpuSample>;
  /** Names of the tools that were started since the last question. */
  started(): string[];
}

function machineOf(...trees: Record<string, string>[]): Machine {
  const exec = new FakeExec();
  const clock = new VirtualClock();
  const files = memoryFiles(Object.assign({}, ...trees) as Record<string, string>);
  for (const tree of trees)
    for (const file of Object.keys(tree)) {
      const [, pid, fd] = /^\/proc\/(\d+)\/fdinfo\/(\d+)$/.exec(file) ?? [];
      if (pid !== undefined && fd !== undefined) {
        files.put('/dev/dri/renderD128', '');
        files.link(`/proc/${pid}/fd/${fd}`, '/dev/dri/renderD128');
      }
    }
  let told = 0;
  const machine: Machine = {
    exec,
    files,
    clock,
    families: GPU_FAMILIES,
    looker: createGpuLooker({
      exec,
      files,
      clock,
      log: new RecordingLog(),
      families: () => machine.families,
      executable: () => '',
    }),
    async look(processes = true) {
      const outcome = await clock.until(machine.looker.look({ processes }));
      if (outcome.kind !== 'seen') assert.fail(JSON.stringify(outcome));
      return outcome.sample;
    },
    started() {
      const since = exec.calls.slice(told);
      told = exec.calls.length;
      return since.map(({ file, args }) =>
        [path.posix.basename(file), args[0] ?? ''].join(' ').trim(),
      );
    },
  };
  return machine;
}

/** A tool on PATH whose answers go by its first argument. */
function install(
  { exec }: Machine,
  name: string,
  answer: (args: readonly string[]) => ReturnType<typeof printed>,
): void {
  exec.onPath.set(name, `/usr/bin/${name}`);
  exec.scripts.set(`/usr/bin/${name}`, ({ args }) => answer(args));
}

const NVIDIA_CARD =
  'index, uuid, memory.total [MiB], memory.used [MiB], memory.free [MiB], utilization.gpu [%], name\n0, GPU-1, 24564, 1000, 23100, 5, NVIDIA GeForce RTX 4090\n';
const NVIDIA_APPS = 'gpu_uuid, pid, used_gpu_memory [MiB], process_name\nGPU-1, 42, 900, python\n';

function installNvidia(machine: Machine): void {
  install(machine, 'nvidia-smi', (args) =>
    printed(args[0]?.startsWith('--query-gpu') === true ? NVIDIA_CARD : NVIDIA_APPS),
  );
}

const hung = fail('timedOut', 'it did not answer in time');

describe('a look at AMD GPUs', () => {
  it('reads the kernel’s files, starts no tool, and knows who holds what', async () => {
    const machine = machineOf(amdFiles());
    const { gpus, processes, problems } = await machine.look();
    assert.deepEqual(machine.started(), []);
    assert.deepEqual(problems, []);
    const [card, second] = gpus;
    assert.equal(card?.busId, '0000:03:00.0');
    assert.equal(card.name, 'AMD GPU [0x744c]');
    assert.equal(card.totalBytes, 25753026560);
    assert.equal(card.usedBytes, 9437184000);
    assert.equal(card.freeBytes, null);
    assert.equal(card.utilizationPercent, 77);
    assert.equal(card.temperatureC, 61);
    assert.equal(card.powerW, 241);
    assert.equal(card.powerLimitW, 327);
    assert.equal(card.vendor, 'amd');
    assert.equal(second?.name, 'AMD Radeon AI PRO R9700');
    assert.equal(second.powerW, 14);
    assert.equal(second.utilizationPercent, null);
    assert.deepEqual(processes, [
      // KFD’s figure for each card, not what fdinfo repeats
      { pid: 6100, usedBytes: 8 * GIB + 32 * MIB, name: 'python3', gpus: [0, 1] },
      // two descriptors of one client, and a second client
      { pid: 6200, usedBytes: 257 * MIB, name: 'kwin_wayland', gpus: [0] },
    ]);
  });

  it('takes names from amd-smi, once', async () => {
    const machine = machineOf(amdFiles());
    install(machine, 'amd-smi', () =>
      printed(fixture('amd-smi-static-rocm7.json').replace('0000:0a:00.0', '0000:03:00.0')),
    );
    assert.equal((await machine.look()).gpus[0]?.name, 'AMD Radeon RX 7900 XTX');
    assert.deepEqual(machine.started(), ['amd-smi static']);
    assert.equal((await machine.look()).gpus[0]?.name, 'AMD Radeon RX 7900 XTX');
    assert.deepEqual(machine.started(), []);
  });

  it('does not wait for the names', async () => {
    const machine = machineOf(amdFiles());
    install(machine, 'amd-smi', () => hung);
    assert.equal((await machine.look()).gpus.length, 2);
  });

  it('sees one pool of a processor, free as far as the system has memory', async () => {
    const [gpu] = (await machineOf(apuFiles()).look()).gpus;
    assert.equal(gpu?.memory, 'unified');
    assert.equal(gpu.totalBytes, GIB / 2 + 60 * GIB);
    assert.equal(gpu.usedBytes, GIB / 4 + 20 * GIB);
    // 40 GiB could be mapped, 30 GiB are there
    assert.equal(gpu.freeBytes, GIB / 4 + 30 * GIB);
  });

  it('asks a sleeping card nothing that wakes it', async () => {
    const machine = machineOf(amdFiles());
    await machine.look();
    machine.files.put('/sys/class/drm/card1/device/power/runtime_status', 'suspended\n');
    const [card] = (await machine.look()).gpus;
    assert.equal(card?.asleep, true);
    assert.equal(card.totalBytes, 25753026560);
    assert.equal(card.usedBytes, null);
    assert.equal(card.utilizationPercent, null);
  });

  it('falls back to amd-smi where the files are not there, and on to rocm-smi', async () => {
    const machine = machineOf();
    install(machine, 'amd-smi', (args) =>
      args[0] === 'metric'
        ? printed(fixture('amd-smi-metric-rocm6.json'))
        : printed(
            fixture(
              args[0] === 'process' ? 'amd-smi-process-two.json' : 'amd-smi-static-rocm7.json',
            ),
          ),
    );
    const { gpus, processes } = await machine.look();
    assert.equal(gpus[0]?.name, 'AMD Radeon RX 7900 XTX');
    assert.equal(gpus[0].usedBytes, 9000 * MIB);
    assert.equal(gpus[1]?.totalBytes, 16368 * MIB);
    assert.equal(gpus[1].usedBytes, null);
    assert.equal(processes.length, 2);
    assert.deepEqual(machine.started(), ['amd-smi metric', 'amd-smi process', 'amd-smi static']);
    await machine.look();
    assert.deepEqual(machine.started(), ['amd-smi metric', 'amd-smi process']);

    const older = machineOf();
    install(older, 'rocm-smi', () => printed(fixture('rocm-smi-apu.json')));
    const sample = await older.look();
    assert.equal(sample.gpus[0]?.name, 'Radeon 8060S Graphics');
    assert.deepEqual(sample.processes[0]?.gpus, [0]);
  });
});

describe('a look at Intel GPUs', () => {
  it('reads cards with memory of their own, and leaves out the processor’s', async () => {
    const machine = machineOf(intelFiles());
    const { gpus, processes } = await machine.look();
    assert.deepEqual(
      gpus.map(({ name, totalBytes, usedBytes, temperatureC }) => ({
        name,
        totalBytes,
        usedBytes,
        temperatureC,
      })),
      [
        {
          name: 'Intel Graphics [0xe20b]',
          totalBytes: 12809404416,
          usedBytes: 2 * GIB,
          temperatureC: 48,
        },
        {
          name: 'Intel Graphics [0x56a0]',
          totalBytes: 16 * GIB,
          usedBytes: null,
          temperatureC: null,
        },
      ],
    );
    assert.deepEqual(processes, [{ pid: 7100, usedBytes: GIB, name: 'ollama', gpus: [0] }]);
  });

  it('asks xpu-smi which cards there are once, then for their readings, and leaves it out of its own list', async () => {
    const machine = machineOf();
    install(machine, 'xpu-smi', (args) =>
      printed(
        args[0] === 'ps'
          ? fixture('xpu-smi-ps-two.txt')
          : args[0] === 'stats'
            ? fixture('xpu-smi-stats-one.txt')
            : fixture('xpu-smi-discovery-one.txt').replace(
                / {4}Memory Physical Size: 12216\.00 MiB/,
                args.includes('-d') ? '$&' : ' '.repeat(38),
              ),
      ),
    );
    const { gpus, processes } = await machine.look();
    assert.equal(gpus[0]?.totalBytes, 12216 * MIB);
    assert.equal(gpus[0].usedBytes, 4100 * MIB);
    assert.equal(gpus[0].utilizationPercent, 63);
    assert.deepEqual(
      processes.map(({ pid }) => pid),
      [8100],
    );
    machine.started();
    await machine.look(false);
    assert.deepEqual(machine.started(), ['xpu-smi stats']);
  });
});

describe('a look at unified memory', () => {
  it('of Apple: what the GPU has, the system’s total, and the limit', async () => {
    const machine = machineOf();
    const { exec, files } = machine;
    files.put('/usr/sbin/ioreg', '');
    exec.scripts.set('/usr/sbin/ioreg', () => printed(fixture('ioreg-m4.txt')));
    exec.scripts.set('/usr/bin/vm_stat', () =>
      printed(
        'Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free:                               65536.\nPages active:                            300000.\nPages inactive:                           65536.\nPages purgeable:                              0.\n',
      ),
    );
    let wiredLimit = 0;
    exec.scripts.set('/usr/sbin/sysctl', () =>
      printed(`hw.memsize: 17179869184\niogpu.wired_limit_mb: ${String(wiredLimit)}\n`, 1),
    );
    const [gpu] = (await machine.look()).gpus;
    assert.equal(gpu?.name, 'Apple M4');
    assert.equal(gpu.totalBytes, 16 * GIB);
    assert.equal(gpu.usedBytes, 6 * GIB);
    assert.equal(gpu.limitBytes, Math.floor((32 * GIB) / 3));
    assert.equal(gpu.isLimitEstimated, true);
    // the system could give 2 GiB, the limit would leave more
    assert.equal(gpu.freeBytes, 2 * GIB);
    wiredLimit = 7168;
    const [limited] = (await machine.look()).gpus;
    assert.equal(limited?.limitBytes, 7 * GIB);
    assert.equal(limited.isLimitEstimated, false);
    assert.equal(limited.freeBytes, GIB);
  });

  it('of GB10: the system’s memory, MemAvailable, and what its processes hold', async () => {
    const machine = machineOf({
      '/proc/meminfo':
        'MemTotal:       125829120 kB\nMemFree:  1000 kB\nMemAvailable:   73400320 kB\n',
    });
    install(machine, 'nvidia-smi', (args) =>
      printed(
        args[0]?.startsWith('--query-gpu') === true
          ? 'index, uuid, memory.total [MiB], memory.used [MiB], memory.free [MiB], utilization.gpu [%], name\n0, GPU-1, [N/A], [N/A], [N/A], 5, NVIDIA GB10\n'
          : 'gpu_uuid, pid, used_gpu_memory [MiB], process_name\nGPU-1, 42, 19135, python\n',
      ),
    );
    const [gpu] = (await machine.look()).gpus;
    assert.equal(gpu?.memory, 'unified');
    assert.equal(gpu.totalBytes, 120 * GIB);
    assert.equal(gpu.freeBytes, 70 * GIB);
    assert.equal(gpu.usedBytes, 19135 * MIB);
    // a look without processes keeps what they held
    assert.equal((await machine.look(false)).gpus[0]?.usedBytes, 19135 * MIB);
  });

  it('of Jetson: without any tool, and beside an nvidia-smi that knows nothing', async () => {
    const machine = machineOf(jetsonFiles());
    const [gpu] = (await machine.look()).gpus;
    assert.equal(gpu?.name, 'NVIDIA Jetson AGX Orin Developer Kit');
    assert.equal(gpu.totalBytes, 64325032 * KIB);
    assert.equal(gpu.freeBytes, 43000000 * KIB);
    assert.equal(gpu.usedBytes, 8000000 * KIB);
    assert.equal(gpu.utilizationPercent, 44);
    assert.equal(gpu.temperatureC, 48);

    const withTool = machineOf(jetsonFiles());
    install(withTool, 'nvidia-smi', (args) =>
      printed(
        args[0]?.startsWith('--query-gpu') === true
          ? 'index, uuid, memory.total [MiB], memory.used [MiB], utilization.gpu [%], name\n0, GPU-1, [N/A], [N/A], [N/A], Orin (nvgpu)\n'
          : 'gpu_uuid, pid, used_gpu_memory [MiB], process_name\n',
      ),
    );
    const [orin] = (await withTool.look()).gpus;
    assert.equal(orin?.name, 'Orin (nvgpu)');
    assert.equal(orin.uuid, 'GPU-1');
    assert.equal(orin.totalBytes, 64325032 * KIB);
    assert.equal(orin.utilizationPercent, 44);
  });
});

describe('a look at several makers’ GPUs', () => {
  it('keeps NVIDIA’s numbers and counts on after them', async () => {
    const machine = machineOf(amdFiles());
    installNvidia(machine);
    const { gpus, processes } = await machine.look();
    assert.deepEqual(
      gpus.map(({ index, vendor }) => [index, vendor]),
      [
        [0, 'nvidia'],
        [1, 'amd'],
        [2, 'amd'],
      ],
    );
    assert.deepEqual(
      processes.map(({ pid, gpus: on }) => [pid, on]),
      [
        [42, [0]],
        [6100, [1, 2]],
        [6200, [1]],
      ],
    );
  });

  it('leaves the GPU of a processor out beside a card', async () => {
    const machine = machineOf(apuFiles());
    installNvidia(machine);
    assert.equal((await machine.look()).gpus.length, 1);
  });

  it('goes on with the others, and keeps the numbers, where one fails', async () => {
    const machine = machineOf(amdFiles());
    installNvidia(machine);
    await machine.look();
    install(machine, 'nvidia-smi', () => hung);
    machine.started();
    const { gpus, problems } = await machine.look();
    assert.equal(gpus.length, 3);
    assert.equal(gpus[0]?.totalBytes, 24564 * MIB);
    assert.equal(gpus[0].usedBytes, null);
    assert.equal(gpus[1]?.usedBytes, 9437184000);
    assert.deepEqual(
      problems.map(({ id }) => id),
      ['timeout'],
    );
    // its time-outs would hold up the others at every look
    assert.equal(machine.started().length, 1);
    await machine.look();
    assert.equal(machine.started().length, 0);
    await machine.clock.pass(60_000);
    installNvidia(machine);
    assert.equal((await machine.look()).gpus[0]?.usedBytes, 1000 * MIB);
  });

  it('looks for a maker that is not there only every five minutes', async () => {
    const machine = machineOf();
    installNvidia(machine);
    await machine.look();
    let searched = 0;
    const find = machine.exec.find.bind(machine.exec);
    machine.exec.find = (name) => {
      if (name !== 'nvidia-smi') searched += 1;
      return find(name);
    };
    for (let look = 0; look < 100; look++) {
      await machine.look(false);
      await machine.clock.pass(2_000);
    }
    assert.equal(searched, 0);
    for (const [file, text] of Object.entries(amdFiles())) machine.files.put(file, text);
    await machine.clock.pass(110_000);
    assert.equal((await machine.look()).gpus.length, 3);
  });
});

describe('the way to a GPU', () => {
  it('is another after three failures, and the cheaper one again after ten minutes', async () => {
    const machine = machineOf(amdFiles());
    install(machine, 'rocm-smi', () =>
      printed(
        '{"card0": {"VRAM Total Memory (B)": "25753026560", "VRAM Total Used Memory (B)": "5", "Card Series": "A card"}}',
      ),
    );
    assert.equal((await machine.look()).gpus.length, 2);
    const uevent = machine.files.text('/sys/class/drm/card1/device/uevent')!;
    for (const card of ['card0', 'card1'])
      await machine.files.remove(`/sys/class/drm/${card}/device/vendor`);
    // gone altogether is no matter of three times
    assert.equal((await machine.look()).gpus[0]?.name, 'A card');
    machine.files.put('/sys/class/drm/card1/device/vendor', '0x1002\n');
    machine.files.put('/sys/class/drm/card1/device/uevent', uevent);
    assert.equal((await machine.look()).gpus[0]?.name, 'A card');
    await machine.clock.pass(600_000);
    machine.started();
    assert.equal((await machine.look()).gpus[0]?.name, 'AMD GPU [0x744c]');
    assert.deepEqual(machine.started(), []);

    const wsl = machineOf();
    wsl.families = GPU_FAMILIES.slice(0, 1);
    install(wsl, 'nvidia-smi', () => printed('', null));
    for (let look = 0; look < 2; look++)
      assert.equal((await wsl.clock.until(wsl.looker.look({ processes: true }))).kind, 'failed');
    wsl.files.put('/mnt/c/Windows/System32/nvidia-smi.exe', '');
    wsl.exec.scripts.set('/mnt/c/Windows/System32/nvidia-smi.exe', () => printed(NVIDIA_CARD));
    const { gpus, processes } = await wsl.look();
    assert.equal(gpus[0]?.usedBytes, 1000 * MIB);
    // Windows shows CUDA the whole board
    assert.equal(gpus[0].cudaBytes, gpus[0].totalBytes);
    assert.deepEqual(processes, []);
  });

  it('keeps the totals where the question for processes hangs, and asks that less and less often', async () => {
    const machine = machineOf();
    let isHung = false;
    install(machine, 'nvidia-smi', (args) =>
      args[0]?.startsWith('--query-gpu') === true
        ? printed(NVIDIA_CARD)
        : isHung
          ? hung
          : printed(NVIDIA_APPS),
    );
    assert.equal((await machine.look()).processes.length, 1);
    isHung = true;
    const { gpus, processes, problems } = await machine.look();
    assert.equal(gpus[0]?.usedBytes, 1000 * MIB);
    assert.deepEqual(
      processes.map(({ pid }) => pid),
      [42],
    );
    assert.deepEqual(
      problems.map(({ id }) => id),
      ['timeout'],
    );
    machine.started();
    await machine.look();
    assert.equal(machine.started().length, 1);
    // who held memory a minute ago is unknown by now
    await machine.clock.pass(61_000);
    assert.deepEqual((await machine.look()).processes, []);
    isHung = false;
    await machine.clock.pass(61_000);
    assert.equal((await machine.look()).processes.length, 1);
  });

  it('of NVIDIA wakes no laptop’s card', async () => {
    const card = '/sys/class/drm/card1/device';
    const machine = machineOf({
      [`${card}/vendor`]: '0x10de\n',
      [`${card}/power/control`]: 'auto\n',
      [`${card}/power/runtime_status`]: 'active\n',
    });
    installNvidia(machine);
    await machine.look();
    machine.started();
    machine.files.put(`${card}/power/runtime_status`, 'suspended\n');
    const [asleep] = (await machine.look()).gpus;
    assert.deepEqual(machine.started(), []);
    assert.equal(asleep?.asleep, true);
    assert.equal(asleep.totalBytes, 24564 * MIB);
    assert.equal(asleep.usedBytes, null);
    machine.files.put(`${card}/power/runtime_status`, 'active\n');
    const [awake] = (await machine.look()).gpus;
    assert.equal(awake?.asleep, undefined);
    assert.equal(awake?.usedBytes, 1000 * MIB);
  });

  it('is not blocked by a file that hangs', async () => {
    const machine = machineOf(amdFiles());
    const read = machine.files.readText.bind(machine.files);
    let opened = 0;
    machine.files.readText = (file, maxBytes) => {
      if (!file.endsWith('gpu_busy_percent')) return read(file, maxBytes);
      opened += 1;
      return new Promise(() => undefined);
    };
    const [card] = (await machine.look(false)).gpus;
    assert.equal(card?.usedBytes, 9437184000);
    assert.equal(card.utilizationPercent, null);
    // that of the other card, too; both are not asked again while they hang
    await machine.look(false);
    assert.equal(opened, 2);
  });

  it('is silent where there is no GPU', async () => {
    const machine = machineOf({ '/proc/meminfo': 'MemTotal: 1 kB\n' });
    const outcome = await machine.looker.look({ processes: true });
    await settle();
    assert.deepEqual(outcome, { kind: 'absent' });
    assert.deepEqual(machine.started(), []);
  });

  it('is the one that was chosen, or the one that the given tool is of', () => {
    const idsOf = (chosen: string, executable: string) =>
      familiesFor(chosen, executable).flatMap(({ ways }) => ways.map(({ id }) => id));
    assert.equal(familiesFor('auto', ''), GPU_FAMILIES);
    assert.deepEqual(idsOf('rocm-smi', ''), ['rocm-smi']);
    assert.deepEqual(idsOf('auto', '/opt/rocm/bin/amd-smi'), ['amd-smi']);
    assert.deepEqual(idsOf('auto', 'D:\\tools\\nvidia-smi.exe'), ['nvidia-smi']);
    assert.deepEqual(idsOf('auto', '/opt/wrapper'), ['nvidia-smi']);
  });
});
