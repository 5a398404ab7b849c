/** Shared memory that killed engines leave in /dev/shm: removed only when it is certainly theirs and nobody's else. */
import type { ProcessInfo } from '../../processes/process';
import { isEngineSharedMemory } from '../../processes/sharedMemoryName';
import type { ProcessTable, SharedMemoryFile } from '../ports';

/** What these processes have open and an engine has made; model files that people keep there are left out. */
export async function collectSharedMemory(
  table: ProcessTable,
  processes: readonly ProcessInfo[],
): Promise<readonly SharedMemoryFile[]> {
  const files = await Promise.all(processes.map(({ pid }) => table.sharedMemory(pid)));
  return files.flat().filter(({ path }) => isEngineSharedMemory(path));
}

/** Number of files removed. Each is compared by device and inode, with what is open now and with what lies there. */
export async function removeLeftSharedMemory(
  table: ProcessTable,
  files: readonly SharedMemoryFile[],
): Promise<number> {
  if (files.length === 0) return 0;
  const { uid } = await table.self();
  const used = new Set<string>();
  for (const { pid, uid: owner } of await table.all()) {
    // These files are readable by their owner only; root may look at everybody.
    if (uid !== 0 && owner !== uid) continue;
    for (const file of await table.sharedMemory(pid)) used.add(keyOf(file));
  }
  let removed = 0;
  for (const file of files)
    if (!used.has(keyOf(file)) && (await table.removeSharedMemory(file))) removed += 1;
  return removed;
}

function keyOf({ device, inode }: SharedMemoryFile): string {
  return `${device}/${inode}`;
}
