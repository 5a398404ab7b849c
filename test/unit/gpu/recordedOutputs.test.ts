import assert from 'node:assert/strict';
import * as z from 'zod/mini';
import type { Gpu, MigDevice } from '../../../src/gpu/gpu';
import { detectFormat, readNvidiaOutput } from '../../../src/gpu/nvidia/output';
import { readRecorded, RECORDED_TOOLS, type RecordedProcess } from '../../../src/gpu/recorded';
import { MIB } from '../../../src/shared/units';
import { describeWithData, readDataJson, readDataText } from '../../support/sharedData';

const facts = z.record(z.string(), z.unknown());
const indexSchema = z.array(
  z.object({
    file: z.string(),
    vendor: z.string(),
    tool: z.string(),
    error: z.optional(z.string()),
    expected: z.object({
      gpus: z.array(facts),
      processes: z.array(facts),
      mig_devices: z.optional(z.array(facts)),
    }),
  }),
);

type Facts = Readonly<Record<string, unknown>>;

const mib = (bytes: number | null | undefined) => (bytes == null ? null : bytes / MIB);

/** What we say about each thing that the recordings' answers may hold. A key missing here is a failure, not a pass. */
const GPU_KEYS: Readonly<Record<string, (gpu: Gpu) => unknown>> = {
  name: (gpu) => gpu.name,
  total_mib: (gpu) => mib(gpu.totalBytes),
  used_mib: (gpu) => mib(gpu.usedBytes),
  free_mib: (gpu) => mib(gpu.freeBytes),
  reserved_mib: (gpu) => mib(gpu.reservedBytes),
  util: (gpu) => gpu.utilizationPercent,
  temperature_c: (gpu) => gpu.temperatureC,
  power_w: (gpu) => gpu.powerW,
  power_limit_w: (gpu) => gpu.powerLimitW,
  driver_version: (gpu) => gpu.driverVersion,
  bus_id: (gpu) => gpu.busId,
  mig: (gpu) => gpu.mig,
  cores: (gpu) => gpu.cores,
  in_use_mib: (gpu) => mib(gpu.inUseBytes),
};

const PROCESS_KEYS: Readonly<Record<string, (process: RecordedProcess) => unknown>> = {
  pid: (process) => process.pid,
  used_mib: (process) => mib(process.usedBytes),
  name: (process) => process.name,
  type: (process) => process.type,
  gpus: (process) => process.gpus,
  gpu: (process) => (process.gpus.length === 1 ? process.gpus[0] : process.gpus),
  gi: (process) => process.gpuInstanceId,
  ci: (process) => process.computeInstanceId,
  sm: (process) => process.utilizationPercent ?? null,
  client_id: (process) => process.clientId,
  pdev: (process) => process.busId,
  vram_kib: (process) => process.usedBytes! / 1024,
  gtt_kib: (process) => process.gttBytes! / 1024,
};

const SLICE_KEYS: Readonly<Record<string, (slice: MigDevice & { gpu: number }) => unknown>> = {
  gpu: (slice) => slice.gpu,
  device: (slice) => slice.device,
  gi: (slice) => slice.gpuInstanceId,
  ci: (slice) => slice.computeInstanceId,
  profile: (slice) => slice.profile,
  total_mib: (slice) => mib(slice.totalBytes),
  used_mib: (slice) => mib(slice.usedBytes),
  free_mib: (slice) => mib(slice.freeBytes),
};

function compare<T>(
  found: readonly T[],
  expected: readonly Facts[],
  keys: Readonly<Record<string, (thing: T) => unknown>>,
): void {
  assert.equal(found.length, expected.length);
  expected.forEach((wanted, at) => {
    for (const [key, value] of Object.entries(wanted)) {
      const read = keys[key];
      assert.ok(read, `the test does not know the key ${key}`);
      const actual = read(found[at]!);
      const near =
        typeof value === 'number' && typeof actual === 'number' && Math.abs(value - actual) <= 1;
      if (!(key.endsWith('_mib') && near))
        assert.deepEqual(actual, value, `${key} of number ${at}`);
    }
  });
}

describeWithData('recorded outputs of GPU tools', () => {
  const recordings = z.parse(indexSchema, readDataJson('gpu-samples', 'index.json'));
  const countOf = new Map<string, number>();

  for (const { file, vendor, tool, error, expected } of recordings) {
    it(`reads ${file}`, () => {
      const text = readDataText('gpu-samples', file);
      const sample = readRecorded(text, 'auto')!;
      compare(sample.gpus, expected.gpus, GPU_KEYS);
      compare(sample.processes, expected.processes, PROCESS_KEYS);
      if (expected.mig_devices) {
        const slices = sample.gpus.flatMap((gpu) =>
          (gpu.migDevices ?? []).map((slice) => ({ ...slice, gpu: gpu.index })),
        );
        compare(slices, expected.mig_devices, SLICE_KEYS);
      }
      assert.deepEqual(
        sample.problems.map((problem) => problem.id),
        error === undefined ? [] : [error],
      );
      const named = readRecorded(text, tool.startsWith('/proc/') ? 'fdinfo' : tool);
      assert.deepEqual(named, sample, 'by the name of its tool');
      countOf.set(vendor, (countOf.get(vendor) ?? 0) + 1);
    });
  }

  it('knows unified memory by what the tool says, in every form', () => {
    const kindOf = (file: string) =>
      readNvidiaOutput(readDataText('gpu-samples', file)).gpus[0]?.memory;
    assert.equal(kindOf('nvidia-smi-query-gpu-gb10-580.csv'), 'unified');
    assert.equal(kindOf('nvidia-smi-table-gb10-580.txt'), 'unified');
    assert.equal(kindOf('nvidia-smi-table-orin-540.txt'), 'unified');
    assert.equal(kindOf('tegrastats-agx-orin-jp72.txt'), 'unified');
    assert.equal(kindOf('nvidia-smi-qx-gt730-384-unsupported.xml'), 'dedicated');
    assert.equal(kindOf('nvidia-smi-query-gpu-windows-unknown-error-442.csv'), 'dedicated');
  });

  it('takes no output of another vendor for one of NVIDIA', () => {
    for (const { file } of recordings.filter((recording) => recording.vendor !== 'nvidia'))
      assert.equal(detectFormat(readDataText('gpu-samples', file)), null, file);
  });

  it('lets no tool read what another one wrote', () => {
    for (const { file, tool } of recordings) {
      const text = readDataText('gpu-samples', file);
      const readable = RECORDED_TOOLS.filter(
        (name) => readRecorded(text, name)!.problems[0]?.id !== 'bad_output',
      );
      const own = tool.startsWith('/proc/') ? 'fdinfo' : tool;
      const allowed = ['nvidia-smi', 'tegrastats'].includes(own)
        ? ['nvidia-smi', 'tegrastats']
        : [own];
      assert.deepEqual(readable, allowed, file);
    }
  });

  after(() => {
    const counts = [...countOf].map(([vendor, count]) => `${vendor} ${count}`).join(', ');
    console.log(`      recorded outputs equal to what is expected of them: ${counts}`);
    assert.equal(recordings.length, 53, 'number of recorded outputs');
  });
});
