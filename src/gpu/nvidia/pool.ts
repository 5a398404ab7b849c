/**
 * Memory of NVIDIA chips that share it with the system (GB10, Thor, Orin), where nvidia-smi says "[N/A]": the pool is the
 * system's memory, what it could still give is MemAvailable (MemFree leaves the page cache out: 7.4 GiB "free" of 120 with
 * 6.4 in use), and the GPU's part is what its processes hold.
 */
import type { Gpu, GpuProcess } from '../gpu';
import { completeGpu } from '../completeGpu';
import { foldersOf, MEMINFO, readMeminfo } from '../kernelFiles';
import type { FileAnswers, FileQuestion } from '../kernelFiles';
import { sumOf } from '../values';

const GPU_FOLDERS = [
  '/sys/devices/platform/gpu.*',
  '/sys/devices/platform/*.gpu',
  '/sys/devices/platform/bus@0/*.gpu',
  '/sys/devices/gpu.*',
];
const GPU_FOLDER = /^\/sys\/devices\/(?:platform\/)?(?:bus@0\/)?(?:gpu\.\w+|\w+\.gpu)(?=\/)/;
const THERMAL_ZONE = /^\/sys\/class\/thermal\/thermal_zone\d+(?=\/)/;

/** `load` is there on Jetson boards only. */
export const POOL_QUESTIONS: readonly FileQuestion[] = [
  MEMINFO,
  ...GPU_FOLDERS.map((folders) => ({ folders, files: ['load'] })),
  { folders: '/sys/class/thermal/thermal_zone*', files: ['type', 'temp'] },
];

/** Absent: no GPU of a Jetson board. */
export function hasJetsonGpu(files: FileAnswers): boolean {
  return loadPercent(files) !== null;
}

/** `processes` null: not known at this moment, `lastUsedBytes` stands. */
export function withPool(
  gpu: Gpu,
  files: FileAnswers,
  processes: readonly GpuProcess[] | null,
  lastUsedBytes: number | null,
): Gpu {
  const { totalBytes, availableBytes, nvMapBytes } = readMeminfo(files);
  const held = processes === null ? lastUsedBytes : heldBy(processes);
  return completeGpu(gpu.index, {
    ...gpu,
    memory: 'unified',
    totalBytes,
    usedBytes: held ?? nvMapBytes,
    freeBytes: availableBytes,
    utilizationPercent: gpu.utilizationPercent ?? loadPercent(files),
    temperatureC: gpu.temperatureC ?? temperatureC(files),
  });
}

/** Nobody listed is unknown, not nothing: nvidia-smi of Orin lists no process at all. */
function heldBy(processes: readonly GpuProcess[]): number | null {
  return processes.length === 0 ? null : sumOf(processes.map(({ usedBytes }) => usedBytes));
}

/** The kernel writes per mille. */
function loadPercent(files: FileAnswers): number | null {
  const [load] = foldersOf(files, GPU_FOLDER).map((folder) => folder.count('load'));
  return load == null ? null : Math.round(load / 10);
}

function temperatureC(files: FileAnswers): number | null {
  const zone = foldersOf(files, THERMAL_ZONE).find((folder) =>
    /^gpu-?therm/i.test(folder.text('type') ?? ''),
  );
  const milli = zone?.count('temp');
  return milli == null ? null : Math.round(milli / 1000);
}
