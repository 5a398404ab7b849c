import assert from 'node:assert/strict';
import type { Gpu } from '../../../src/gpu/gpu';
import { readRecorded, type RecordedProcess } from '../../../src/gpu/recorded';
import { KIB, MIB } from '../../../src/shared/units';

const read = (text: string, tool = 'auto') => readRecorded(text, tool)!;
const idsOf = (text: string, tool = 'auto') => read(text, tool).problems.map(({ id }) => id);
const mib = (bytes: number | null | undefined) => (bytes == null ? bytes : bytes / MIB);

/** Index, name, total, used and free in MiB, load, temperature, power, limit. */
const factsOf = (gpu: Gpu | undefined) =>
  gpu && [
    gpu.index,
    gpu.name,
    ...[gpu.totalBytes, gpu.usedBytes, gpu.freeBytes].map(mib),
    gpu.utilizationPercent,
    gpu.temperatureC,
    gpu.powerW,
    gpu.powerLimitW,
  ];
const holdersOf = (processes: readonly RecordedProcess[]) =>
  processes.map(({ pid, usedBytes, name, gpus }) => [pid, mib(usedBytes), name, gpus]);

const CARDS =
  'index, uuid, memory.total [MiB], memory.used [MiB], utilization.gpu [%], temperature.gpu, name';
const CARD = '0, GPU-1, 24564 MiB, 1024 MiB, 12 %, 45, NVIDIA GeForce RTX 4090';
const APPS =
  'gpu_uuid, pid, used_gpu_memory [MiB], process_name\nGPU-1, 4242, 900 MiB, python3, with comma';
const XML =
  '<nvidia_smi_log><gpu id="00000000:2D:00.0"><product_name>A</product_name><fb_memory_usage><total>12288 MiB</total><used>116 MiB</used></fb_memory_usage></gpu></nvidia_smi_log>';
const TABLE = [
  '| NVIDIA-SMI 570.86   Driver Version: 570.86   CUDA Version: 12.8 |',
  '|   0  NVIDIA A10            On  |   00000000:01:00.0 Off |     0 |',
  '| 30%   38C    P8     20W / 150W |     500MiB /  23028MiB |      8%      Default |',
].join('\n');

describe('recordings that were changed on their way', () => {
  it('are read without what shells, editors and reports added', () => {
    const plain = read(`${CARDS}\n${CARD}\n`);
    assert.equal(plain.gpus[0]?.totalBytes, 24564 * MIB);
    const utf16 = (text: string) => Buffer.from(text, 'utf16le').toString();
    for (const text of [XML, TABLE, `${CARDS}\n${CARD}`]) {
      const expected = read(text);
      assert.equal(expected.gpus.length, 1);
      assert.deepEqual(read(`\uFEFF${utf16(text)}`), expected, 'UTF-16 of PowerShell');
      assert.deepEqual(read(text.replaceAll('\n', '   \r\n')), expected, 'blanks, CRLF');
      assert.deepEqual(read(text.replaceAll(/^/gm, '    ')), expected, 'indented');
      assert.deepEqual(read(text.replaceAll(/^/gm, '> ')), expected, 'quoted');
      assert.deepEqual(read(text.replaceAll(/\d+/g, '\u001b[1;32m$&\u001b[0m')), expected);
    }
  });

  it('lose a figure that they were cut in, and never show half of one', () => {
    const torn = read(`${CARDS}\n${CARD}\n1, GPU-2, 24564 MiB, 10`).gpus;
    assert.deepEqual(
      torn.map(({ index }) => index),
      [0],
    );
    const last = read('index, memory.used [MiB], memory.total [MiB]\n0, 7 MiB, 245').gpus[0];
    assert.deepEqual([last?.usedBytes, last?.totalBytes], [7 * MIB, null]);
    const bare = read('index, memory.used [MiB], memory.total [MiB]\n0, 7, 245').gpus[0];
    assert.equal(bare?.totalBytes, 245 * MIB, 'with nounits, a bare number is whole');
    for (const cut of ['<used>1', '<used>11', '<used>116 M'])
      assert.equal(read(XML.slice(0, XML.indexOf('<used>')) + cut).gpus[0]?.usedBytes, null);
    const log =
      '==NVSMI LOG==\nGPU 00000000:18:00.0\n    FB Memory Usage\n        Total        : 11264 MiB\n        Used         : 10';
    assert.deepEqual(factsOf(read(log).gpus[0])?.slice(2, 4), [11264, null]);
    const client = 'drm-driver:\tamdgpu\ndrm-memory-vram:\t20';
    assert.equal(read(client).processes[0]?.usedBytes, null);
    assert.equal(read(`${client} KiB`).processes[0]?.usedBytes, 20 * KIB);
  });

  it('hold both queries of nvidia-smi, in either order', () => {
    for (const text of [`${CARDS}\n${CARD}\n${APPS}\n`, `${APPS}\n\n${CARDS}\n${CARD}\n`]) {
      const { gpus, processes } = read(text);
      assert.equal(gpus[0]?.usedBytes, 1024 * MIB);
      assert.deepEqual(holdersOf(processes), [[4242, 900, 'python3, with comma', [0]]]);
    }
  });

  it('hold several rounds: a card that comes again is the same', () => {
    const rows = ['GPU-1, 10 MiB', 'GPU-2, 20 MiB', 'GPU-1, 11 MiB', 'GPU-2, 21 MiB'];
    const { gpus } = read(`uuid, memory.used [MiB]\n${rows.join('\n')}\n`);
    assert.deepEqual(
      gpus.map(({ index, usedBytes }) => [index, mib(usedBytes)]),
      [
        [0, 11],
        [1, 21],
      ],
    );
  });
});

