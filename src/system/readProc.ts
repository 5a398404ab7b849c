import fs from 'node:fs';

/** Reads at once; for files of /proc that never wait (stat, status, cgroup). `missing` where it cannot be read. */
export function readTextOr<T>(file: string, missing: T): string | T {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return missing;
  }
}

const PATIENCE_MS = 500;
/** What once did not answer is not asked again: each hanging read keeps a thread of Node's pool of four. */
const stuck = new Set<string>();

/**
 * cmdline, environ and maps wait for a lock of the process's memory, which a process stuck in the kernel may hold for
 * ever (`ps` hangs on such machines). Null where it cannot be read, or not in time.
 * @param startTime of the process: lets a later one with its number be read even if this one never answers
 */
export async function readTextTimed(file: string, startTime = ''): Promise<string | null> {
  const name = `${file} ${startTime}`;
  if (stuck.has(name)) return null;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => {
      stuck.add(name);
      resolve(null);
    }, PATIENCE_MS);
  });
  // The callback form costs half of fs.promises here, and this runs for every process.
  const text = new Promise<string | null>((resolve) =>
    fs.readFile(file, 'utf8', (error, content) => {
      stuck.delete(name);
      resolve(error ? null : content);
    }),
  );
  const result = await Promise.race([text, late]);
  clearTimeout(timer);
  return result;
}
