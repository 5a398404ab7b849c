/**
 * One start at a time per GPU, over all windows: vLLM bills whatever grows on the card while it profiles to its own
 * pool. A lock is a file; it holds as long as its window lives and its launch is starting, so nothing is ever stuck.
 *
 * Breaking a stale lock by removing it would race: who looked first might remove the lock that the second one has just
 * taken. So locks are numbered, and none is ever taken over: the one with the highest number counts, the next is made
 * by creating the next number, which only one can do. The highest is never removed, or a slow window could take a
 * number that has been given already.
 */
import * as z from 'zod/mini';
import type { ProcessIdentity } from '../../processes/process';
import { parseJson } from '../../shared/json';
import { ok, type Result } from '../../shared/failure';
import { isStillThere } from '../owner';
import type { Clock, Files, Log, ProcessTable } from '../ports';
import { identitySchema } from '../servers/recordSchema';

const MAX_BYTES = 100_000;
/** Where a disk knows no hard links a lock can be seen before it is complete. */
const HALF_WRITTEN_MS = 10_000;
/** Each means that another window was faster in this very moment. */
const MAX_TRIES = 20;

const contentSchema = z.object({
  version: z.literal(1),
  launchId: z.string(),
  title: z.string(),
  owner: identitySchema,
});

export interface LockRequest {
  readonly launchId: string;
  /** Shown to those who wait. */
  readonly title: string;
  readonly gpus: readonly number[];
  readonly owner: ProcessIdentity;
}

/** Who holds a lock; the title is null where that can't be read (yet). */
export interface LockHolder {
  readonly title: string | null;
}

export interface LaunchLock {
  /** All of the GPUs, or none and who is in the way. Fails where nothing can be written. */
  take(request: LockRequest): Promise<Result<LockHolder | 'taken'>>;
  release(launchId: string): Promise<void>;
}

export interface LockDeps {
  readonly files: Files;
  readonly table: ProcessTable;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether a launch is known to be ready or to have ended: then its lock is over, too. */
  readonly isSettled: (launchId: string) => Promise<boolean>;
}

interface Numbered {
  readonly name: string;
  readonly number: number;
  readonly isHeld: boolean;
}

export function createLaunchLock(deps: LockDeps, folder: string): LaunchLock {
  const { files, table, clock, log } = deps;
  /** By launch: the paths without their ending. */
  const held = new Map<string, string[]>();

  /** Locks of one GPU, highest number first. Those of another boot or machine are none of ours. */
  async function locksOf(prefix: string): Promise<readonly Numbered[]> {
    const found: Numbered[] = [];
    for (const name of await files.list(folder)) {
      const [, number, ending] = name.startsWith(prefix)
        ? (/^(\d+)\.(held|over)$/.exec(name.slice(prefix.length)) ?? [])
        : [];
      if (number !== undefined)
        found.push({ name, number: Number(number), isHeld: ending === 'held' });
    }
    // a lock is renamed while folders are listed: the same number may show twice
    return found.sort((a, b) => b.number - a.number || Number(a.isHeld) - Number(b.isHeld));
  }

  /** null: nobody, any more. */
  async function holderOf({ name }: Numbered): Promise<LockHolder | null> {
    const path = files.join(folder, name);
    const text = await files.readText(path, MAX_BYTES);
    const facts = await files.stat(path);
    if (!facts) return null;
    const content = text.ok ? z.safeParse(contentSchema, parseJson(text.value)) : null;
    if (!content?.success) {
      const isYoung = Math.abs(clock.now() - facts.modifiedMs) < HALF_WRITTEN_MS;
      if (!isYoung) log.warn('lock', 'unreadable lock does not count', { name });
      return isYoung ? { title: null } : null;
    }
    const { owner, launchId, title } = content.data;
    if (!(await isStillThere(table, owner)) || (await deps.isSettled(launchId))) return null;
    return { title };
  }

  async function takeOne(request: LockRequest, gpu: number): Promise<Result<LockHolder | string>> {
    const prefix = `${request.owner.bootId.slice(0, 8)}-gpu${String(gpu)}-`;
    const { launchId, title, owner } = request;
    const text = JSON.stringify({ version: 1, launchId, title, owner });
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const [last, ...older] = await locksOf(prefix);
      const holder = last?.isHeld ? await holderOf(last) : null;
      if (holder) return ok(holder);
      const number = (last?.number ?? 0) + 1;
      const base = files.join(folder, `${prefix}${String(number)}`);
      const created = await files.createNew(`${base}.held`, text);
      if (!created.ok) return created;
      if (!created.value) continue;
      const [now] = await locksOf(prefix);
      // given long ago, over and cleared away: others have gone on counting since we looked
      if ((now?.number ?? 0) > number) {
        await files.remove(`${base}.held`);
        continue;
      }
      for (const { name } of last ? [last, ...older] : older)
        await files.remove(files.join(folder, name));
      return ok(base);
    }
    return ok({ title: null });
  }

  async function release(launchId: string): Promise<void> {
    const bases = held.get(launchId) ?? [];
    held.delete(launchId);
    for (const base of bases)
      if (!(await files.rename(`${base}.held`, `${base}.over`)))
        log.warn('lock', 'could not be released; it ends with its launch', { launchId });
  }

  return {
    async take(request) {
      // in the same order everywhere, and all or none: two launches never wait for each other
      for (const gpu of [...request.gpus].sort((a, b) => a - b)) {
        const one = await takeOne(request, gpu);
        if (one.ok && typeof one.value === 'string') {
          held.set(request.launchId, [...(held.get(request.launchId) ?? []), one.value]);
          continue;
        }
        await release(request.launchId);
        return one.ok ? ok(one.value as LockHolder) : one;
      }
      return ok('taken');
    },
    release,
  };
}
