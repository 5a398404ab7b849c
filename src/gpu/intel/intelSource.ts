/** Live samples of Intel's cards on Linux from the kernel's own files (xe; i915 names totals to its own programs only). */
import type { Gpu } from '../gpu';
import { completeGpu } from '../completeGpu';
import { cardsOf, identityQuestion, readingsQuestion, type DrmCard } from '../drm/cards';
import { clientRows, DRI_DEVICES, SEARCH_EVERY_LOOKS } from '../drm/clients';
import { mergeProcesses } from '../mergeProcesses';
import { absentReading, retryReading } from '../source';
import type { GpuAnswers, GpuReading, GpuSource, GpuSourceState } from '../source';
import { sumOf } from '../values';
import { MIB } from '../../shared/units';

const VENDOR = '0x8086';
const READINGS = [
  'tile*/vram*/total_bytes',
  'tile*/vram*/used_bytes',
  'resource',
  'hwmon/hwmon*/temp2_input',
  'hwmon/hwmon*/power1_max',
];

/** The window onto the memory (BAR 2) is as large as the memory with resizable BAR, and 256 MiB without. */
const SMALL_WINDOW_BYTES = 256 * MIB;

export const intelSource: GpuSource = {
  id: 'intel',
  label: 'Intel kernel files',
  executables: [],
  needs: 'files',
  files(state, wish) {
    if (state.known === undefined) return [identityQuestion(VENDOR)];
    const readings = [identityQuestion(VENDOR), readingsQuestion(VENDOR, READINGS)];
    const pids = (state.looks ?? 0) % SEARCH_EVERY_LOOKS === 0 ? null : (state.pids ?? []);
    return wish.processes ? [...readings, { devices: DRI_DEVICES, pids }] : readings;
  },
  calls: () => [],
  read,
};

function read(state: GpuSourceState, { files, wish }: GpuAnswers): GpuReading {
  const cards = cardsOf(files, VENDOR);
  if (cards.length === 0) return absentReading(state);
  if (state.known === undefined) return retryReading({ ...state, known: [] });
  // the GPU of a processor has no memory of its own and is nothing to load a model on
  const gpus = cards
    .map((card) => readCard(card, state))
    .filter((gpu) => gpu.totalBytes !== null)
    .map((gpu, index) => ({ ...gpu, index }));
  if (gpus.length === 0) return absentReading(state);
  const rows = wish.processes
    ? clientRows(
        files,
        ['xe', 'i915'],
        (busId) => gpus.find((gpu) => gpu.busId === busId)?.index ?? null,
      ).filter((row) => row.gpuIndex !== null)
    : [];
  const pids = [...new Set(rows.map((row) => row.pid))];
  const looks = wish.processes ? { looks: (state.looks ?? 0) + 1, pids } : {};
  return {
    sample: { gpus, processes: mergeProcesses(rows), problems: [] },
    state: {
      ...state,
      ...looks,
      known: gpus.map(({ index, busId, totalBytes }) => completeGpu(index, { busId, totalBytes })),
    },
    retry: false,
    hasProcesses: wish.processes,
  };
}

/** Of several tiles the memory adds up. Power is given only as energy since the start: unknown. */
function readCard({ folder, busId, deviceId, asleep }: DrmCard, state: GpuSourceState): Gpu {
  const totals = folder.counts(/^tile\d+\/vram\d+\/total_bytes$/);
  const used = folder.counts(/^tile\d+\/vram\d+\/used_bytes$/);
  const known = state.known?.find((gpu) => gpu.busId === busId);
  const [milliC] = folder.counts(/^hwmon\/hwmon\d+\/temp2_input$/);
  const [maxMicroW] = folder.counts(/^hwmon\/hwmon\d+\/power1_max$/);
  return completeGpu(0, {
    name: `Intel Graphics [${deviceId ?? 'unknown'}]`,
    busId,
    totalBytes:
      totals.length > 0
        ? sumOf(totals)
        : (windowBytes(folder.text('resource') ?? '') ?? known?.totalBytes ?? null),
    usedBytes: used.length > 0 && used.length === totals.length ? sumOf(used) : null,
    temperatureC: milliC === undefined ? null : Math.round(milliC / 1000),
    powerLimitW: maxMicroW === undefined ? null : maxMicroW / 1e6,
    ...(asleep ? { asleep } : {}),
  });
}

/** Third line of `resource`: first and last address of BAR 2; null where it is too small to be the memory. */
function windowBytes(resource: string): number | null {
  const [first, last] = (resource.split('\n')[2] ?? '').split(' ').map(Number);
  const size = first === undefined || last === undefined ? NaN : last - first + 1;
  return size > SMALL_WINDOW_BYTES ? size : null;
}
