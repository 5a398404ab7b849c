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

/** null: this is none of the three. */
export function readAmdSmi(text: string): AmdSmiAnswer | null {
  return amdSmiAnswerOf(readJsonText(text));
}

/** What was printed as JSON; or as rows of CSV, in which the cells of all blocks stand side by side. */
export function amdSmiAnswerOf(json: unknown): AmdSmiAnswer | null {
  const entries = (Array.isArray(json) ? listOf(json) : listOf(recordOf(json).gpu_data))
    .map(recordOf)
    .filter((entry) => indexOf(entry) !== null);
  if (entries.length === 0) return null;
  const gpus = new Map<number, Gpu>();
  const rows: ProcessRow[] = [];
  for (const entry of entries) {
    const index = indexOf(entry) ?? 0;
    const processes = 'pid' in entry ? [entry] : listOf(entry.process_list).map(recordOf);
    for (const process of processes) {
      const row = readProcess(index, recordOf(process.process_info ?? process));
      if (row) rows.push(row);
    }
    const others = Object.keys(entry).filter((key) => key !== 'gpu' && key !== 'process_list');
    if (!('pid' in entry) && others.length > 0) gpus.set(index, readCard(index, entry));
  }
  return { gpus: [...gpus.values()], processes: mergeProcesses(countOnce(rows)) };
}

function indexOf(entry: JsonRecord): number | null {
  const index = numberOf(entry.gpu);
  return index !== null && Number.isInteger(index) && index >= 0 && index < 1000 ? index : null;
}

/** `static`, `metric`, `list` and `monitor`, whose names for one thing differ, and those of ROCm 5. */
function readCard(index: number, entry: JsonRecord): Gpu {
  const cells = (block: string, ...keys: string[]) =>
    keys.flatMap((key) => [recordOf(entry[block])[key], entry[key]]);
  const bytes = (block: string, ...keys: string[]) => firstOf(cells(block, ...keys), bytesOf);
  const amount = (block: string, ...keys: string[]) => firstOf(cells(block, ...keys), amountOf);
  const text = (block: string, ...keys: string[]) => firstOf(cells(block, ...keys), textOf);
  const limit = recordOf(entry.limit);
  const pool = amdPoolOf({
    vramTotalBytes:
      bytes('mem_usage', 'total_vram', 'vram_total') ??
      bytes('fb_usage', 'fb_total') ??
      bytes('vram', 'size'),
    vramUsedBytes: bytes('mem_usage', 'used_vram', 'vram_used') ?? bytes('fb_usage', 'fb_used'),
    gttTotalBytes: bytes('mem_usage', 'total_gtt'),
    gttUsedBytes: bytes('mem_usage', 'used_gtt'),
  });
  return completeGpu(index, {
    ...pool,
    name: text('asic', 'market_name') ?? text('board', 'product_name'),
    uuid: textOf(entry.uuid),
    busId: text('bus', 'bdf'),
    // of a pool it is the carve-out's alone
    freeBytes: pool.memory === 'unified' ? null : bytes('mem_usage', 'free_vram', 'vram_free'),
    utilizationPercent: amount('usage', 'gfx_activity', 'gfx'),
    temperatureC: amount(
      'temperature',
      'edge',
      'edge_temperature',
      'hotspot',
      'hotspot_temperature',
    ),
    powerW: amount(
      'power',
      'socket_power',
      'current_socket_power',
      'average_socket_power',
      'power_usage',
    ),
    powerLimitW: firstOf(
      [
        limit.socket_power,
        limit.socket_power_limit,
        recordOf(limit.ppt0).socket_power_limit,
        limit.max_power,
      ],
      amountOf,
    ),
    driverVersion: text('driver', 'version', 'driver_version'),
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
    usedBytes: bytesOf(recordOf(info.memory_usage).vram_mem ?? info.vram_mem, 'B'),
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

function firstOf<T>(values: readonly unknown[], read: (value: unknown) => T | null): T | null {
  return values.map((value) => read(value)).find((found) => found !== null) ?? null;
}

/** `{"value": 54, "unit": "C"}`, `54`, `"54"`, `"54 C"`; "N/A" in any of their places is null. */
function amountOf(value: unknown): number | null {
  return (
    numberOf(value) ??
    numberOf(recordOf(value).value) ??
    numberOf(QUANTITY.exec(String(value))?.[1])
  );
}

/** As ROCm 5 writes it. */
const QUANTITY = /^(-?[\d.]{1,18}) ([A-Za-z%]+)$/;

function bytesOf(value: unknown, usualUnit = 'MB'): number | null {
  const amount = amountOf(value);
  const unit = textOf(recordOf(value).unit) ?? QUANTITY.exec(String(value))?.[2] ?? usualUnit;
  const perUnit = BYTES_PER[unit];
  return amount === null || perUnit === undefined ? null : Math.round(amount * perUnit);
}
