/** What xpu-smi prints in other forms than the tables it is asked for here, but people record: `-j`, `dump`, the csv of 2.0. */
import type { Gpu } from '../gpu';
import { completeGpu } from '../completeGpu';
import { listOf, numberOf, readJsonText, recordOf, textOf, type JsonRecord } from '../jsonText';
import { mergeProcesses } from '../mergeProcesses';
import { readQueryGpu } from '../nvidia/output';
import { linesOf, readCount, readMemory, readNumber } from '../values';
import { KIB, MIB } from '../../shared/units';
import type { XpuSmiAnswer } from './xpuSmi';

/** null: none of them. */
export function readXpuRecording(text: string): XpuSmiAnswer | null {
  const { gpus = [] } = readQueryGpu(text);
  if (gpus.length > 0 && gpus.every(({ name }) => name?.includes('Intel')))
    return { gpus, processes: [] };
  return readDump(text) ?? readJson(recordOf(readJsonText(text)));
}

function readJson(json: JsonRecord): XpuSmiAnswer | null {
  const listed = listOf(json.device_util_by_proc_list).map(recordOf);
  if (listed.length > 0) return { gpus: [], processes: mergeProcesses(listed.flatMap(toRow)) };
  const devices = 'device_list' in json ? listOf(json.device_list) : [json];
  const gpus = devices.map(recordOf).flatMap(toGpu);
  return gpus.length > 0 ? { gpus, processes: [] } : null;
}

/** `discovery -j`, `discovery -d ID -j`, `stats -d ID -j`. */
function toGpu(device: JsonRecord): Gpu[] {
  const id = numberOf(device.device_id);
  if (id === null || id < 0 || id > 999 || !('device_name' in device || 'device_level' in device))
    return [];
  const levels = listOf(device.device_level).map(recordOf);
  const level = (name: string) =>
    numberOf(levels.find((each) => each.metrics_type === `XPUM_STATS_${name}`)?.value);
  const used = level('MEMORY_USED');
  return [
    completeGpu(id, {
      name: textOf(device.device_name),
      uuid: textOf(device.uuid),
      busId: textOf(device.pci_bdf_address),
      driverVersion: textOf(device.driver_version),
      totalBytes: numberOf(device.memory_physical_size_byte),
      freeBytes: numberOf(device.memory_free_size_byte),
      // bytes, or MiB in some releases: no card holds a million MiB, and one that holds a byte holds a million
      usedBytes: used === null ? null : Math.round(used < MIB ? used * MIB : used),
      utilizationPercent: level('GPU_UTILIZATION'),
      temperatureC: level('GPU_CORE_TEMPERATURE'),
      powerW: level('POWER'),
    }),
  ];
}

function toRow(row: JsonRecord) {
  const [pid, device, kib] = [row.process_id, row.device_id, row.mem_size].map(numberOf);
  if (pid == null || device == null) return [];
  const usedBytes = kib == null ? null : kib * KIB;
  const name = textOf(row.process_name);
  return [{ pid, gpuKey: String(device), gpuIndex: device, usedBytes, name }];
}

/** Rows of the last round. With a column for tiles a row is not a card. */
function readDump(text: string): XpuSmiAnswer | null {
  const rows = linesOf(text).map((line) => line.split(',').map((cell) => cell.trim()));
  const at = rows.findIndex(([first, second]) => first === 'Timestamp' && second === 'DeviceId');
  const header = rows[at];
  if (!header || header.includes('TileId')) return null;
  const gpus = new Map<number, Gpu>();
  for (const cells of rows.slice(at + 1)) {
    const id = readCount(cells[1]);
    if (id === null || id > 999 || cells.length !== header.length) continue;
    const cell = (name: string) => cells[header.findIndex((title) => title.startsWith(name))];
    gpus.set(
      id,
      completeGpu(id, {
        usedBytes: readMemory(cell('GPU Memory Used (MiB)')),
        utilizationPercent: readNumber(cell('GPU Utilization (%)')),
        temperatureC: readNumber(cell('GPU Core Temperature')),
        powerW: readNumber(cell('GPU Power (W)')),
      }),
    );
  }
  return { gpus: [...gpus.values()], processes: [] };
}
