/** Who has a GPU open, from the fdinfo of descriptors: memory of each process on each GPU. */
import type { FileAnswers } from '../kernelFiles';
import type { ProcessRow } from '../mergeProcesses';
import { sumOf } from '../values';
import { readFdinfo } from './fdinfo';

/** A search through all processes every so many looks: about 0.1 ms per process, 10 ms on a desktop. */
export const SEARCH_EVERY_LOOKS = 5;
export const DRI_DEVICES = '/dev/dri/';

const FDINFO = /^\/proc\/(\d{1,10})\/fdinfo\/\d{1,10}$/;

/**
 * One row per process and GPU. A client counts once, also where descriptors of it were inherited. `drivers`: only of
 * these; `indexOf`: the place of a GPU in the sample.
 */
export function clientRows(
  files: FileAnswers,
  drivers: readonly string[],
  indexOf: (busId: string) => number | null,
): ProcessRow[] {
  const seen = new Set<string>();
  const rows = new Map<string, ProcessRow>();
  for (const [path, text] of files) {
    const pid = FDINFO.exec(path)?.[1];
    const client = pid === undefined ? null : readFdinfo(text);
    if (pid === undefined || client?.busId == null || !drivers.includes(client.driver)) continue;
    const key = `${client.busId} ${String(client.clientId ?? path)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const rowKey = `${pid} ${client.busId}`;
    const before = rows.get(rowKey);
    rows.set(rowKey, {
      pid: Number(pid),
      gpuKey: client.busId,
      gpuIndex: indexOf(client.busId),
      usedBytes: before ? sumOf([before.usedBytes, client.vramBytes]) : client.vramBytes,
      name: commOf(files, pid),
    });
  }
  return [...rows.values()];
}

/** The kernel's 15 characters of its name; null: not asked for, or gone. */
export function commOf(files: FileAnswers, pid: string): string | null {
  return files.get(`/proc/${pid}/comm`)?.trim() ?? null;
}
