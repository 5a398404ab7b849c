import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { amdgpuSource } from '../../../src/gpu/amd/amdgpuSource';
import { amdSmiSource } from '../../../src/gpu/amd/amdSmiSource';
import { mergeSamples } from '../../../src/gpu/mergeSamples';
import { readNvidiaOutput } from '../../../src/gpu/nvidia/output';
import { nvidiaSource } from '../../../src/gpu/nvidia/source';
import { readRecorded, RECORDED_TOOLS, type RecordedSample } from '../../../src/gpu/recorded';
import { startState, type GpuSource, type GpuSourceState } from '../../../src/gpu/source';
import { GPU_FAMILIES } from '../../../src/gpu/sources';
import { inFull } from '../../support/effort';
import { amdFiles, intelFiles, jetsonFiles } from '../../support/kernelTrees';
import { dataPath, hasSharedData } from '../../support/sharedData';
import { seededRandom } from '../../support/seededRandom';

const SEED = 20261121;
const CASES = inFull(100_000, 300);

const WORDS = [
  '[N/A]',
  '-1 MiB',
  '-99999',
  '99999999999999999999 MiB',
  'NaN',
  'Infinity',
  '1e308',
  '[GPU is lost]',
  ', ',
  '|',
  '\r\n',
  '<gpu>',
  '</gpu>',
  ' : ',
  '\0',
  '[Unknown Error]',
  '0x1F',
  '4294967296',
  '__proto__',
  'constructor',
  '"N/A"',
  'null',
  '{}',
  '[',
  '"value": ',
  '-1',
];

function mutate(text: string, random: () => number): string {
  const at = () => Math.floor(random() * text.length);
  let mutated = text;
  for (let round = 1 + Math.floor(random() * 4); round > 0; round--) {
    const [from, to] = [at(), at()].sort((a, b) => a - b) as [number, number];
    const word = WORDS[Math.floor(random() * WORDS.length)] ?? '';
    const kind = Math.floor(random() * 6);
    if (kind === 0) mutated = mutated.slice(0, from);
    else if (kind === 1) mutated = mutated.slice(from);
    else if (kind === 2) mutated = mutated.slice(0, from) + word + mutated.slice(from);
    else if (kind === 3) mutated = mutated.slice(0, from) + mutated.slice(Math.min(to, from + 40));
    else if (kind === 4) mutated += mutated.slice(from, to);
    else
      mutated = mutated.replaceAll(/\d+/g, (digits) =>
        random() < 0.1 ? word.trim() || '-5' : digits,
      );
  }
  return mutated;
}

/** Cutting breaks JSON as a whole; these leave it whole and spoil what it says. */
function mutateJson(text: string, random: () => number): string {
  const spoiled = ['"N/A"', 'null', '-1', '1e308', '[]', '{}', '"-99999"', '"x, y"', '1.5', 'true'];
  const word = () => spoiled[Math.floor(random() * spoiled.length)] ?? 'null';
  const share = random() * 0.2;
  return text.replaceAll(/(?<=: ?)(?:"[^"\n]*"|-?\d+(?:\.\d+)?)/g, (value) =>
    random() < share ? word() : value,
  );
}

function assertPossible(sample: RecordedSample): void {
  const check = (value: number | null | undefined, highest: number) => {
    if (value != null) assert.ok(Number.isFinite(value) && value >= 0 && value <= highest);
  };
  for (const gpu of sample.gpus) {
    const room = gpu.totalBytes === null ? 2 ** 44 : gpu.totalBytes + 2 ** 21;
    check(gpu.index, 2 ** 32);
    check(gpu.totalBytes, 2 ** 44);
    for (const part of [gpu.usedBytes, gpu.freeBytes, gpu.reservedBytes]) check(part, room);
    for (const part of [gpu.limitBytes, gpu.inUseBytes, gpu.cudaBytes]) check(part, 2 ** 47);
    check(gpu.cores, 9999);
    check(gpu.utilizationPercent, 100);
    check(gpu.temperatureC, 150);
    check(gpu.powerW, 10_000);
    check(gpu.powerLimitW, 10_000);
    for (const slice of gpu.migDevices ?? []) {
      check(slice.totalBytes, 2 ** 44);
      check(slice.usedBytes, slice.totalBytes === null ? 2 ** 44 : slice.totalBytes + 2 ** 21);
      check(slice.freeBytes, 2 ** 44);
    }
  }
  for (const process of sample.processes) {
    if (process.pid !== null)
      assert.ok(Number.isInteger(process.pid) && process.pid > 0 && process.pid < 2 ** 32);
    check(process.usedBytes, 2 ** 50);
    for (const index of process.gpus) assert.ok(Number.isInteger(index) && index >= 0);
  }
  for (const problem of sample.problems) assert.ok(problem.id !== '' && problem.text !== '');
  const indices = sample.gpus.map((gpu) => gpu.index);
  assert.equal(new Set(indices).size, indices.length, 'an index stands for one GPU');
}

