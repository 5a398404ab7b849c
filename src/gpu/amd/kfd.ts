/** Compute processes of AMD GPUs from the kernel's KFD: bytes on each card, of every user's processes. */
import { commOf } from '../drm/clients';
import { countOf, foldersOf, type FileAnswers, type FileQuestion } from '../kernelFiles';
import type { ProcessRow } from '../mergeProcesses';
import { numberAt } from '../values';

export const KFD_QUESTIONS: readonly FileQuestion[] = [
  { folders: '/sys/class/kfd/kfd/topology/nodes/*', files: ['gpu_id', 'properties'] },
  { folders: '/sys/class/kfd/kfd/proc/*', files: ['vram_*'] },
];

const NODE = /^\/sys\/class\/kfd\/kfd\/topology\/nodes\/\d+(?=\/)/;
const VRAM_FILE = /^\/sys\/class\/kfd\/kfd\/proc\/(\d{1,10})\/vram_(\d{1,10})$/;

/** A process that has opened a card and holds nothing on it is listed with 0. */
export function kfdRows(
  files: FileAnswers,
  indexOf: (busId: string) => number | null,
): ProcessRow[] {
  const busIds = new Map<string, string>();
  for (const node of foldersOf(files, NODE)) {
    const gpuId = node.text('gpu_id');
    const busId = busIdOf(node.text('properties') ?? '');
    if (gpuId !== null && busId !== null) busIds.set(gpuId, busId);
  }
  const rows: ProcessRow[] = [];
  for (const [path, text] of files) {
    const [, pid, gpuId] = VRAM_FILE.exec(path) ?? [];
    if (pid === undefined || gpuId === undefined) continue;
    const busId = busIds.get(gpuId);
    rows.push({
      pid: Number(pid),
      gpuKey: gpuId,
      gpuIndex: busId === undefined ? null : indexOf(busId),
      usedBytes: countOf(text),
      name: commOf(files, pid),
    });
  }
  return rows;
}

/** `location_id` packs bus, device and function: bus << 8 | device << 3 | function. */
function busIdOf(properties: string): string | null {
  const location = numberAt(properties, /^location_id (\d{1,10})\s*$/m);
  if (location === null || location === 0) return null;
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  const domain = hex(numberAt(properties, /^domain (\d{1,10})\s*$/m) ?? 0, 4);
  return `${domain}:${hex((location >> 8) & 0xff, 2)}:${hex((location >> 3) & 0x1f, 2)}.${String(location & 7)}`;
}
