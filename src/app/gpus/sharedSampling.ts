/**
 * One sampler for all windows of this machine, where windows can tell each other apart: the one that wrote last goes on
 * looking, the others read what it saw. Nothing is locked: the sample's own age is the lease, and when its owner dies,
 * sleeps or slows down, the next window to look finds it old and looks itself. If two do so at once, the last writer
 * remains. A window that is alone writes nothing.
 */
import * as z from 'zod/mini';
import type { GpuSample } from '../../gpu/gpu';
import type { ProcessIdentity } from '../../processes/process';
import { identityKey, isSame } from '../../processes/tree';
import { isStillThere, ownIdentity } from '../owner';
import type { Clock, Files, Log, ProcessTable } from '../ports';
import { parseJson } from '../../shared/json';

const WINDOWS_AGAIN_MS = 30_000;
const MAX_BYTES = 1024 * 1024;
/** How late a sample may be; with the default interval it is looked after within 5 s. */
const LATE_MS = 3_000;

const identitySchema = z.object({ pid: z.number(), startTime: z.string(), bootId: z.string() });

const bytes = z.nullable(z.number());
/** What is calculated with is checked; the rest is of the same version as this code, which the key says. */
const sharedSchema = z.object({
  key: z.string(),
  owner: identitySchema,
  atMs: z.number(),
  intervalMs: z.number(),
  sample: z.object({
    gpus: z.array(
      z.looseObject({
        index: z.number(),
        name: z.nullable(z.string()),
        totalBytes: bytes,
        usedBytes: bytes,
        freeBytes: bytes,
      }),
    ),
    processes: z.array(
      z.looseObject({ pid: z.number(), usedBytes: bytes, gpus: z.array(z.number()) }),
    ),
    problems: z.array(z.object({ id: z.string(), text: z.string() })),
  }),
});

export interface SharedSample {
  readonly sample: GpuSample;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

export interface SharedSampling {
  /** What another window saw a moment ago; null: look yourself. */
  read(): Promise<SharedSample | null>;
  /** For other windows, if there are any; does not wait for the disk. */
  offer(sample: GpuSample): void;
  /** This window is going. */
  stop(): void;
}

export interface SharedSamplingDeps {
  readonly files: Files;
  readonly table: ProcessTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly folder: string;
  readonly intervalMs: () => number;
  /** What is asked, and by which version of us; null: nothing that others could use. */
  readonly key: () => string | null;
}

export function createSharedSampling(deps: SharedSamplingDeps): SharedSampling {
  const { files, table, clock, log, folder } = deps;
  const sampleFile = files.join(folder, 'sample.json');
  let self: ProcessIdentity | null = null;
  /** Other windows that live, by identity. */
  let others: ReadonlySet<string> = new Set();
  let countedAtMs = -Infinity;
  let isFirst = true;
  let isWriting = false;
  let isOver = false;

  const nameOf = ({ pid }: ProcessIdentity) => `window-${String(pid)}.json`;

  /** Windows of another machine or container with the same home folder don't count: their processes are others. */
  async function findOthers(): Promise<void> {
    self ??= await ownIdentity(table);
    if (!self) return;
    const names = await files.list(folder);
    if (!isOver && !names.includes(nameOf(self)))
      await files.writeAtomic(files.join(folder, nameOf(self)), JSON.stringify(self));
    const found = new Set<string>();
    for (const name of names) {
      if (!/^window-\d+\.json$/.test(name)) continue;
      const path = files.join(folder, name);
      const text = await files.readText(path, MAX_BYTES);
      const parsed = text.ok ? z.safeParse(identitySchema, parseJson(text.value)) : null;
      if (!parsed?.success || parsed.data.bootId !== self.bootId || isSame(parsed.data, self))
        continue;
      if (await isStillThere(table, parsed.data)) found.add(identityKey(parsed.data));
      else await files.remove(path);
    }
    if (found.size !== others.size) log.info('sampler', 'other windows', { count: found.size });
    others = found;
  }

  return {
    async read() {
      // the first figures of a window wait for nothing: looking for others reads files and processes
      if (isFirst) {
        isFirst = false;
        return null;
      }
      if (clock.elapsedMs() - countedAtMs >= WINDOWS_AGAIN_MS) {
        countedAtMs = clock.elapsedMs();
        await findOthers();
      }
      const key = deps.key();
      if (!self || others.size === 0 || key === null) return null;
      const text = await files.readText(sampleFile, MAX_BYTES);
      const parsed = text.ok ? z.safeParse(sharedSchema, parseJson(text.value)) : null;
      if (!parsed?.success) return null;
      const { owner, atMs, intervalMs, sample } = parsed.data;
      const ageMs = clock.now() - atMs;
      const isGood =
        parsed.data.key === key &&
        others.has(identityKey(owner)) &&
        intervalMs <= deps.intervalMs() &&
        ageMs >= -1_000 &&
        ageMs <= intervalMs + LATE_MS;
      return isGood ? { sample: sample as unknown as GpuSample, atMs } : null;
    },
    offer(sample) {
      const key = deps.key();
      if (!self || others.size === 0 || key === null || isWriting || isOver) return;
      isWriting = true;
      const text = JSON.stringify({
        key,
        owner: self,
        atMs: clock.now(),
        intervalMs: deps.intervalMs(),
        sample,
      });
      void files.writeAtomic(sampleFile, text).finally(() => {
        isWriting = false;
      });
    },
    stop() {
      isOver = true;
      if (self) void files.remove(files.join(folder, nameOf(self)));
    },
  };
}