function readFolder(folder: string): string[] {
  return fs
    .readdirSync(folder)
    .filter((name) => /\.(?:txt|csv|xml|json)$/.test(name) && name !== 'index.json')
    .map((name) => fs.readFileSync(path.join(folder, name), 'utf8'));
}

/** As `app/` asks: again while the source wants it, every call answered with the same text. */
function lookThrough(source: GpuSource, text: string, files: ReadonlyMap<string, string>): void {
  let state: GpuSourceState = startState('/opt/tool');
  const wish = { processes: true };
  for (let attempt = 0; attempt < 8; attempt++) {
    source.files?.(state, wish);
    const outputs = source
      .calls(state, wish, files)
      .map((_, at) => (at === 3 ? null : { stdout: text, stderr: '', exitCode: at % 2 }));
    const reading = source.read(state, { outputs, files, wish });
    assertPossible(reading.sample);
    assertPossible(mergeSamples([{ vendor: 'amd', sample: reading.sample }]));
    state = reading.state;
    if (!reading.retry) return;
  }
  assert.fail(`${source.id} has no end of retries`);
}

describe('readers under damaged outputs', () => {
  const bases = readFolder(path.resolve('test', 'fixtures', 'gpu'));
  if (hasSharedData) bases.push(...readFolder(dataPath('gpu-samples')));
  const trees = [amdFiles(), intelFiles(), jetsonFiles()].map((tree) => Object.entries(tree));
  const sources = GPU_FAMILIES.flatMap(({ ways }) => ways);

  it(`survive ${CASES} mutations without a throw or an impossible figure`, function () {
    this.timeout(600_000);
    const random = seededRandom(SEED);
    for (let round = 0; round < CASES; round++) {
      const base = bases[round % bases.length] ?? '';
      const text =
        /^\s*[[{]/.test(base) && random() < 0.8 ? mutateJson(base, random) : mutate(base, random);
      const tree = trees[round % trees.length] ?? [];
      const files = new Map(
        tree.map(([file, content]) => [file, random() < 0.1 ? mutate(content, random) : content]),
      );
      try {
        assertPossible(readNvidiaOutput(text));
        assertPossible(readRecorded(text, 'auto')!);
        const tool = RECORDED_TOOLS[Math.floor(random() * RECORDED_TOOLS.length)] ?? 'auto';
        assertPossible(readRecorded(text, tool)!);
        lookThrough(nvidiaSource, text, files);
        const source = sources[Math.floor(random() * sources.length)];
        if (source) lookThrough(source, text, files);
      } catch (error) {
        throw new Error(`case ${round} of seed ${SEED}: ${JSON.stringify(text.slice(0, 2000))}`, {
          cause: error,
        });
      }
    }
    console.log(
      `      ${CASES} mutations of ${bases.length} outputs and ${trees.length} file trees, seed ${SEED}`,
    );
  });

  it('read 8 GPUs with 64 processes (measured, not judged)', () => {
    const cards = Array.from(
      { length: 8 },
      (_, at) => `${at}, GPU-${at}, 81559 MiB, ${1000 + at} MiB, 7 %, NVIDIA H100 80GB HBM3`,
    );
    const apps = Array.from(
      { length: 64 },
      (_, at) => `GPU-${at % 8}, ${1000 + at}, ${100 + at} MiB, /opt/venv/bin/python`,
    );
    const outputs = [
      `index, uuid, memory.total [MiB], memory.used [MiB], utilization.gpu [%], name\n${cards.join('\n')}\n`,
      `gpu_uuid, pid, used_gpu_memory [MiB], process_name\n${apps.join('\n')}\n`,
    ].map((stdout) => ({ stdout, stderr: '', exitCode: 0 }));
    const amd = Array.from({ length: 8 }, (_, gpu) => ({
      gpu,
      mem_usage: {
        total_vram: { value: 196_592, unit: 'MB' },
        used_vram: { value: 9, unit: 'MB' },
      },
      process_list: Array.from({ length: 64 }, (_unused, at) => ({
        process_info: {
          pid: 1000 + at,
          name: 'python3',
          memory_usage: { vram_mem: { value: at, unit: 'B' } },
        },
      })),
    }));
    const amdOutputs = [0, 1, 2].map(() => ({
      stdout: JSON.stringify({ gpu_data: amd }),
      stderr: '',
      exitCode: 0,
    }));
    const cases = [
      { source: nvidiaSource, outputs },
      { source: amdSmiSource, outputs: amdOutputs },
    ];
    for (const each of cases) {
      const state = startState('tool');
      const answers = { outputs: each.outputs, files: new Map(), wish: { processes: true } };
      const times = Array.from({ length: 20 }, () => {
        const begin = performance.now();
        const { sample } = each.source.read(state, answers);
        assert.equal(sample.gpus.length, 8);
        assert.equal(sample.processes.length, 64);
        return performance.now() - begin;
      }).sort((a, b) => a - b);
      console.log(
        `      8 GPUs × 64 processes, ${each.source.id}: median ${times[10]?.toFixed(2)} ms, worst ${times.at(-1)?.toFixed(2)} ms of 20`,
      );
    }
  });

  it('stay linear on long lines', () => {
    const begin = performance.now();
    const many = inFull(1_000, 200);
    for (const text of [
      `| ${' '.repeat(200 * many)}`,
      `index, name\n0, ${'a, '.repeat(100 * many)}`,
      `<gpu ${'a="'.repeat(100 * many)}`,
      `${'<a>'.repeat(50 * many)}<nvidia_smi_log>`,
      `GPU 0: ${'(UUID: '.repeat(30 * many)}`,
      `==NVSMI LOG==\nGPU 00000000:17:00.0\n    a${' '.repeat(200 * many)}`,
      `# gpu pid\n${'0 '.repeat(100 * many)}`,
      `RAM 1/2MB ${'GR3D'.repeat(50 * many)}`,
      `Unable to determine the device handle ${' '.repeat(100 * many)}`,
      '[ '.repeat(100 * many),
      '{"a":\n'.repeat(30 * many),
      `+-o A\n"PerformanceStatistics" = {${'"Alloc system memory"='.repeat(20 * many)}`,
      '+-o "PerformanceStatistics"=\n'.repeat(20 * many),
      `PID       Command                       DeviceID       SHR            MEM\n1 ${'a '.repeat(100 * many)}`,
      `| Device ID | Device Information |\n|${' '.repeat(200 * many)}|`,
      `drm-driver:\tamdgpu\ndrm-memory-vram:${' '.repeat(200 * many)}`,
      `PID${' '.repeat(100 * many)}Command`,
    ]) {
      assertPossible(readNvidiaOutput(text));
      for (const tool of ['auto', ...RECORDED_TOOLS]) assertPossible(readRecorded(text, tool)!);
    }
    assertPossible(
      amdgpuSource.read(
        { ...startState(''), known: [] },
        {
          outputs: [],
          files: new Map([
            ['/sys/class/drm/card0/device/vendor', '0x1002'],
            ['/sys/class/drm/card0/device/uevent', 'PCI_SLOT_NAME='.repeat(20 * many)],
          ]),
          wish: { processes: true },
        },
      ).sample,
    );
    console.log(`      long lines: ${(performance.now() - begin).toFixed(0)} ms`);
  });
});
