import type { ProcessTable } from '../app/ports';
import { openLinuxProcessTable } from './linuxProcessTable';
import { openMacProcessTable } from './macProcessTable';
import { openPolledProcessTable } from './polledProcessTable';
import { openWindowsProcessTable } from './windowsProcessTable';

/** Each system by its own tools. Where nothing is seen, nothing is ever signalled. */
export function openProcessTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  if (platform === 'linux') return openLinuxProcessTable();
  if (platform === 'darwin') return openMacProcessTable();
  return platform === 'win32' ? openWindowsProcessTable() : openEmptyProcessTable();
}

function openEmptyProcessTable(): ProcessTable {
  return openPolledProcessTable(() => Promise.resolve([]), {
    listeningPorts: () => Promise.resolve([]),
    signal: () => Promise.resolve('refused'),
    self: () =>
      Promise.resolve({
        uid: process.getuid?.() ?? null,
        protectedPids: [process.pid, process.ppid],
        inContainer: false,
      }),
  });
}
