import type { ProcessTable } from '../app/ports';
import { openLinuxProcessTable } from './linuxProcessTable';

/** Linux (WSL2 included) reads /proc. Elsewhere nothing is seen, and therefore nothing is ever signalled. */
export function openProcessTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  return platform === 'linux' ? openLinuxProcessTable() : openEmptyProcessTable();
}

function openEmptyProcessTable(): ProcessTable {
  return {
    all: () => Promise.resolve([]),
    withAncestors: () => Promise.resolve([]),
    one: () => Promise.resolve(null),
    environmentValue: () => Promise.resolve(null),
    listeningPorts: () => Promise.resolve([]),
    sharedMemory: () => Promise.resolve([]),
    holdsGpuDevice: () => Promise.resolve(null),
    removeSharedMemory: () => Promise.resolve(false),
    signal: () => Promise.resolve('refused'),
    self: () =>
      Promise.resolve({
        uid: process.getuid?.() ?? null,
        protectedPids: [process.pid, process.ppid],
        inContainer: false,
      }),
  };
}
