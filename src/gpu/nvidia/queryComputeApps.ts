/** Reads `nvidia-smi --query-compute-apps=… --format=csv[,nounits]`, any columns in any order, and the same without a header. */
import type { Gpu } from '../gpu';
import type { ProcessRow } from '../mergeProcesses';
import type { CsvTable } from './csvTable';
import { readCount, readMemory, readText } from '../values';

/** `gpus`: the cards of the same moment, to join with by uuid (order and index may change between boots). */
export function readProcessRows(table: CsvTable, gpus: readonly Gpu[]): ProcessRow[] {
  const field = (...names: string[]) =>
    table.columns.find((column) => names.includes(column.field))?.field ?? '';
  const uuidField = field('gpu_uuid', 'uuid');
  const busField = field('gpu_bus_id');
  const memoryField = field('used_gpu_memory', 'used_memory');
  const nameField = field('process_name', 'name');
  const unit = table.columns.find((column) => column.field === memoryField)?.unit;
  const rows: ProcessRow[] = [];
  for (const row of table.rows) {
    const pid = readCount(row.get('pid'));
    if (pid === null) continue;
    const uuid = row.get(uuidField);
    const busId = row.get(busField);
    rows.push({
      pid,
      gpuKey: uuid ?? busId ?? '',
      gpuIndex: indexOfGpu(gpus, uuid, busId),
      usedBytes: readMemory(row.get(memoryField), unit),
      name: readText(row.get(nameField)),
    });
  }
  return rows;
}

/** A row recorded with `noheader`; null where it is not one of a process: an optional uuid, then a pid. */
export function readHeaderlessProcess(cells: readonly string[]): ProcessRow | null {
  const uuid = cells.find((cell) => /^(?:GPU|MIG)-/.test(cell));
  const [pidCell, ...rest] = cells.filter((cell) => cell !== uuid);
  const pid = readCount(pidCell);
  if (pid === null || pid === 0 || rest.length === 0 || rest.length > 2) return null;
  const sizeAt = rest.findIndex((cell) => readMemory(cell) !== null);
  // two figures: index, used and total of a card
  if (rest.length === 2 && rest.every((cell) => readMemory(cell) !== null)) return null;
  return {
    pid,
    gpuKey: uuid ?? '',
    gpuIndex: null,
    usedBytes: sizeAt === -1 ? null : readMemory(rest[sizeAt]),
    name: readText(rest.find((_, at) => at !== sizeAt)),
  };
}

function indexOfGpu(
  gpus: readonly Gpu[],
  uuid: string | undefined,
  busId: string | undefined,
): number | null {
  const gpu = gpus.find(
    (each) =>
      (uuid !== undefined && each.uuid === uuid) ||
      (busId !== undefined && each.busId?.toLowerCase() === busId.toLowerCase()),
  );
  return gpu?.index ?? null;
}