describe('what nvidia-smi says', () => {
  it('of a memory it may not read is a problem, whatever else it may read', () => {
    const denied = '[Insufficient Permissions], [Insufficient Permissions], [N/A], 33, A100';
    const sample = read(`${CARDS}\n0, GPU-1, ${denied}\n`);
    assert.deepEqual(
      sample.problems.map(({ id }) => id),
      ['permission'],
    );
    assert.deepEqual(factsOf(sample.gpus[0])?.slice(2, 7), [null, null, null, null, 33]);
  });

  it('of a device with a total of 0 is nothing', () => {
    const { gpus } = read(`${CARDS}\n0, GPU-1, 0 MiB, 0 MiB, [N/A], 40, NVIDIA GB10\n`);
    assert.deepEqual(factsOf(gpus[0])?.slice(2, 5), [null, null, null]);
  });

  it('takes index, used and total without a header for no process', () => {
    const { gpus, processes } = read('0, 1024, 24576\n1, 2048, 24576\n2, 1, 24576\n');
    assert.deepEqual([gpus, processes], [[], []]);
  });

  it('in dmon is one reading of each card', () => {
    const text = [
      '# gpu    pwr  gtemp  mtemp     sm    mem     fb   bar1',
      '# Idx      W      C      C      %      %     MB     MB',
      '    0     43     35      -     12      3   1024      5',
      '    1      -      -      -      -      -      -      -',
    ].join('\n');
    assert.deepEqual(read(text).gpus.map(factsOf), [
      [0, null, null, 1024, null, 12, 35, 43, null],
      [1, null, null, null, null, null, null, null, null],
    ]);
  });

  const SAID: readonly (readonly [id: string, text: string])[] = [
    ['gpu_lost', 'Unable to determine the device handle for GPU0: 0000:07:00.0: Unknown Error'],
    [
      'power_cables',
      'Unable to determine the device handle for gpu 0000:01:00.0: Unable to communicate with GPU because it is insufficiently powered.',
    ],
    [
      'gpu_requires_reset',
      'Unable to determine the device handle for GPU0000:81:00.0: GPU requires reset',
    ],
    [
      'permission',
      'Unable to determine the device handle for GPU 0000:3B:00.0: Insufficient Permissions',
    ],
    [
      'permission',
      'Failed to initialize NVML: GPU access blocked by the operating system\nFailed to properly shut down NVML: GPU access blocked by the operating system',
    ],
    [
      'driver_not_loaded',
      'NVIDIA-SMI has failed because it couldn’t communicate with the NVIDIA driver.',
    ],
    ['tool_missing', 'bash: nvidia-smi: command not found'],
    [
      'tool_missing',
      "'nvidia-smi' is not recognized as an internal or external command,\r\noperable program or batch file.",
    ],
    ['crash', 'Segmentation fault (core dumped)'],
    ['permission', 'User is missing the following required groups: render, video.'],
    ['driver_not_loaded', 'ERROR:root:Driver not initialized (amdgpu not found in modules)'],
    [
      'driver_not_loaded',
      'Error code:\n\t34 | AMDSMI_STATUS_DRIVER_NOT_LOADED - Driver not loaded',
    ],
    ['no_devices', 'Error: No device discovered'],
    ['no_devices', '+-o AppleParavirtGPU  <class AppleParavirtGPU>\n    {\n    }\n'],
    ['bad_output', 'the page was not found'],
  ];
  for (const [id, text] of SAID)
    it(`and others say: ${text.split(`\n`)[0]?.trim().slice(0, 70)}`, () => {
      const { gpus, processes } = read(text);
      assert.deepEqual([gpus, processes, idsOf(text)], [[], [], [id]]);
    });
});

