import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { GpuSample } from '../../../src/gpu/gpu';
import { detectFormat, readComputeApps, readNvidiaOutput } from '../../../src/gpu/nvidia/output';
import { MIB } from '../../../src/shared/units';

const fixture = (name: string) =>
  fs.readFileSync(path.resolve('test', 'fixtures', 'gpu', name), 'utf8');
const idsOf = (sample: GpuSample) => sample.problems.map((problem) => problem.id);

describe('readNvidiaOutput', () => {
  describe('--query-gpu', () => {
    const sample = readNvidiaOutput(fixture('query-gpu-two-cards.csv'));

    it('takes units from the header, CRLF, and a comma in the name', () => {
      assert.equal(detectFormat(fixture('query-gpu-two-cards.csv')), 'csvGpus');
      assert.deepEqual(sample.gpus[0], {
        index: 0,
        name: 'NVIDIA GeForce RTX 4090',
        uuid: 'GPU-aaaaaaaa-0000-4000-8000-000000000001',
        busId: '00000000:01:00.0',
        totalBytes: 24564 * MIB,
        usedBytes: 20111 * MIB,
        freeBytes: 4033 * MIB,
        reservedBytes: 420 * MIB,
        utilizationPercent: 97,
        temperatureC: 71,
        powerW: 388.21,
        powerLimitW: 450,
        memory: 'dedicated',
        computeCapability: '8.9',
        driverVersion: '580.65',
        mig: false,
      });
      assert.equal(sample.gpus[1]?.name, 'NVIDIA RTX A6000, Special Edition');
    });

    it('has two cards and no third of the warning and the Xid line', () => {
      assert.equal(sample.gpus.length, 2);
      assert.deepEqual(idsOf(sample), ['inforom_corrupted']);
    });

    it('keeps a bad cell unknown', () => {
      assert.equal(sample.gpus[1]?.utilizationPercent, null);
      assert.equal(sample.gpus[1].powerW, null);
      assert.equal(sample.gpus[1].usedBytes, 3 * MIB);
    });

    it('reads any subset of columns, with units in the cells', () => {
      const [gpu] = readNvidiaOutput('name, memory.used [MiB]\nTesla T4, 12 MiB\n').gpus;
      assert.equal(gpu?.usedBytes, 12 * MIB);
      assert.equal(gpu.totalBytes, null);
      assert.equal(gpu.temperatureC, null);
    });

    it('refuses a unit it does not know', () => {
      const [gpu] = readNvidiaOutput(
        'index, memory.total [parsec], power.draw [kW]\n0, 12, 3\n',
      ).gpus;
      assert.equal(gpu?.totalBytes, null);
      assert.equal(gpu.powerW, null);
    });

    it('refuses a value in another unit than the field has', () => {
      const [gpu] = readNvidiaOutput(
        'index, power.draw, temperature.gpu, memory.used\n0, 3 MHz, 40 F, 5 GB/s\n',
      ).gpus;
      assert.deepEqual([gpu?.powerW, gpu?.temperatureC, gpu?.usedBytes], [null, null, null]);
    });

    it('keeps the newest round of a loop', () => {
      const text = 'index, memory.used [MiB]\n0, 1 MiB\n1, 2 MiB\n0, 3 MiB\n1, 4 MiB\n';
      assert.deepEqual(
        readNvidiaOutput(text).gpus.map((gpu) => gpu.usedBytes),
        [3 * MIB, 4 * MIB],
      );
    });

    it('takes no message for a header', () => {
      const text = 'index, memory.used [MiB]\n0, 1 MiB\nerror, retrying\n1, 2 MiB\n';
      assert.equal(readNvidiaOutput(text).gpus.length, 2);
    });

    it('says which card is lost, and reads the others', () => {
      const lost = readNvidiaOutput(
        'index, memory.total [MiB], memory.used [MiB]\n0, [GPU is lost], [GPU is lost]\n1, 8192 MiB, 5 MiB\n',
      );
      assert.deepEqual(idsOf(lost), ['gpu_lost']);
      assert.equal(lost.gpus[0]?.totalBytes, null);
      assert.equal(lost.gpus[0].memory, 'dedicated');
      assert.equal(lost.gpus[1]?.totalBytes, 8192 * MIB);
    });

    it('names a device that answers nothing but errors', () => {
      const silent = readNvidiaOutput(
        'index, pci.bus_id, memory.total [MiB], utilization.gpu [%]\n0, 00000000:01:00.0, [Unknown Error], [Unknown Error]\n',
      );
      assert.deepEqual(idsOf(silent), ['gpu_silent']);
      const forbidden = readNvidiaOutput(
        'index, memory.total [MiB], memory.used [MiB]\n0, [Insufficient Permissions], [Insufficient Permissions]\n',
      );
      assert.deepEqual(idsOf(forbidden), ['permission']);
    });

    it('never shows more used than there is', () => {
      const [gpu] = readNvidiaOutput(
        'index, memory.total [MiB], memory.used [MiB], utilization.gpu [%]\n0, 100 MiB, 900 MiB, 400 %\n',
      ).gpus;
      assert.equal(gpu?.usedBytes, null);
      assert.equal(gpu.utilizationPercent, null);
    });

    it('reads a file that PowerShell wrote as UTF-16', () => {
      const text = Buffer.from(
        '\uFEFFindex, memory.used [MiB]\r\n0, 7 MiB\r\n',
        'utf16le',
      ).toString('utf8');
      assert.equal(readNvidiaOutput(text).gpus[0]?.usedBytes, 7 * MIB);
    });
  });

  describe('--query-compute-apps', () => {
    const { gpus } = readNvidiaOutput(fixture('query-gpu-two-cards.csv'));
    const { processes = [] } = readComputeApps(fixture('compute-apps-two-cards.csv'), gpus);

    it('takes the larger of two rows of one card and adds up over cards', () => {
      assert.deepEqual(processes[0], {
        pid: 4101,
        usedBytes: 18500 * MIB,
        name: 'VLLM::Worker_TP0',
        gpus: [0, 1],
      });
    });

    it('keeps commas in names, unknown memory and unknown names', () => {
      assert.deepEqual(processes[1], {
        pid: 4203,
        usedBytes: null,
        name: '/opt/tool, with comma/run',
        gpus: [0],
      });
      assert.equal(processes[2]?.name, null);
    });

    it('places a process of an unknown card on no card', () => {
      assert.deepEqual(processes[2]?.gpus, []);
    });

    it('is empty, not wrong, where nothing runs', () => {
      const sample = readNvidiaOutput('gpu_uuid, pid, used_gpu_memory [MiB], process_name\n');
      assert.deepEqual(sample, { gpus: [], processes: [], problems: [] });
    });
  });

  it('reads the table of old drivers, without instance columns', () => {
    const { gpus, processes } = readNvidiaOutput(fixture('table-old-two-cards.txt'));
    assert.deepEqual(
      gpus.map((gpu) => [gpu.name, gpu.usedBytes, gpu.temperatureC, gpu.powerW, gpu.powerLimitW]),
      [
        ['GeForce GTX 108...', 9216 * MIB, 66, 183, 250],
        ['Tesla P40', 0, 29, null, 250],
      ],
    );
    assert.equal(gpus[0]?.driverVersion, '440.33');
    assert.deepEqual(processes[1], {
      pid: 20555,
      usedBytes: 9100 * MIB,
      name: 'python3 train one.py',
      gpus: [0],
      type: 'C+G',
    });
  });

  it('reads -q with slices, without mixing their memory with the card’s', () => {
    const { gpus, processes } = readNvidiaOutput(fixture('q-mig.txt'));
    const [gpu] = gpus;
    assert.equal(gpu?.totalBytes, 24576 * MIB);
    assert.equal(gpu.usedBytes, 1326 * MIB);
    assert.equal(gpu.powerW, 61.5);
    assert.equal(gpu.busId, '00000000:17:00.0');
    assert.equal(gpu.mig, true);
    assert.deepEqual(
      gpu.migDevices?.map((slice) => [slice.device, slice.gpuInstanceId, slice.usedBytes]),
      [
        [0, 3, 1312 * MIB],
        [1, 4, 7 * MIB],
      ],
    );
    assert.deepEqual(processes, [
      {
        pid: 9001,
        usedBytes: 1290 * MIB,
        name: 'python -c a : b',
        gpus: [0],
        type: 'C',
        gpuInstanceId: 3,
        computeInstanceId: 0,
      },
      {
        pid: 9002,
        usedBytes: null,
        name: String.raw`C:\Tools\viewer.exe`,
        gpus: [0],
        type: 'G',
      },
    ]);
  });

  it('reads -q -x: entities, moved elements, unified memory', () => {
    const { gpus, processes } = readNvidiaOutput(fixture('qx-two-cards.xml'));
    assert.equal(gpus[0]?.name, 'NVIDIA R&D Board');
    assert.equal(gpus[0].powerW, 101);
    assert.equal(gpus[0].powerLimitW, 220);
    assert.equal(gpus[0].busId, '00000000:21:00.0');
    assert.equal(gpus[1]?.memory, 'unified');
    assert.equal(gpus[1].totalBytes, null);
    assert.deepEqual(processes, [
      {
        pid: 700,
        usedBytes: 7900 * MIB,
        name: 'server --flag="a < b"',
        gpus: [0],
        type: 'M+C',
      },
    ]);
  });

  it('reads what is there of a document that was cut off', () => {
    const text = fixture('qx-two-cards.xml');
    const { gpus } = readNvidiaOutput(text.slice(0, text.indexOf('<utilization>')));
    assert.equal(gpus[0]?.usedBytes, 8000 * MIB);
    assert.equal(gpus[0].utilizationPercent, null);
  });

  it('skips a stray end tag and reads on', () => {
    const text = fixture('qx-two-cards.xml').replace('<utilization>', '</ecc_errors><utilization>');
    const { gpus } = readNvidiaOutput(text);
    assert.equal(gpus[0]?.utilizationPercent, 55);
    assert.equal(gpus.length, 2);
  });

  it('reads pmon with memory, and drops a load above 100 %', () => {
    assert.deepEqual(readNvidiaOutput(fixture('pmon-um.txt')).processes, [
      {
        pid: 3100,
        usedBytes: 4312 * MIB,
        name: 'VLLM::EngineCor',
        gpus: [0],
        type: 'C',
        utilizationPercent: 91,
      },
      { pid: 3200, usedBytes: 48 * MIB, name: 'my tool', gpus: [1], type: 'G' },
    ]);
  });

  it('reads the last line of tegrastats', () => {
    const [gpu] = readNvidiaOutput(fixture('tegrastats-two-lines.txt')).gpus;
    assert.equal(gpu?.usedBytes, 3100 * MIB);
    assert.equal(gpu.utilizationPercent, null);
    assert.equal(gpu.temperatureC, 46.5);
    assert.equal(gpu.memory, 'unified');
  });

  it('says so where it can read nothing', () => {
    assert.deepEqual(idsOf(readNvidiaOutput('')), ['bad_output']);
    assert.deepEqual(idsOf(readNvidiaOutput('bash: nvidia-smi: command not found\n')), [
      'bad_output',
    ]);
    assert.equal(detectFormat('hello'), null);
  });

  it('knows failures wrapped by a narrow console, and names one cause', () => {
    const wrapped =
      "NVIDIA-SMI has failed because it couldn't communicate with the\r\nNVIDIA driver.\r\nFailed to initialize NVML: Driver Not Loaded\r\n";
    assert.deepEqual(idsOf(readNvidiaOutput(wrapped)), ['driver_not_loaded']);
    assert.deepEqual(
      idsOf(readNvidiaOutput('Failed to initialize NVML: Insufficient Permissions\n')),
      ['permission'],
    );
    assert.deepEqual(
      idsOf(
        readNvidiaOutput(
          'Unable to determine the device handle for GPU0000:07:00.0: Unknown Error\n',
        ),
      ),
      ['gpu_lost'],
    );
  });
});
