import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Files } from '../app/ports';
import { fail, ok, type Result } from '../shared/failure';

export function openFiles(): Files {
  return {
    stat: async (file) => {
      try {
        const facts = await fs.stat(file);
        return {
          kind: facts.isFile() ? 'file' : facts.isDirectory() ? 'folder' : 'other',
          sizeBytes: facts.size,
          modifiedMs: facts.mtimeMs,
        };
      } catch {
        return null;
      }
    },
    list: async (folder) => {
      try {
        return (await fs.readdir(folder)).sort();
      } catch {
        return [];
      }
    },
    readText,
    readRange,
    writeAtomic,
    createNew,
    rename: (from, to) =>
      fs.rename(from, to).then(
        () => true,
        () => false,
      ),
    remove: (file) => fs.rm(file, { force: true }).catch(() => undefined),
    realPath: async (file) => {
      try {
        return await fs.realpath(file);
      } catch {
        return null;
      }
    },
    join: (...parts) => path.join(...parts),
    homeFolder: () => os.homedir(),
  };
}

/** Regular files only: a pipe or a device would be read for ever. */
async function readText(file: string, maxBytes: number): Promise<Result<string>> {
  return withFile(file, async (handle, sizeBytes) => {
    if (sizeBytes > maxBytes)
      return fail('invalid', `${file} has ${sizeBytes} bytes, more than the ${maxBytes} expected`);
    // One byte more than allowed: the file may grow while it is read.
    const bytes = await readFully(handle, 0, maxBytes + 1, sizeBytes);
    return bytes.length > maxBytes
      ? fail('invalid', `${file} has more than the ${maxBytes} bytes expected`)
      : ok(new TextDecoder().decode(bytes));
  });
}

/** Shorter than `length` only at the end of the file. */
async function readRange(
  file: string,
  offset: number,
  length: number,
): Promise<Result<Uint8Array>> {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0)
    return fail('invalid', `bytes ${offset} to ${offset + length} of ${file} do not exist`);
  return withFile(file, async (handle, sizeBytes) =>
    ok(await readFully(handle, offset, length, sizeBytes - offset)),
  );
}

async function withFile<T>(
  file: string,
  read: (handle: fs.FileHandle, sizeBytes: number) => Promise<Result<T>>,
): Promise<Result<T>> {
  let handle: fs.FileHandle | null = null;
  try {
    const facts = await fs.stat(file);
    if (!facts.isFile()) return fail('unreadable', `${file} is not a file`);
    handle = await fs.open(file, 'r');
    return await read(handle, facts.size);
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT' || code === 'ENOTDIR'
      ? fail('notFound', `${file} does not exist`)
      : fail('unreadable', `${file} cannot be read: ${code}`);
  } finally {
    await handle?.close().catch(() => undefined);
  }
}

/** `expected` sizes the first buffer, so that a small file read with a large cap stays small. */
async function readFully(
  handle: fs.FileHandle,
  offset: number,
  length: number,
  expected: number,
): Promise<Uint8Array> {
  let bytes = new Uint8Array(Math.min(length, Math.max(0, expected) + 1));
  let filled = 0;
  while (filled < length) {
    if (filled === bytes.length) {
      const larger = new Uint8Array(Math.min(length, bytes.length * 2 + 4096));
      larger.set(bytes);
      bytes = larger;
    }
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** A link is followed, not replaced. The temporary file lies beside the target: rename works only within one disk. */
async function writeAtomic(
  file: string,
  text: string,
  { isPrivate } = { isPrivate: false },
): Promise<Result<void>> {
  let temporary: string | null = null;
  try {
    await fs.mkdir(path.dirname(file), { recursive: true });
    const target = await fs.realpath(file).catch(() => file);
    const kept = await fs.stat(target).then(
      (facts) => facts.mode & 0o777,
      () => null,
    );
    const name = `.${path.basename(target)}.${randomBytes(6).toString('hex')}.tmp`;
    temporary = path.join(path.dirname(target), name);
    const handle = await fs.open(temporary, 'wx', kept ?? (isPrivate ? 0o600 : 0o666));
    try {
      // also those that new files are denied (umask); some disks know no rights
      if (kept !== null) await handle.chmod(kept).catch(() => undefined);
      await handle.writeFile(text, 'utf8');
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, target);
    return ok(undefined);
  } catch (error) {
    if (temporary !== null) await fs.rm(temporary, { force: true }).catch(() => undefined);
    return fail('failed', `${file} cannot be written: ${codeOf(error)}`);
  }
}

/** Linked into place when it is complete; where the disk knows no hard links it can be seen half-written. */
async function createNew(file: string, text: string): Promise<Result<boolean>> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(temporary, text, { flag: 'wx' });
    return ok(await isFirst(temporary, file, text));
  } catch (error) {
    return fail('failed', `${file} cannot be written: ${codeOf(error)}`);
  } finally {
    await fs.rm(temporary, { force: true }).catch(() => undefined);
  }
}

async function isFirst(temporary: string, file: string, text: string): Promise<boolean> {
  const isTaken = (error: unknown) => codeOf(error) === 'EEXIST';
  try {
    await fs.link(temporary, file);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
  }
  try {
    await fs.writeFile(file, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : String(error);
}
