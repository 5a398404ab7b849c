import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { amdPoolOf } from '../../../src/gpu/amd/unifiedPool';
import { readFdinfo } from '../../../src/gpu/drm/fdinfo';
import { readRecorded, type RecordedSample } from '../../../src/gpu/recorded';
import { GIB, KIB, MIB } from '../../../src/shared/units';

const fixture = (name: string): string =>
  fs.readFileSync(path.resolve('test', 'fixtures', 'gpu', name), 'utf8');
const read = (name: string): RecordedSample => readRecorded(fixture(name), 'auto')!;

describe('readers of AMD tools', () => {
  it('read the bare list of ROCm 6, "N/A" in any place being unknown', () => {
    const [card, silent] = read('amd-smi-metric-rocm6.json').gpus;
    assert.equal(card?.totalBytes, 24560 * MIB);
    assert.equal(card.freeBytes, 15560 * MIB);
    assert.equal(card.utilizationPercent, 42);
    assert.equal(card.temperatureC, 61);
    assert.equal(card.powerW, 117);
    assert.equal(card.memory, 'dedicated');
    assert.equal(silent?.index, 1);
    for (const reading of [silent.totalBytes, silent.usedBytes, silent.utilizationPercent])
      assert.equal(reading, null);
  });

  it('read the object of ROCm 7', () => {
    const [first, second] = read('amd-smi-static-rocm7.json').gpus;
    assert.equal(first?.name, 'AMD Radeon RX 7900 XTX');
    assert.equal(first.busId, '0000:0a:00.0');
    assert.equal(second?.name, null);
  });

  it('count a process once where every GPU is given its total, and add up where not', () => {
    const { processes, gpus } = read('amd-smi-process-two.json');
    assert.deepEqual(gpus, []);
    assert.deepEqual(
      processes.map(({ pid, usedBytes, gpus: on }) => ({ pid, usedBytes, on })),
      [
        { pid: 5101, usedBytes: 4 * GIB, on: [0, 1] },
        { pid: 5102, usedBytes: 4 * MIB, on: [0, 1] },
      ],
    );
    assert.equal(processes[1]?.name, null);
  });

  it('take no processes for an answer', () => {
    assert.deepEqual(read('amd-smi-process-none.json'), {
      gpus: [],
      processes: [],
      problems: [],
    });
  });

  it('see one pool in a small carve-out, behind warnings, with a comma in a name', () => {
    const { gpus, processes } = read('rocm-smi-apu.json');
    const [gpu] = gpus;
    assert.equal(gpu?.memory, 'unified');
    assert.equal(gpu.totalBytes, 536870912 + 133143986176);
    assert.equal(gpu.usedBytes, 402653184 + 20401094656);
    assert.equal(gpu.powerW, 28);
    assert.deepEqual(
      processes.map(({ pid, name, usedBytes }) => ({ pid, name, usedBytes })),
      [{ pid: 7001, name: 'llama-server, with comma', usedBytes: 2353860608 }],
    );
  });

  it('keep a carve-out that is large, or alone, dedicated', () => {
    const kindOf = (vram: number | null, gtt: number | null) =>
      amdPoolOf({
        vramTotalBytes: vram,
        vramUsedBytes: 0,
        gttTotalBytes: gtt,
        gttUsedBytes: 0,
      }).memory;
    assert.equal(kindOf(96 * GIB, 15 * GIB), 'dedicated');
    assert.equal(kindOf(4 * GIB, 15 * GIB), 'dedicated');
    assert.equal(kindOf(4 * GIB, 16 * GIB), 'unified');
    assert.equal(kindOf(GIB, 7 * GIB), 'dedicated');
    assert.equal(kindOf(null, 100 * GIB), 'dedicated');
    assert.equal(kindOf(GIB, null), 'dedicated');
  });
});

describe('readers of Intel tools', () => {
  it('read two devices of one table', () => {
    const [first, second] = read('xpu-smi-discovery-two.txt').gpus;
    assert.equal(first?.name, 'Intel(R) Arc(TM) B580 Graphics');
    assert.equal(second?.busId, '0000:04:00.0');
    assert.equal(first.totalBytes, null);
  });

  it('leave blank cells unknown', () => {
    const [gpu] = read('xpu-smi-stats-one.txt').gpus;
    assert.equal(gpu?.usedBytes, 4100 * MIB);
    assert.equal(gpu.utilizationPercent, 63);
    assert.equal(gpu.temperatureC, null);
  });

  it('read commands with blanks', () => {
    const [runner] = read('xpu-smi-ps-two.txt').processes;
    assert.equal(runner?.name, 'ollama runner --model x');
    assert.equal(runner.usedBytes, 4096000 * KIB);
    assert.deepEqual(runner.gpus, [0]);
  });
});

describe('fdinfo', () => {
  it('prefers what is resident, and knows the names of older kernels', () => {
    const client = readFdinfo(fixture('fdinfo-i915.txt'));
    assert.equal(client?.vramBytes, 1536 * MIB);
    assert.equal(client.clientId, 41);
    const old = readFdinfo('drm-driver: amdgpu\nvram mem:\t2068 kB\ngtt mem:\t8 kB\n');
    assert.equal(old?.vramBytes, 2068 * KIB);
    const bare = readFdinfo('drm-driver:\tamdgpu\ndrm-total-vram:\t4096\n');
    assert.equal(bare?.vramBytes, 4096);
    assert.equal(readFdinfo('drm-driver:\tamdgpu\n')?.vramBytes, null);
    assert.equal(readFdinfo('pos:\t0\nflags:\t02\n'), null);
  });
});

describe('readers of Apple tools', () => {
  it('take what is allocated for used, not what is in use at this moment', () => {
    const [gpu] = read('ioreg-m4.txt').gpus;
    assert.equal(gpu?.usedBytes, 6 * GIB);
    assert.equal(gpu.inUseBytes, GIB);
    assert.equal(gpu.cores, 10);
    assert.equal(gpu.memory, 'unified');
    assert.equal(gpu.totalBytes, null);
  });

  it('read the memory of cards in Intel Macs', () => {
    const [card, shared] = read('system-profiler-intel-mac.json').gpus;
    assert.equal(card?.totalBytes, 8 * GIB);
    assert.equal(card.memory, 'dedicated');
    assert.equal(shared?.totalBytes, null);
    assert.equal(shared.memory, 'unified');
  });
});

describe('recorded outputs of any tool', () => {
  it('are refused in words where another tool is named', () => {
    const problem = readRecorded(fixture('ioreg-m4.txt'), 'xpu-smi')?.problems[0];
    assert.equal(problem?.id, 'bad_output');
    assert.match(problem.text, /xpu-smi/);
    assert.equal(readRecorded('', 'moon-smi'), null);
    assert.match(readRecorded(' \n', 'amd-smi')?.problems[0]?.text ?? '', /empty/);
  });
});