describe('recordings of AMD tools', () => {
  it('read amd-smi list, monitor and static', () => {
    const [listed] = read(JSON.stringify([{ gpu: 0, bdf: '0000:03:00.0', uuid: 'aaff' }])).gpus;
    assert.deepEqual(
      [listed?.busId, listed?.uuid, listed?.totalBytes],
      ['0000:03:00.0', 'aaff', null],
    );
    const watch = {
      gpu: 0,
      power_usage: { value: 132, unit: 'W' },
      hotspot_temperature: { value: 40, unit: 'C' },
      gfx: { value: 12, unit: '%' },
      vram_used: { value: 283, unit: 'MB' },
      vram_free: { value: 196309, unit: 'MB' },
      vram_total: { value: 196592, unit: 'MB' },
    };
    const facts = [0, null, 196592, 283, 196309, 12, 40, 132, null];
    assert.deepEqual(factsOf(read(JSON.stringify([watch])).gpus[0]), facts);
    const csv =
      'gpu,power_usage,hotspot_temperature,gfx,vram_used,vram_free,vram_total\n0,132,40,12,283,196309,196592\n1,N/A,N/A,N/A,N/A,N/A,N/A\n';
    assert.deepEqual(read(csv).gpus.map(factsOf), [
      facts,
      [1, null, null, null, null, null, null, null, null],
    ]);
    const limits = {
      max_power: { value: 750, unit: 'W' },
      socket_power: { value: 600, unit: 'W' },
    };
    const entry = { gpu: 0, asic: { market_name: 'AMD Instinct MI300X' }, limit: limits };
    assert.equal(read(JSON.stringify({ gpu_data: [entry] })).gpus[0]?.powerLimitW, 600);
  });

  it('read the words of ROCm 5, behind a warning in brackets', () => {
    const entry = {
      gpu: 0,
      usage: { gfx_activity: '3 %' },
      power: { average_socket_power: '35 W' },
      temperature: { edge_temperature: '45 C' },
      fb_usage: { fb_total: '16368 MB', fb_used: 'N/A' },
    };
    const text = `[WARNING] deprecated\n${JSON.stringify([entry])}`;
    const facts = [0, null, 16368, null, null, 3, 45, 35, null];
    assert.deepEqual(factsOf(read(text).gpus[0]), facts);
  });

  it('read the table that plain amd-smi prints', () => {
    const text = [
      '| AMD-SMI 26.0.0+37d158ab      amdgpu version: 6.12.12  ROCm version: 7.0.0    |',
      '| BDF                        GPU-Name | Mem-Uti   Temp   UEC       Power-Usage |',
      '| GPU  HIP-ID  OAM-ID  Partition-Mode | GFX-Uti    Fan               Mem-Usage |',
      '| 0000:05:00.0    AMD Instinct MI300X | 0 %      37 °C   0           132/750 W |',
      '|   0       0       2        SPX/NPS1 | 4 %        N/A           283/196592 MB |',
      '| 0000:15:00.0    AMD Instinct MI300X | 0 %      N/A     0           N/A/750 W |',
      '|   1       1       3        SPX/NPS1 | N/A        N/A           285/196592 MB |',
      '| Processes:                                                                   |',
      '|    0      12345  python3                2.0 MB   1.5 GB     1.5 GB     0.0 % |',
    ].join('\n');
    const { gpus, processes } = read(text);
    const name = 'AMD Instinct MI300X';
    assert.deepEqual(gpus.map(factsOf), [
      [0, name, 196592, 283, null, 4, 37, 132, 750],
      [1, name, 196592, 285, null, null, null, null, 750],
    ]);
    assert.deepEqual(holdersOf(processes), [[12345, 1536, 'python3', [0]]]);
    assert.deepEqual(idsOf(text, 'nvidia-smi'), ['bad_output'], 'it only looks like its table');
  });

  it('read rocm-smi without --json', () => {
    const lines =
      'GPU[0]\t\t: VRAM Total Memory (B): 17163091968\nGPU[0]\t\t: VRAM Total Used Memory (B): 12582912\nGPU[0]\t\t: Card Series: \t\tNavi 21\n';
    assert.deepEqual(factsOf(read(lines).gpus[0])?.slice(0, 4), [0, 'Navi 21', 16368, 12]);
    const csv =
      'device,GPU use (%),VRAM Total Memory (B),VRAM Total Used Memory (B)\ncard0,7,17163091968,12582912\ncard1,N/A,17163091968,N/A\n';
    assert.deepEqual(
      read(csv).gpus.map((gpu) => factsOf(gpu)?.slice(2, 6)),
      [
        [16368, 12, null, 7],
        [16368, null, null, null],
      ],
    );
    const concise =
      'Device  IDs    Temp    Power  Partitions  SCLK  MCLK  Fan  Perf  PwrCap  VRAM%  GPU%\n0  0x740f, 1  35.0°C  40.0W  N/A, N/A, 0  800Mhz  1600Mhz  0%  auto  300.0W  5%  9%\n';
    const facts = [0, null, null, null, null, 9, 35, 40, 300];
    assert.deepEqual(factsOf(read(concise).gpus[0]), facts);
    const pids =
      'PID  PROCESS NAME  GPU(s)  VRAM USED  SDMA USED  CU OCCUPANCY\n28389  llama-server  1  1048576  11011  0\n';
    assert.deepEqual(holdersOf(read(pids).processes), [[28389, 1, 'llama-server', []]]);
  });
});

