/** Files of the Linux kernel that a source reads instead of starting a tool: what to read as data, and how they are read. */
import { KIB } from '../shared/units';
import { MAX_BYTES, plausible } from './completeGpu';
import { linesOf } from './values';

/** Small files below folders. A `*` in a name stands for letters, digits, `.`, `:`, `@` and `_`: `card*` is no `card0-DP-1`. */
export interface FolderQuestion {
  /** Absolute. */
  readonly folders: string;
  /** Only folders in which this file says this. */
  readonly where?: FileSays;
  /** Not in folders in which this file says this. */
  readonly unless?: FileSays;
  /** Relative to the folder. */
  readonly files: readonly string[];
}

/**
 * `/proc/<pid>/fdinfo/<fd>` of every descriptor that is open on a device below `devices`, and the `comm` of its process.
 * `pids` null: of all processes, which costs about 0.1 ms each.
 */
export interface DescriptorQuestion {
  readonly devices: string;
  readonly pids: readonly number[] | null;
}

export interface FileSays {
  readonly file: string;
  readonly says: string;
}

export type FileQuestion = FolderQuestion | DescriptorQuestion;

/** Contents by absolute path; what is missing or unreadable is not there. */
export type FileAnswers = ReadonlyMap<string, string>;

/** One folder of the answers, such as a card. */
export interface AnsweredFolder {
  readonly path: string;
  /** Trimmed; null where the file was not read. */
  text(file: string): string | null;
  /** {@link countOf} of a file. */
  count(file: string): number | null;
  /** The same of all files that match, in the order of their names. */
  counts(pattern: RegExp): readonly number[];
}

/** Folders of the answers that match, in the order of their numbers. `pattern` matches the whole path of a folder. */
export function foldersOf(answers: FileAnswers, pattern: RegExp): AnsweredFolder[] {
  const paths = new Set<string>();
  for (const path of answers.keys()) {
    const folder = pattern.exec(path)?.[0];
    if (folder !== undefined) paths.add(folder);
  }
  // most samples are of a tool, and a collator takes as long as reading its table
  if (paths.size === 0) return [];
  const byNumber = new Intl.Collator('en', { numeric: true });
  return [...paths].sort(byNumber.compare).map((path) => folderOf(answers, path));
}

function folderOf(answers: FileAnswers, path: string): AnsweredFolder {
  const text = (file: string) => answers.get(`${path}/${file}`)?.trim() ?? null;
  const count = (file: string) => countOf(text(file));
  return {
    path,
    text,
    count,
    counts: (pattern) =>
      [...answers.keys()]
        .filter((key) => key.startsWith(`${path}/`) && pattern.test(key.slice(path.length + 1)))
        .sort()
        .map((key) => countOf(answers.get(key) ?? null))
        .filter((value) => value !== null),
  };
}

/** A whole number as the kernel writes it; null for anything else. */
export function countOf(text: string | null): number | null {
  return /^\s*\d{1,16}\s*$/.test(text ?? '') ? Number(text) : null;
}

/** The system's memory, as /proc/meminfo tells it. */
export interface SystemMemory {
  readonly totalBytes: number | null;
  /** What a new allocation could get without swapping; page cache counts as free here, unlike in MemFree. */
  readonly availableBytes: number | null;
  /** Mapped for the GPU, on Jetson boards. */
  readonly nvMapBytes: number | null;
}

export const MEMINFO: FolderQuestion = { folders: '/proc', files: ['meminfo'] };

/** Kibibytes of the file as bytes; what it does not have, or says absurdly, is null. */
export function readMeminfo(answers: FileAnswers): SystemMemory {
  const cells = new Map<string, number>();
  for (const line of linesOf(answers.get('/proc/meminfo') ?? '')) {
    const match = /^(\w+):\s+(\d{1,13}) kB$/.exec(line);
    if (match?.[1] !== undefined) cells.set(match[1], Number(match[2]) * KIB);
  }
  const bytes = (name: string) => plausible(cells.get(name), 0, MAX_BYTES);
  return {
    totalBytes: bytes('MemTotal'),
    availableBytes: bytes('MemAvailable'),
    nvMapBytes: bytes('NvMapMemUsed'),
  };
}
