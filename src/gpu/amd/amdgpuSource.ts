/**
 * Live samples of AMD GPUs on Linux from the kernel's own files: microseconds, where amd-smi and rocm-smi start a Python of
 * hundreds of milliseconds. Only names come from amd-smi, once, where it is installed.
 */
import type { Gpu } from '../gpu';
import { completeGpu, filledFrom } from '../completeGpu';
import { cardsOf, identityQuestion, readingsQuestion, type DrmCard } from '../drm/cards';
import { clientRows, DRI_DEVICES, SEARCH_EVERY_LOOKS } from '../drm/clients';
import { MEMINFO, readMeminfo, type FileAnswers } from '../kernelFiles';
import { mergeProcesses, type ProcessRow } from '../mergeProcesses';
import { absentReading, retryReading } from '../source';
import type { GpuAnswers, GpuReading, GpuSource, GpuSourceState } from '../source';
import { readAmdSmi } from './amdSmi';
import { AMD_SMI_PLACES } from './amdSmiSource';
import { KFD_QUESTIONS, kfdRows } from './kfd';
import { amdPoolOf } from './unifiedPool';

const VENDOR = '0x1002';
const READINGS = [
  'mem_info_vram_total',
  'mem_info_vram_used',
  'mem_info_gtt_total',
  'mem_info_gtt_used',
  'gpu_busy_percent',
  'product_name',
  'hwmon/hwmon*/temp1_input',
  'hwmon/hwmon*/power1_average',
  'hwmon/hwmon*/power1_input',
  'hwmon/hwmon*/power1_cap',
];

export const amdgpuSource: GpuSource = {
  id: 'amdgpu',
  label: 'amdgpu kernel files',
  executables: AMD_SMI_PLACES,
  needs: 'files',
  files(state, wish) {
    if (state.known === undefined) return [identityQuestion(VENDOR)];
    const readings = [identityQuestion(VENDOR), readingsQuestion(VENDOR, READINGS), MEMINFO];
    if (!wish.processes) return readings;
    const pids = (state.looks ?? 0) % SEARCH_EVERY_LOOKS === 0 ? null : (state.pids ?? []);
    const names = (state.pids ?? []).map((pid) => ({
      folders: `/proc/${String(pid)}`,
      files: ['comm'],
    }));
    return [...readings, ...KFD_QUESTIONS, ...names, { devices: DRI_DEVICES, pids }];
  },
  calls(state) {
    const wantsNames = state.known?.length === 0 && state.executable !== '';
    return wantsNames
      ? [
          {
            file: state.executable,
            args: ['static', '--asic', '--bus', '--driver', '--json'],
            timeoutMs: 5_000,
          },
        ]
      : [];
  },
  read,
};

function read(state: GpuSourceState, { outputs, files, wish }: GpuAnswers): GpuReading {
  const cards = cardsOf(files, VENDOR);
  if (cards.length === 0) return absentReading(state);
  if (state.known === undefined) return retryReading({ ...state, known: [] });
  const named = [...(readAmdSmi(outputs[0]?.stdout ?? '')?.gpus ?? []), ...state.known];
  const gpus = cards
    .map((card, index) => {
      const same = named.filter((gpu) => isSameBus(gpu.busId, card.busId));
      return same.reduce(filledFrom, readCard(card, index, files));
    })
    .map((gpu) => (gpu.asleep === true ? { ...gpu, usedBytes: null } : gpu))
    // a driver without these files (radeon, a container without /sys) has nothing to say here
    .filter((gpu) => gpu.totalBytes !== null || gpu.asleep === true);
  if (gpus.length === 0) return absentReading(state);
  const rows = wish.processes ? rowsOf(files, gpus) : [];
  const pids = [...new Set(rows.map((row) => row.pid))];
  // KFD names no process: who is new is asked once more, for its name
  const isNew = (row: ProcessRow) => row.name === null && state.pids?.includes(row.pid) !== true;
  if (rows.some(isNew)) return retryReading({ ...state, pids });
  const looks = wish.processes ? { looks: (state.looks ?? 0) + 1, pids } : {};
  return {
    sample: { gpus: withNames(gpus, cards), processes: mergeProcesses(rows), problems: [] },
    state: { ...state, ...looks, known: gpus.map(identityOf) },
    retry: false,
    hasProcesses: wish.processes,
  };
}

function readCard({ folder, busId, asleep }: DrmCard, index: number, files: FileAnswers): Gpu {
  const gttTotalBytes = folder.count('mem_info_gtt_total');
  const gttUsedBytes = folder.count('mem_info_gtt_used');
  const vramTotalBytes = folder.count('mem_info_vram_total');
  const vramUsedBytes = folder.count('mem_info_vram_used');
  const pool = amdPoolOf({ vramTotalBytes, vramUsedBytes, gttTotalBytes, gttUsedBytes });
  const [milliC] = folder.counts(/^hwmon\/hwmon\d+\/temp1_input$/);
  const [microW] = folder.counts(/^hwmon\/hwmon\d+\/power1_(?:average|input)$/);
  const [capMicroW] = folder.counts(/^hwmon\/hwmon\d+\/power1_cap$/);
  return completeGpu(index, {
    ...pool,
    name: folder.text('product_name') === '' ? null : folder.text('product_name'),
    busId,
    freeBytes:
      pool.memory === 'unified' && pool.usedBytes !== null
        ? poolFreeBytes(
            (vramTotalBytes ?? 0) - (vramUsedBytes ?? 0),
            (gttTotalBytes ?? 0) - (gttUsedBytes ?? 0),
            readMeminfo(files).availableBytes,
          )
        : null,
    utilizationPercent: folder.count('gpu_busy_percent'),
    temperatureC: milliC === undefined ? null : Math.round(milliC / 1000),
    powerW: microW === undefined ? null : microW / 1e6,
    powerLimitW: capMicroW === undefined ? null : capMicroW / 1e6,
    ...(asleep ? { asleep } : {}),
  });
}

/** What may be mapped for the GPU is no promise: it can exceed what the system has left. */
function poolFreeBytes(vram: number, gtt: number, availableBytes: number | null): number | null {
  return availableBytes === null
    ? null
    : Math.max(0, vram) + Math.min(Math.max(0, gtt), availableBytes);
}

/** KFD knows what a process really holds on each card; with peers mapped, fdinfo repeats it on all of them. */
function rowsOf(files: FileAnswers, gpus: readonly Gpu[]): ProcessRow[] {
  const indexOf = (busId: string) => gpus.find((gpu) => isSameBus(gpu.busId, busId))?.index ?? null;
  const compute = kfdRows(files, indexOf);
  const known = new Set(compute.map((row) => row.pid));
  return [
    ...compute,
    ...clientRows(files, ['amdgpu'], indexOf).filter((row) => !known.has(row.pid)),
  ];
}

/** A name that says the maker, for cards whose market name nobody tells. */
function withNames(gpus: readonly Gpu[], cards: readonly DrmCard[]): Gpu[] {
  return gpus.map((gpu) => ({
    ...gpu,
    name: gpu.name ?? `AMD GPU [${cards[gpu.index]?.deviceId ?? 'unknown'}]`,
  }));
}

/** What stays the same; readings of one look never stand in for those of the next. */
function identityOf({ index, name, busId, totalBytes, memory, driverVersion }: Gpu): Gpu {
  return completeGpu(index, { name, busId, totalBytes, memory, driverVersion });
}

function isSameBus(a: string | null, b: string | null): boolean {
  return a !== null && a.toLowerCase() === b?.toLowerCase();
}