describe('recordings of Intel and Apple tools', () => {
  it('read xpu-smi with -j', () => {
    const device = {
      device_id: 1,
      device_name: 'Intel(R) Arc(TM) A770 Graphics',
      memory_physical_size_byte: '17079205888',
      pci_bdf_address: '0000:03:00.0',
    };
    for (const json of [device, { device_list: [device] }])
      assert.deepEqual(factsOf(read(JSON.stringify(json)).gpus[0])?.slice(0, 4), [
        1,
        'Intel(R) Arc(TM) A770 Graphics',
        16288,
        null,
      ]);
    const level = (name: string, value: number) => ({ metrics_type: `XPUM_STATS_${name}`, value });
    const stats = (used: number) =>
      JSON.stringify({
        device_id: 0,
        device_level: [level('GPU_UTILIZATION', 13.5), level('MEMORY_USED', used)],
      });
    for (const used of [28 * MIB, 28])
      assert.deepEqual(factsOf(read(stats(used)).gpus[0])?.slice(3, 6), [28, null, 13.5]);
    const row = { device_id: 0, mem_size: 2048, process_id: 7832, process_name: 'python3' };
    const listed = JSON.stringify({ device_util_by_proc_list: [row] });
    assert.deepEqual(holdersOf(read(listed).processes), [[7832, 2, 'python3', [0]]]);
  });

  it('read xpu-smi dump and the csv of 2.0', () => {
    const header =
      'Timestamp, DeviceId, GPU Utilization (%), GPU Core Temperature (Celsius Degree), GPU Memory Used (MiB)';
    const rows = ['06:14:46.000, 0, 0.00, N/A, 27', '06:14:47.000, 0, 1.00, N/A, 29'];
    const text = `${header}\n${rows.join('\n')}\n`;
    const facts = [0, null, null, 29, null, 1, null, null, null];
    assert.deepEqual(factsOf(read(text).gpus[0]), facts);
    assert.deepEqual(idsOf(text.replaceAll('GPU Util', 'TileId, x').replace('x', 'y')), [
      'bad_output',
    ]);
    const csv =
      'index, name, memory.total [MiB], memory.used [MiB]\n0, Intel(R) Arc(TM) Pro B60 Graphics, 24480 MiB, 3642 MiB\n';
    assert.equal(read(csv, 'xpu-smi').gpus[0]?.usedBytes, 3642 * MIB);
    assert.deepEqual(idsOf(`${CARDS}\n${CARD}\n`, 'xpu-smi'), ['bad_output']);
  });

  it('read an AMD card of an Intel Mac as one with memory of its own', () => {
    const text =
      '+-o AMDRadeonX6000_Accelerator  <class x>\n    {\n      "model" = "AMD Radeon Pro W6800X"\n      "VRAM,totalMB" = 32768\n      "PerformanceStatistics" = {"vramUsedBytes"=1048576000,"vramFreeBytes"=33311162368,"Temperature(C)"=52,"Total Power(W)"=45,"Device Utilization %"=3}\n    }\n';
    const [gpu] = read(text).gpus;
    const facts = [0, 'AMD Radeon Pro W6800X', 32768, 1000, 31768, 3, 52, 45, null];
    assert.deepEqual(factsOf(gpu), facts);
    assert.equal(gpu?.memory, 'dedicated');
  });

  it('read system_profiler without -json', () => {
    const text =
      'Graphics/Displays:\n\n    Intel UHD Graphics 630:\n\n      Chipset Model: Intel UHD Graphics 630\n      VRAM (Dynamic, Max): 1536 MB\n\n    Apple M3 Max:\n\n      Chipset Model: Apple M3 Max\n      Total Number of Cores: 40\n\n    AMD Radeon Pro 5500M:\n\n      Chipset Model: AMD Radeon Pro 5500M\n      VRAM (Total): 8 GB\n';
    const { gpus } = read(text);
    assert.deepEqual(
      gpus.map((gpu) => [gpu.name, mib(gpu.totalBytes), gpu.memory, gpu.cores]),
      [
        ['Intel UHD Graphics 630', null, 'unified', undefined],
        ['Apple M3 Max', null, 'unified', 40],
        ['AMD Radeon Pro 5500M', 8192, 'dedicated', undefined],
      ],
    );
  });

  it('count each client of a process once', () => {
    const client = (id: number, kib: number) =>
      `pos:\t0\ndrm-driver:\tamdgpu\ndrm-pdev:\t0000:08:00.0\ndrm-client-id:\t${id}\ndrm-memory-vram:\t${kib} KiB\n`;
    const { processes } = read(client(217, 2048) + client(218, 1024) + client(217, 2048));
    assert.deepEqual(
      processes.map(({ clientId, usedBytes }) => [clientId, usedBytes]),
      [
        [217, 2 * MIB],
        [218, MIB],
      ],
    );
  });
});

