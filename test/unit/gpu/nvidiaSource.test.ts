import assert from 'node:assert/strict';
import type { ToolOutput } from '../../../src/gpu/gpu';
import { nvidiaSource as source } from '../../../src/gpu/nvidia/source';
import { startState, type GpuSourceState } from '../../../src/gpu/source';
import { GPU_FAMILIES } from '../../../src/gpu/sources';
import { KIB, MIB } from '../../../src/shared/units';

const said = (stdout: string, exitCode: number | null = 0): ToolOutput => ({
  stdout,
  stderr: '',
  exitCode,
});
const CARD =
  'index, uuid, memory.total [MiB], memory.used [MiB], utilization.gpu [%], mig.mode.current, name\n0, GPU-1, 8192, 100, 5, [N/A], A card\n';
const refusal = (field: string) => said(`Field "${field}" is not a valid field to query.\n\n`, 2);

const ask = (
  state: GpuSourceState,
  wish: { processes: boolean },
  files = new Map<string, string>(),
) => source.calls(state, wish, files);
const read = (
  state: GpuSourceState,
  outputs: readonly (ToolOutput | null)[],
  files = new Map<string, string>(),
) => source.read(state, { outputs, files, wish: { processes: outputs.length > 1 } });

describe('nvidia source', () => {
  const start = startState('/usr/bin/nvidia-smi');

  it('is in the list', () => {
    assert.ok(GPU_FAMILIES.some(({ ways }) => ways.includes(source)));
  });

  it('asks for cards, and for processes only when wished', () => {
    const [cards, ...none] = ask(start, { processes: false });
    assert.equal(cards?.file, '/usr/bin/nvidia-smi');
    assert.match(cards.args[0] ?? '', /^--query-gpu=index,uuid,.*,name$/);
    assert.deepEqual(none, []);
    const [, processes] = ask(start, { processes: true });
    assert.equal(
      processes?.args[0],
      '--query-compute-apps=gpu_uuid,pid,used_gpu_memory,process_name',
    );
  });

  it('joins processes by uuid, and says whether it asked for them', () => {
    const both = read(start, [
      said(CARD),
      said('gpu_uuid, pid, used_gpu_memory [MiB], process_name\nGPU-1, 42, 90, python\n'),
    ]);
    assert.equal(both.retry, false);
    assert.equal(both.hasProcesses, true);
    assert.deepEqual(both.sample.processes, [
      { pid: 42, usedBytes: 90 * MIB, name: 'python', gpus: [0] },
    ]);
    assert.deepEqual(both.sample.problems, []);
    assert.equal(read(start, [said(CARD)]).hasProcesses, false);
  });

  it('takes a list of processes that failed for no list, and an empty answer for nobody', () => {
    const answered = (processes: ToolOutput | null) => {
      const { hasProcesses, sample } = read(start, [said(CARD), processes]);
      return [hasProcesses, ...sample.problems.map(({ id }) => id)];
    };
    assert.deepEqual(answered(said('Unknown Error\n', 255)), [false, 'failed']);
    assert.deepEqual(answered(null), [false, 'timeout']);
    assert.deepEqual(answered(said('')), [true]);
  });

  it('drops a refused field, asks again, and remembers', () => {
    const first = read(start, [refusal('compute_cap')]);
    assert.equal(first.retry, true);
    const [cards] = ask(first.state, { processes: false });
    assert.ok(!cards?.args[0]?.includes('compute_cap'));
    const second = read(first.state, [said(CARD)]);
    assert.equal(second.retry, false);
    assert.deepEqual(second.state.refusedFields, ['compute_cap']);
  });

  it('gives up after six refusals, and at once on a field it never asked for', () => {
    let state = start;
    let retries = 0;
    for (const field of [
      'index',
      'uuid',
      'pci.bus_id',
      'name',
      'power.draw',
      'compute_cap',
      'pid',
    ]) {
      const reading = read(state, [refusal(field)]);
      state = reading.state;
      if (!reading.retry) {
        assert.deepEqual(
          reading.sample.problems.map((problem) => problem.id),
          ['unknown_field'],
        );
        break;
      }
      retries += 1;
    }
    assert.equal(retries, 6);
    assert.equal(read(start, [refusal('moon.phase')]).retry, false);
    const again = read({ ...start, refusedFields: ['uuid'] }, [refusal('uuid')]);
    assert.equal(again.retry, false);
  });

  it('reads the table too once a card is cut into slices', () => {
    const cards = CARD.replace('[N/A]', 'Enabled');
    const { state } = read(start, [said(cards), said('gpu_uuid, pid\n')]);
    assert.equal(ask(state, { processes: true }).length, 3);
    assert.equal(ask(state, { processes: false }).length, 1);
    const table = [
      '| NVIDIA-SMI 590.1   Driver Version: 590.1   CUDA Version: 13.1 |',
      '|   0  A card             On  |   00000000:00:09.0 Off |    On |',
      '| N/A   52C    P0    432W /  700W |   11125MiB /  81559MiB |  N/A |',
      '|                                                              |',
      '| MIG devices:                                                  |',
      '|  0    2   0   0  |   11091MiB / 40448MiB    | 60  0 |  3  0 |',
      '| Processes:                                                    |',
      '|    0    2    0            42      C   python          90MiB   |',
    ].join('\n');
    const reading = read(state, [
      said(cards),
      said('gpu_uuid, pid, used_gpu_memory [MiB], process_name\nGPU-1, 42, 91, /usr/bin/python\n'),
      said(table),
    ]);
    assert.equal(reading.sample.gpus[0]?.migDevices?.[0]?.totalBytes, 40448 * MIB);
    assert.deepEqual(reading.sample.processes, [
      {
        pid: 42,
        usedBytes: 91 * MIB,
        name: '/usr/bin/python',
        gpus: [0],
        type: 'C',
        gpuInstanceId: 2,
        computeInstanceId: 0,
      },
    ]);
  });

  it('asks the table where compute-apps leaves much unexplained, and adds who only draws', () => {
    const cards = said(CARD.replace('100, 5', '900, 5'));
    const apps = (used: string) =>
      said(`gpu_uuid, pid, used_gpu_memory [MiB], process_name\nGPU-1, 42, ${used}, python\n`);
    const explained = read(start, [cards, apps('850')]);
    assert.equal(explained.state.wantsTable, false);
    assert.equal(read(start, [cards, apps('[N/A]')]).state.wantsTable, false);
    const { state } = read(start, [cards, apps('90')]);
    assert.equal(state.wantsTable, true);
    assert.equal(read(state, [cards]).state.wantsTable, true);
    const table = said(
      [
        '| NVIDIA-SMI 590.1   Driver Version: 590.1   CUDA Version: 13.1 |',
        '| Processes:                                                    |',
        '|    0   N/A  N/A            17      G   /usr/bin/Xorg   700MiB |',
        '|    0   N/A  N/A            42      C   pyth...          90MiB |',
      ].join('\n'),
    );
    assert.deepEqual(read(state, [cards, apps('90'), table]).sample.processes, [
      { pid: 42, usedBytes: 90 * MIB, name: 'python', gpus: [0], type: 'C' },
      { pid: 17, usedBytes: 700 * MIB, name: '/usr/bin/Xorg', gpus: [0], type: 'G' },
    ]);
  });

  it('takes the system’s memory for that of a chip which tells a fixed small total', () => {
    const cards = said('index, memory.total [MiB], name\n0, 8128, NVIDIA N1X\n');
    const first = read(start, [cards]);
    assert.equal(first.retry, true);
    const files = new Map([['/proc/meminfo', 'MemTotal: 131072000 kB\nMemAvailable: 1024 kB\n']]);
    const [gpu] = read(first.state, [cards], files).sample.gpus;
    assert.deepEqual(
      [gpu?.totalBytes, gpu?.freeBytes, gpu?.memory],
      [131_072_000 * KIB, MIB, 'unified'],
    );
  });

  it('does not take the scrubbing of an empty card for load', () => {
    const cards = CARD.replace('100, 5', '0, 100');
    assert.equal(read(start, [said(cards)]).sample.gpus[0]?.utilizationPercent, null);
    const busy = CARD.replace('100, 5', '100, 100');
    assert.equal(read(start, [said(busy)]).sample.gpus[0]?.utilizationPercent, 100);
  });

  it('turns every end into one problem', () => {
    const idsOf = (...outputs: ToolOutput[]) =>
      read(start, outputs).sample.problems.map((problem) => problem.id);
    const mismatch = said('Failed to initialize NVML: Driver/library version mismatch\n', 18);
    assert.deepEqual(idsOf(mismatch, mismatch), ['driver_library_mismatch']);
    assert.deepEqual(idsOf(said('', null)), ['crash']);
    assert.deepEqual(idsOf(said('', 9)), ['driver_not_loaded']);
    assert.deepEqual(idsOf(said('something new', 77)), ['failed']);
    assert.deepEqual(idsOf(said('')), ['bad_output']);
    assert.deepEqual(idsOf(said(`WARNING: infoROM is corrupted at gpu 0\n${CARD}`, 14)), [
      'inforom_corrupted',
    ]);
    assert.deepEqual(idsOf({ stdout: '', stderr: 'No devices were found\n', exitCode: 6 }), [
      'no_devices',
    ]);
  });
});
