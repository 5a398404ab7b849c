/** The Files port over a Map: what a test puts in is all there is. Paths are POSIX and absolute. */
import type { FileFacts, Files } from '../../src/app/ports';
import { fail, ok } from '../../src/shared/failure';

export interface MemoryFiles extends Files {
  /** Adds or replaces a file; folders come into being with their files. */
  put(path: string, content: string | Uint8Array, modifiedMs?: number): void;
  putFolder(path: string): void;
  /** `target` is absolute, or relative to the link's folder; it may be missing or form a loop. */
  link(path: string, target: string): void;
  /** From now on reading `path` fails, as a file without read permission would. */
  forbid(path: string): void;
  text(path: string): string | null;
  /** Every write fails, as on a full disk; what is there can still be read, renamed and removed. */
  isFull: boolean;
  /** Every ranged read since the start: what a reader touched. */
  readonly reads: { path: string; offset: number; length: number }[];
}

const MAX_LINKS = 40;

export function memoryFiles(
  initial: Readonly<Record<string, string | Uint8Array>> = {},
  home = '/home/user',
): MemoryFiles {
  const contents = new Map<string, { bytes: Uint8Array; modifiedMs: number }>();
  const folders = new Map<string, Set<string>>([['/', new Set()]]);
  /** How often something came into a folder, went, or was replaced: its time of change. */
  const changes = new Map<string, number>();
  const links = new Map<string, string>();
  const forbidden = new Set<string>();
  const reads: MemoryFiles['reads'] = [];

  function enter(path: string): void {
    const parent = parentOf(path);
    changes.set(parent, (changes.get(parent) ?? 0) + 1);
    if (!folders.has(parent)) {
      folders.set(parent, new Set());
      enter(parent);
    }
    if (path !== '/') folders.get(parent)?.add(path.slice(parent === '/' ? 1 : parent.length + 1));
  }

  /** Follows every link on the way; null where the path is missing or its links form a loop. */
  function resolve(path: string): string | null {
    let wanted = normalize(path).split('/').filter(Boolean);
    let at = '';
    let followed = 0;
    while (wanted.length > 0) {
      const next = `${at}/${wanted[0] ?? ''}`;
      const target = links.get(next);
      wanted = wanted.slice(1);
      if (target === undefined) at = next;
      else {
        followed += 1;
        if (followed > MAX_LINKS) return null;
        const absolute = target.startsWith('/') ? target : `${at}/${target}`;
        wanted = [...normalize(absolute).split('/').filter(Boolean), ...wanted];
        at = '';
      }
    }
    const found = at === '' ? '/' : at;
    return contents.has(found) || folders.has(found) ? found : null;
  }

  function bytesOf(path: string): Uint8Array | null {
    const real = resolve(path);
    if (real === null || forbidden.has(real)) return null;
    return contents.get(real)?.bytes ?? null;
  }

  function put(path: string, content: string | Uint8Array, modifiedMs = 1_700_000_000_000): void {
    const at = resolve(path) ?? normalize(path);
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    contents.set(at, { bytes, modifiedMs });
    enter(at);
  }

  const files: MemoryFiles = {
    reads,
    isFull: false,
    put,
    putFolder(path) {
      const at = normalize(path);
      if (!folders.has(at)) folders.set(at, new Set());
      enter(at);
    },
    link(path, target) {
      const at = normalize(path);
      links.set(at, target);
      enter(at);
    },
    remove(path) {
      const at = normalize(path);
      contents.delete(at);
      links.delete(at);
      folders.delete(at);
      const parent = parentOf(at);
      changes.set(parent, (changes.get(parent) ?? 0) + 1);
      folders.get(parent)?.delete(at.slice(parent === '/' ? 1 : parent.length + 1));
      return Promise.resolve();
    },
    forbid(path) {
      forbidden.add(resolve(path) ?? normalize(path));
    },
    text(path) {
      const bytes = bytesOf(path);
      return bytes && new TextDecoder().decode(bytes);
    },
    stat(path) {
      const real = resolve(path);
      if (real === null) return Promise.resolve(null);
      const file = contents.get(real);
      const facts: FileFacts = file
        ? { kind: 'file', sizeBytes: file.bytes.length, modifiedMs: file.modifiedMs }
        : { kind: 'folder', sizeBytes: 0, modifiedMs: changes.get(real) ?? 0 };
      return Promise.resolve(facts);
    },
    list(path) {
      const real = resolve(path);
      if (real === null || forbidden.has(real)) return Promise.resolve([]);
      return Promise.resolve([...(folders.get(real) ?? [])]);
    },
    readText(path, maxBytes) {
      const bytes = bytesOf(path);
      if (!bytes) return Promise.resolve(fail('unreadable', `${path} can't be read`));
      if (bytes.length > maxBytes)
        return Promise.resolve(fail('invalid', `${path} is larger than ${maxBytes} bytes`));
      return Promise.resolve(ok(new TextDecoder().decode(bytes)));
    },
    readRange(path, offset, length) {
      reads.push({ path, offset, length });
      const bytes = bytesOf(path);
      if (!bytes) return Promise.resolve(fail('unreadable', `${path} can't be read`));
      return Promise.resolve(ok(bytes.subarray(offset, offset + length)));
    },
    writeAtomic(path, text) {
      if (files.isFull) return Promise.resolve(fail('failed', `${path} cannot be written: ENOSPC`));
      put(path, text);
      return Promise.resolve(ok(undefined));
    },
    createNew(path, text) {
      if (files.isFull) return Promise.resolve(fail('failed', `${path} cannot be written: ENOSPC`));
      if (resolve(path) !== null) return Promise.resolve(ok(false));
      put(path, text);
      return Promise.resolve(ok(true));
    },
    rename(from, to) {
      const bytes = bytesOf(from);
      if (!bytes) return Promise.resolve(false);
      void files.remove(from);
      put(to, bytes);
      return Promise.resolve(true);
    },
    realPath: (path) => Promise.resolve(resolve(path)),
    join: (...parts) => normalize(parts.join('/')),
    homeFolder: () => home,
  };
  for (const [path, content] of Object.entries(initial)) put(path, content);
  return files;
}

function parentOf(path: string): string {
  const cut = path.lastIndexOf('/');
  return cut <= 0 ? '/' : path.slice(0, cut);
}

function normalize(path: string): string {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return `/${out.join('/')}`;
}