describe("recordings of Windows' counters", () => {
  const LUID = 'luid_0x00000000_0x0000D4C1_phys_0';
  const adapter = `\\\\PC\\GPU Adapter Memory(${LUID})\\Dedicated Usage`;
  const process = `\\\\PC\\GPU Process Memory(pid_1234_${LUID})\\Local Usage`;
  const committed = `\\\\PC\\GPU Process Memory(pid_1234_${LUID})\\Dedicated Usage`;
  const forms: Readonly<Record<string, string>> = {
    'Get-Counter': `Timestamp                 CounterSamples\n---------                 --------------\n11/22/2026 1:02:03 AM     ${adapter.toLowerCase()} :\n                          2097152\n\n                          ${committed.toLowerCase()} :\n                          9437184\n\n                          ${process.toLowerCase()} :\n                          1048576\n`,
    typeperf: `\n"(PDH-CSV 4.0)","${adapter}","${process}","${committed}"\n"11/22/2026 01:02:03.123","1.000000","1.000000","1.000000"\n"11/22/2026 01:02:04.123","2097152.000000","1048576.000000","9437184.000000"\nExiting, please wait...\n`,
    'the CIM classes': JSON.stringify([
      { Name: LUID, DedicatedUsage: 2097152, SharedUsage: 5 },
      { Name: `pid_1234_${LUID}`, DedicatedUsage: 9437184, LocalUsage: 1048576 },
      { Name: '_total', DedicatedUsage: 1 },
    ]),
  };
  for (const [form, text] of Object.entries(forms))
    it(`read ${form}: what is resident, by adapter and process`, () => {
      const { gpus, processes, problems } = read(text);
      assert.deepEqual(gpus.map(factsOf), [[0, null, null, 2, null, null, null, null, null]]);
      assert.deepEqual(holdersOf(processes), [[1234, 1, null, [0]]]);
      assert.deepEqual(problems, []);
    });
});
