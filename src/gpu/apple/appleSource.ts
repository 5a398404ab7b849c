/** Live samples of Apple's processors: `ioreg`, and what the system has. Nothing of it needs an administrator. */
import type { Gpu, ToolCall, ToolOutput } from '../gpu';
import { completeGpu, MAX_BYTES, plausible } from '../completeGpu';
import type { GpuAnswers, GpuReading, GpuSource, GpuSourceState } from '../source';
import { toolProblems } from '../toolProblems';
import { numberAt, sumOf } from '../values';
import { GIB, MIB } from '../../shared/units';
import { readIoreg } from './ioreg';

const TIMEOUT_MS = 5_000;

export const appleSource: GpuSource = {
  id: 'ioreg',
  label: 'ioreg',
  executables: ['/usr/sbin/ioreg'],
  needs: 'tool',
  calls(state) {
    const call = (file: string, ...args: string[]): ToolCall => ({
      file,
      args,
      timeoutMs: TIMEOUT_MS,
    });
    return [
      call(state.executable, '-r', '-d', '1', '-w', '0', '-c', 'IOAccelerator'),
      call('/usr/bin/vm_stat'),
      // the limit can be changed at any time, memory can't; one call tells both
      call('/usr/sbin/sysctl', 'hw.memsize', 'iogpu.wired_limit_mb', 'debug.iogpu.wired_limit'),
    ];
  },
  read,
};

/** On virtual machines and Intel Macs `ioreg` names no GPU with such statistics: that is unknown, and no failure. */
function read(state: GpuSourceState, { outputs, wish }: GpuAnswers): GpuReading {
  const [ioreg, vmStat, sysctl] = outputs;
  const memory = readSysctl(sysctl ?? null);
  const availableBytes = readVmStat(vmStat ?? null);
  const gpus = readIoreg(ioreg?.stdout ?? '').map((gpu) =>
    gpu.memory === 'unified' ? inPool(gpu, memory, availableBytes) : gpu,
  );
  return {
    sample: {
      gpus,
      processes: [],
      problems: ioreg?.exitCode === 0 ? [] : toolProblems('ioreg', outputs, gpus),
    },
    state,
    retry: false,
    hasProcesses: wish.processes,
    ...(ioreg?.exitCode === 0 && gpus.length === 0 ? { absent: true } : {}),
  };
}

function inPool(gpu: Gpu, memory: SystemSizes, availableBytes: number | null): Gpu {
  const { totalBytes, setLimitBytes } = memory;
  const limitBytes = setLimitBytes ?? (totalBytes === null ? null : usualLimitBytes(totalBytes));
  const underLimit =
    limitBytes === null || gpu.usedBytes === null ? null : Math.max(0, limitBytes - gpu.usedBytes);
  return completeGpu(gpu.index, {
    ...gpu,
    totalBytes,
    freeBytes:
      underLimit === null || availableBytes === null ? null : Math.min(underLimit, availableBytes),
    ...(limitBytes === null ? {} : { limitBytes, isLimitEstimated: setLimitBytes === null }),
  });
}

/**
 * Metal's recommendedMaxWorkingSetSize, which only programs can ask for. Seen: 11.84 and 10.67 of 16 GiB, 17.76 of 24,
 * 96 of 128, 107.5 of 128 under macOS 26: two thirds up to 36 GiB, three quarters above.
 */
function usualLimitBytes(totalBytes: number): number {
  return Math.floor(totalBytes <= 36 * GIB ? (totalBytes * 2) / 3 : (totalBytes * 3) / 4);
}

interface SystemSizes {
  readonly totalBytes: number | null;
  /** null: not set (0), the system's own rule counts. */
  readonly setLimitBytes: number | null;
}

/** `hw.memsize: 17179869184`; a name that this system lacks is missing from stdout. */
function readSysctl(output: ToolOutput | null): SystemSizes {
  const value = (name: string) =>
    numberAt(
      output?.stdout ?? '',
      new RegExp(`^${name.replaceAll('.', '\\.')}: (\\d{1,15})\\s*$`, 'm'),
    );
  const limitMib = value('iogpu.wired_limit_mb') ?? value('debug.iogpu.wired_limit');
  return {
    totalBytes: plausible(value('hw.memsize'), 1, MAX_BYTES),
    setLimitBytes: limitMib === null ? null : plausible(limitMib * MIB, 1, MAX_BYTES),
  };
}

/** Free, inactive and purgeable pages: what the system would give up without swapping. */
function readVmStat(output: ToolOutput | null): number | null {
  const text = output?.stdout ?? '';
  const pageBytes = numberAt(text, /page size of (\d{4,6}) bytes/);
  const pages = sumOf(
    ['free', 'inactive', 'purgeable'].map((kind) =>
      numberAt(text, new RegExp(`^Pages ${kind}:\\s+(\\d{1,12})\\.`, 'm')),
    ),
  );
  return pageBytes === null || pages === null ? null : plausible(pageBytes * pages, 0, MAX_BYTES);
}
