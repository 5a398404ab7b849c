import type { Files, Store } from '../app/ports';

const MAX_STORE_BYTES = 16 * 1024 ** 2;

/** A store in one JSON file, for the command line. An unreadable file counts as empty and is kept until the first write. */
export async function openFileStore(files: Files, file: string): Promise<Store> {
  const values = new Map<string, unknown>(Object.entries(await readObject(files, file)));
  let lastWrite: Promise<unknown> = Promise.resolve();
  return {
    read: (key): unknown => values.get(key),
    write: async (key, value) => {
      if (value === undefined) values.delete(key);
      else values.set(key, value);
      const text = JSON.stringify(Object.fromEntries(values), null, 2);
      const write = lastWrite.then(() => files.writeAtomic(file, `${text}\n`));
      lastWrite = write;
      await write;
    },
  };
}

async function readObject(files: Files, file: string): Promise<object> {
  const text = await files.readText(file, MAX_STORE_BYTES);
  if (!text.ok) return {};
  try {
    const value: unknown = JSON.parse(text.value);
    return value instanceof Object && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
