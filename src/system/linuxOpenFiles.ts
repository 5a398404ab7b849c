import fs from 'node:fs';
import path from 'node:path';
import type { ProcessTable, SharedMemoryFile } from '../app/ports';
import type { LinuxRoots } from './linuxRoots';
import { parseListeners, parseMapped } from './procText';
import { readTextOr, readTextTimed } from './readProc';

/** Device nodes through which GPU memory is held: NVIDIA, AMD compute, any DRM render node, WSL2. */
const GPU_DEVICE = /^(nvidia\d+|nvidiactl|nvidia-uvm|kfd|dxg|nvmap|nvhost.*|dri\/renderD\d+)$/;

type OpenFiles = Pick<
  ProcessTable,
  'listeningPorts' | 'sharedMemory' | 'holdsGpuDevice' | 'removeSharedMemory'
>;

/** What a process has open, from /proc/PID/fd and maps: readable for processes of this user only. */
export function openFileTable(roots: LinuxRoots): OpenFiles {
  const at = (...parts: (string | number)[]): string => path.join(roots.proc, ...parts.map(String));
  return {
    listeningPorts: (pid) => {
      const links = readDescriptors(at(pid, 'fd')) ?? [];
      const sockets = new Set(
        links.flatMap(({ target }) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []),
      );
      const ports = ['tcp', 'tcp6'].flatMap((name) =>
        [...parseListeners(readTextOr(at(pid, 'net', name), ''))]
          .filter(([inode]) => sockets.has(inode))
          .map(([, port]) => port),
      );
      return Promise.resolve([...new Set(ports)].sort((a, b) => a - b));
    },
    sharedMemory: async (pid) => {
      const mapped = parseMapped((await readTextTimed(at(pid, 'maps'))) ?? '', roots.sharedMemory);
      const opened = (readDescriptors(at(pid, 'fd')) ?? [])
        .filter(({ target }) => target.startsWith(`${roots.sharedMemory}/`))
        .map(({ link, target }) => [target, inodeOf(link)] as const);
      const found = new Map<string, SharedMemoryFile>();
      for (const [file, inode] of [...mapped, ...opened]) {
        // The name must still lead to the very file that is open: it may have been removed and made anew.
        const now = identify(file);
        if (now?.inode === inode) found.set(file, now);
      }
      return [...found.values()];
    },
    holdsGpuDevice: (pid) => {
      const links = readDescriptors(at(pid, 'fd'));
      if (links === null) return Promise.resolve(null);
      const prefix = `${roots.devices}/`;
      return Promise.resolve(
        links.some(
          ({ target }) => target.startsWith(prefix) && GPU_DEVICE.test(target.slice(prefix.length)),
        ),
      );
    },
    removeSharedMemory: (file) => Promise.resolve(removeIfSame(file, roots.sharedMemory)),
  };
}

interface Descriptor {
  readonly link: string;
  readonly target: string;
}

/** Null where the folder cannot be read (another user's process, or gone). */
function readDescriptors(folder: string): readonly Descriptor[] | null {
  let names: readonly string[];
  try {
    names = fs.readdirSync(folder);
  } catch {
    return null;
  }
  return names.flatMap((name) => {
    const link = path.join(folder, name);
    try {
      return [{ link, target: fs.readlinkSync(link) }];
    } catch {
      return []; // closed meanwhile
    }
  });
}

function inodeOf(link: string): string | null {
  try {
    return String(fs.statSync(link, { bigint: true }).ino);
  } catch {
    return null;
  }
}

function identify(file: string): SharedMemoryFile | null {
  try {
    const facts = fs.lstatSync(file, { bigint: true });
    return facts.isFile()
      ? { path: file, device: String(facts.dev), inode: String(facts.ino) }
      : null;
  } catch {
    return null;
  }
}

function removeIfSame(file: SharedMemoryFile, folder: string): boolean {
  if (path.dirname(path.normalize(file.path)) !== folder) return false;
  const now = identify(file.path);
  if (now?.device !== file.device || now.inode !== file.inode) return false;
  try {
    fs.unlinkSync(file.path);
    return true;
  } catch {
    return false;
  }
}
