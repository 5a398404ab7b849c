/**
 * Reads `nvidia-smi pmon -c N`: processes of every type with their share of the card; `-s um` adds memory. And `dmon -c N`:
 * the same of the cards. The header's first line names the columns.
 */
import type { Gpu, GpuProcess } from '../gpu';
import { completeGpu, plausible } from '../completeGpu';
import type { ProcessRow } from '../mergeProcesses';
import { mergeProcesses } from '../mergeProcesses';
import { linesOf, readCount, readMemory, readNumber } from '../values';

interface MonitorRow {
  readonly columns: readonly string[];
  readonly cells: readonly string[];
  readonly gpu: number;
  readonly cell: (name: string) => string | undefined;
}

/** Rows that have a cell for each column; the last column may hold blanks. */
function rowsOf(text: string): MonitorRow[] {
  let columns: string[] = [];
  const rows: MonitorRow[] = [];
  for (const line of linesOf(text)) {
    const header = /^#\s*(gpu\s.*)$/i.exec(line);
    if (header) {
      columns = (header[1] ?? '').trim().toLowerCase().split(/\s+/);
      continue;
    }
    const cells = line.trim().split(/\s+/);
    if (line.startsWith('#') || cells.length < columns.length) continue;
    const now = columns;
    const cell = (name: string) => cells[now.indexOf(name)];
    const gpu = readCount(cell('gpu'));
    if (gpu !== null && gpu < 1000) rows.push({ columns, cells, gpu, cell });
  }
  return rows;
}

// NVML hands out samples above 100 % now and then; nvtop drops them too.
const loadOf = ({ cell }: MonitorRow) => plausible(readNumber(cell('sm')), 0, 100);
const memoryOf = ({ cell }: MonitorRow) => {
  const megabytes = cell('fb');
  return megabytes === undefined ? null : readMemory(megabytes, 'MB');
};

export function readPmon(text: string): GpuProcess[] {
  const rows: ProcessRow[] = [];
  for (const row of rowsOf(text)) {
    const pid = readCount(row.cell('pid'));
    if (pid === null) continue;
    const commandAt = row.columns.indexOf('command');
    const type = row.cell('type') ?? '';
    rows.push({
      pid,
      gpuKey: String(row.gpu),
      gpuIndex: row.gpu,
      usedBytes: memoryOf(row),
      name: commandAt === -1 ? null : row.cells.slice(commandAt).join(' '),
      type: /^[A-Z](?:\+[A-Z])?$/.test(type) ? type : undefined,
      utilizationPercent: loadOf(row) ?? undefined,
    });
  }
  return mergeProcesses(rows);
}

/** The last round counts. Which columns there are depends on `-s`. */
export function readDmon(text: string): Gpu[] {
  const gpus = new Map<number, Gpu>();
  for (const row of rowsOf(text))
    gpus.set(
      row.gpu,
      completeGpu(row.gpu, {
        usedBytes: memoryOf(row),
        utilizationPercent: loadOf(row),
        temperatureC: readNumber(row.cell('gtemp') ?? row.cell('temp')),
        powerW: readNumber(row.cell('pwr')),
      }),
    );
  return [...gpus.values()];
}
