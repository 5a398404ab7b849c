/** Reads `nvidia-smi --query-gpu=… --format=csv[,nounits]`, any columns in any order, and the same without a header. */
import type { Gpu, GpuProblem } from '../gpu';
import { completeGpu } from '../completeGpu';
import type { CsvTable } from './csvTable';
import {
  isIntegrated,
  isNotSupported,
  readCount,
  readMemory,
  readNumber,
  readText,
} from '../values';

interface GpuRows {
  readonly gpus: readonly Gpu[];
  readonly problems: readonly GpuProblem[];
}

const UUID = /^(?:GPU|MIG)-/;
const BUS_ID = /^[0-9A-F]{4,8}:[0-9A-F]{2}:[0-9A-F]{2}\.\d$/i;

type Row = ReadonlyMap<string, string>;

/** Rows without an index column are numbered as they come; a card that comes again (loop mode) replaces its older row. */
export function readGpuRows(table: CsvTable): GpuRows {
  const units = new Map(table.columns.map((column) => [column.field, column.unit]));
  const byIndex = new Map<number, Gpu>();
  const problems: GpuProblem[] = [];
  for (const row of table.rows) {
    if (!isGpuRow(row)) continue;
    const at = readCount(row.get('index'));
    const one = toGpu(row, units, at ?? byIndex.size);
    const before = at === null && [...byIndex.values()].find((other) => isSameCard(other, one));
    const gpu = before ? { ...one, index: before.index } : one;
    byIndex.set(gpu.index, gpu);
    const problem = problemOfRow(row, gpu);
    if (problem) problems.push(problem);
  }
  return { gpus: [...byIndex.values()].sort((a, b) => a.index - b.index), problems };
}

function isSameCard(one: Gpu, other: Gpu): boolean {
  return (
    (one.uuid !== null && one.uuid === other.uuid) ||
    (one.busId !== null && one.busId === other.busId)
  );
}

/** A message with as many commas as the header has is still no GPU. */
function isGpuRow(row: Row): boolean {
  const index = row.get('index');
  if (index !== undefined && readCount(index) === null) return false;
  const uuid = row.get('uuid') ?? row.get('gpu_uuid');
  if (uuid !== undefined && readText(uuid) !== null && !UUID.test(uuid)) return false;
  return index !== undefined || uuid !== undefined || [...row.values()].some(isReading);
}

function isReading(cell: string): boolean {
  return /^-?\d+(?:\.\d+)?(?: (?:MiB|%|W|MHz))?$|^\[.+\]$/.test(cell);
}

function toGpu(row: Row, units: ReadonlyMap<string, string>, index: number): Gpu {
  const first = (...fields: string[]) => fields.find((field) => row.has(field)) ?? '';
  const memory = (field: string) => readMemory(row.get(field), units.get(field));
  const number = (unit: string, ...fields: string[]) => {
    const field = first(...fields);
    const headerUnit = units.get(field) ?? '';
    return headerUnit === '' || headerUnit === unit ? readNumber(row.get(field), unit) : null;
  };
  const name = readText(row.get(first('name', 'gpu_name')));
  const mig = row.get('mig.mode.current');
  const unified = isNotSupported(row.get('memory.total')) || isIntegrated(name);
  return completeGpu(index, {
    name,
    uuid: readText(row.get(first('uuid', 'gpu_uuid'))),
    busId: readText(row.get(first('pci.bus_id', 'gpu_bus_id'))),
    totalBytes: memory('memory.total'),
    usedBytes: memory('memory.used'),
    freeBytes: memory('memory.free'),
    reservedBytes: memory('memory.reserved'),
    utilizationPercent: number('%', 'utilization.gpu'),
    temperatureC: number('C', 'temperature.gpu'),
    powerW: number('W', 'power.draw', 'power.draw.instant', 'power.draw.average'),
    powerLimitW: number('W', 'enforced.power.limit', 'power.limit'),
    memory: unified ? 'unified' : 'dedicated',
    computeCapability: readText(row.get('compute_cap')),
    driverVersion: readText(row.get('driver_version')),
    ...(mig === undefined ? {} : { mig: mig === 'Enabled' }),
  });
}

const SILENT_DEVICE =
  /^\[(?:Unknown Error|GPU is lost|GPU requires reset|Insufficient Permissions)\]$/i;

/** A single bad cell is only unknown; a device whose memory is kept from us, or whose every reading fails, has a problem. */
function problemOfRow(row: Row, gpu: Gpu): GpuProblem | null {
  const bad = [...row.values()].find((cell) => SILENT_DEVICE.test(cell));
  if (bad === undefined) return null;
  const who = `GPU ${gpu.index}${gpu.busId === null ? '' : ` at ${gpu.busId}`}`;
  // The two texts with "GPU" in them are found in the whole output already, by `findProblems`.
  if (bad.includes('GPU')) return null;
  const memory = [gpu.totalBytes, gpu.usedBytes];
  const isKept = /Permissions/i.test(bad);
  const readings = isKept ? memory : [...memory, gpu.utilizationPercent, gpu.temperatureC];
  if (readings.some((reading) => reading !== null)) return null;
  return isKept
    ? { id: 'permission', text: `No right to read ${who}.` }
    : { id: 'gpu_silent', text: `${who} answers nothing but "${bad.slice(1, -1)}".` };
}

/**
 * A row recorded with `noheader`: what can be told by form alone. Exactly two bare numbers after the name, the larger
 * first, are taken for total and used, the order that scripts ask in; anything else stays unknown.
 */
export function readHeaderlessGpu(cells: readonly string[], index: number): Gpu {
  const facts = cells.filter((cell) => !UUID.test(cell) && !BUS_ID.test(cell));
  const nameAt = facts.findIndex((cell) => /[A-Za-z]{3}/.test(cell) && readText(cell) !== null);
  const name = facts[nameAt] ?? null;
  const sizes = facts.slice(nameAt + 1).map((cell) => readMemory(cell));
  const [total, used] = sizes.length === 2 ? sizes : [];
  const ordered = total != null && used != null && total > used;
  return completeGpu(index, {
    name,
    uuid: cells.find((cell) => UUID.test(cell)) ?? null,
    busId: cells.find((cell) => BUS_ID.test(cell)) ?? null,
    totalBytes: ordered ? total : null,
    usedBytes: ordered ? used : null,
    memory: isIntegrated(name) ? 'unified' : 'dedicated',
  });
}
