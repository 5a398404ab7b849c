/** Reads `amd-smi static|metric|process --json`: a bare list (ROCm 6, and `process` always) or `{"gpu_data": […]}` (7). */
import type { Gpu, GpuProcess } from '../gpu';
import { completeGpu } from '../completeGpu';
import type { JsonRecord } from '../jsonText';
import { listOf, numberOf, readJsonText, recordOf, textOf } from '../jsonText';
import type { ProcessRow } from '../mergeProcesses';
import { mergeProcesses } from '../mergeProcesses';
import { GIB, KIB, MIB } from '../../shared/units';
import { amdPoolOf } from './unifiedPool';

export interface AmdSmiAnswer {
  readonly gpus: readonly Gpu[];
  readonly processes: readonly GpuProcess[];
}

/** amd-smi writes MB for MiB. Amounts of processes are in "B" that are really KiB × 1000 (26.2.1): 2.4 % low at most. */
const BYTES_PER: Readonly<Record<string, number>> = {
  B: 1,
  KB: KIB,
  KiB: KIB,
  MB: MIB,
  MiB: MIB,
  GB: GIB,
  GiB: GIB,
};

const CARD_BLOCKS = ['asic', 'bus', 'vram', 'usage', 'mem_usage', 'temperature', 'power'];

/** null: this is none of the three. */
export function readAmdSmi(text: string): AmdSmiAnswer | null {
  const json = readJsonText(text);
  const entries = (Array.isArray(json) ? listOf(json) : listOf(recordOf(json).gpu_data))
    .map(recordOf)
    .filter((entry) => indexOf(entry) !== null);
  if (entries.length === 0) return null;
  const gpus = new Map<number, Gpu>();
  const rows: ProcessRow[] = [];
  for (const entry of entries) {
    const index = indexOf(entry) ?? 0;
    if (CARD_BLOCKS.some((block) => block in entry)) gpus.set(index, readCard(index, entry));
    for (const each of listOf(entry.process_list)) {
      const row = readProcess(index, recordOf(recordOf(each).process_info));
      if (row) rows.push(row);
    }
  }
  return { gpus: [...gpus.values()], processes: mergeProcesses(countOnce(rows)) };
}

function indexOf(entry: JsonRecord): number | null {
  const index = numberOf(entry.gpu);
  return index !== null && Number.isInteger(index) && index >= 0 && index < 1000 ? index : null;
}

function readCard(index: number, entry: JsonRecord): Gpu {
  const memory = recordOf(entry.mem_usage);
  const temperature = recordOf(entry.temperature);
  const power = recordOf(entry.power);
  const pool = amdPoolOf({
    vramTotalBytes: bytesOf(memory.total_vram) ?? bytesOf(recordOf(entry.vram).size),
    vramUsedBytes: bytesOf(memory.used_vram),
    gttTotalBytes: bytesOf(memory.total_gtt),
    gttUsedBytes: bytesOf(memory.used_gtt),
  });
  return completeGpu(index, {
    ...pool,
    name: textOf(recordOf(entry.asic).market_name),
    busId: textOf(recordOf(entry.bus).bdf),
    // of a pool it is the carve-out's alone
    freeBytes: pool.memory === 'unified' ? null : bytesOf(memory.free_vram),
    utilizationPercent: amountOf(recordOf(entry.usage).gfx_activity),
    temperatureC: amountOf(temperature.edge) ?? amountOf(temperature.hotspot),
    powerW: amountOf(power.socket_power) ?? amountOf(power.current_socket_power),
    driverVersion: textOf(recordOf(entry.driver).version),
  });
}

/** `process_info` is the text "No running processes detected" where there is none. */
function readProcess(gpuIndex: number, info: JsonRecord): ProcessRow | null {
  const pid = numberOf(info.pid);
  if (pid === null) return null;
  return {
    pid,
    gpuKey: String(gpuIndex),
    gpuIndex,
    usedBytes: bytesOf(recordOf(info.memory_usage).vram_mem),
    name: textOf(info.name),
  };
}

/**
 * amd-smi 26.2.1 lists a process under every GPU of the machine with the total of all: the same figure more than once is
 * that total, and counts on the first of them.
 */
function countOnce(rows: readonly ProcessRow[]): readonly ProcessRow[] {
  const byPid = new Map<number, ProcessRow[]>();
  for (const row of rows) byPid.set(row.pid, [...(byPid.get(row.pid) ?? []), row]);
  const isRepeated = (row: ProcessRow) => {
    const same = byPid.get(row.pid) ?? [];
    return same[0] !== row && same.every((each) => each.usedBytes === row.usedBytes);
  };
  return rows.map((row) =>
    isRepeated(row) && row.usedBytes !== null ? { ...row, usedBytes: 0 } : row,
  );
}

/** `{"value": 54, "unit": "C"}`, `54`, `"54"`; "N/A" in any of their places is null. */
function amountOf(value: unknown): number | null {
  return numberOf(value) ?? numberOf(recordOf(value).value);
}

function bytesOf(value: unknown): number | null {
  const amount = amountOf(value);
  const perUnit = BYTES_PER[textOf(recordOf(value).unit) ?? 'MB'];
  return amount === null || perUnit === undefined ? null : Math.round(amount * perUnit);
}
