/** Reads `nvidia-smi pmon -c N`: processes of every type with their share of the card; `-s um` adds memory. */
import type { GpuProcess } from '../gpu';
import { plausible } from '../completeGpu';
import type { ProcessRow } from '../mergeProcesses';
import { mergeProcesses } from '../mergeProcesses';
import { linesOf, readCount, readMemory, readNumber } from '../values';

/** The header's first line names the columns; the command is last and may hold blanks. */
export function readPmon(text: string): GpuProcess[] {
  let columns: string[] = [];
  const rows: ProcessRow[] = [];
  for (const line of linesOf(text)) {
    const header = /^#\s*(gpu\s.*)$/i.exec(line);
    if (header) {
      columns = (header[1] ?? '').trim().toLowerCase().split(/\s+/);
      continue;
    }
    const cells = line.trim().split(/\s+/);
    if (line.startsWith('#') || cells.length < columns.length) continue;
    const cell = (name: string) => cells[columns.indexOf(name)];
    const gpu = readCount(cell('gpu'));
    const pid = readCount(cell('pid'));
    if (gpu === null || gpu > 999 || pid === null) continue;
    const commandAt = columns.indexOf('command');
    rows.push({
      pid,
      gpuKey: String(gpu),
      gpuIndex: gpu,
      usedBytes: columns.includes('fb') ? readMemory(cell('fb'), 'MB') : null,
      name: commandAt === -1 ? null : cells.slice(commandAt).join(' '),
      type: /^[A-Z](?:\+[A-Z])?$/.test(cell('type') ?? '') ? cell('type') : undefined,
      // NVML hands out samples above 100 % now and then; nvtop drops them too.
      utilizationPercent: plausible(readNumber(cell('sm')), 0, 100) ?? undefined,
    });
  }
  return mergeProcesses(rows);
}
