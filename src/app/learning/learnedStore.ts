/**
 * The file of what was learned on this machine, shared by all windows without a lock: a change is merged into what the
 * file holds, written whole, and looked for afterwards; a write that another window's overtook is made again. A file
 * that can't be read is set aside, never overwritten.
 */
import {
  merge,
  emptyDocument,
  MAX_CHARACTERS,
  readDocument,
  writeDocument,
} from '../../learning/learnedDocument';
import type { LearnedDocument } from '../../learning/learnedDocument';
import { fail, ok, type Result } from '../../shared/failure';
import { createTurns } from '../../shared/turns';
import type { Clock, Files, Log } from '../ports';

/** Up to four bytes a character, and twice as much as is ever written. */
const MAX_FILE_BYTES = MAX_CHARACTERS * 8;
export const LEARNED_FILE = 'learned.json';
const MAX_TRIES = 5;
const KEPT_ASIDE = 3;

interface Found {
  readonly text: string;
  /** null: the text is the one that was settled on. */
  readonly document: LearnedDocument | null;
}

const NOTHING: Found = { text: '', document: emptyDocument };

export interface LearnedStore {
  /** What all windows know, as far as this one has heard. */
  known(): LearnedDocument;
  /** What is wrong with the file, in words; null: nothing. */
  problem(): string | null;
  /** Takes in a change and what the file holds meanwhile. Where that can't be written, it is kept in memory. */
  change(added: LearnedDocument): Promise<Result<void>>;
  /** Reads what other windows wrote, and writes what of ours got lost. */
  sync(): Promise<Result<void>>;
}

export function createLearnedStore(
  ports: { files: Files; clock: Clock; log: Log },
  folder: string,
): LearnedStore {
  const { files, clock, log } = ports;
  const path = files.join(folder, LEARNED_FILE);
  /** Of this window: stays until the window closes, so that nothing another one overwrote is lost. */
  let own = emptyDocument;
  let known = emptyDocument;
  let problem: string | null = null;
  /** A notice, not a failure: what was learned before lies in another file. */
  let aside: string | null = null;
  /** The file as it was when it held all that is known: a look that finds it so again has nothing to do. */
  let settledAs: { readonly text: string; readonly own: LearnedDocument } | null = null;
  const inTurn = createTurns();

  /** Said once, shown as long as it lasts. */
  const failed = (text: string): Result<void> => {
    if (text !== problem) log.warn('learning', text);
    problem = text;
    return fail('failed', text);
  };

  /** Fails where it is there and must not be overwritten. */
  async function read(): Promise<Result<Found>> {
    const facts = await files.stat(path);
    if (!facts) return ok(NOTHING);
    const text = await files.readText(path, MAX_FILE_BYTES);
    if (!text.ok) {
      // gone between the two looks
      if (text.failure.reason === 'notFound') return ok(NOTHING);
      if (text.failure.reason === 'invalid') return setAside(text.failure.detail, facts.modifiedMs);
      return fail('unreadable', `What was learned could not be read: ${text.failure.detail}`);
    }
    if (settledAs?.text === text.value && settledAs.own === own)
      return ok({ text: text.value, document: null });
    const parsed = readDocument(text.value);
    if (!parsed.ok) return setAside(parsed.failure.detail, facts.modifiedMs);
    if (parsed.value.leftOut > 0)
      log.warn('learning', 'records left out', { count: parsed.value.leftOut });
    return ok({ text: text.value, document: parsed.value.document });
  }

  async function setAside(why: string, modifiedMs: number): Promise<Result<Found>> {
    const stamp = new Date(modifiedMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const kept = `${path}.corrupt-${stamp}`;
    // another window may have done it meanwhile, and written a good one
    if ((await files.stat(path))?.modifiedMs !== modifiedMs) return read();
    if (await files.rename(path, kept)) {
      aside = `What was learned before could not be read (${why}); the file was kept as ${kept}.`;
      log.warn('learning', 'file set aside', { why, kept });
      await removeOldAsides();
      return ok(NOTHING);
    }
    return fail(
      'unreadable',
      `What was learned could not be read (${why}), and the file could not be set aside.`,
    );
  }

  async function removeOldAsides(): Promise<void> {
    const names = (await files.list(folder))
      .filter((name) => name.startsWith(`${LEARNED_FILE}.corrupt-`))
      .sort();
    for (const name of names.slice(0, -KEPT_ASIDE)) await files.remove(files.join(folder, name));
  }

  async function syncNow(): Promise<Result<void>> {
    for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
      const found = await read();
      if (!found.ok) {
        known = merge(known, own);
        return failed(found.failure.detail);
      }
      const { text, document } = found.value;
      if (document === null) break;
      known = merge(document, own);
      const wanted = writeDocument(known);
      if (wanted === writeDocument(document)) {
        settledAs = { text, own };
        break;
      }
      const written = await files.writeAtomic(path, wanted);
      if (!written.ok)
        return failed(`What was learned is lost with this window: ${written.failure.detail}`);
      // looked for on the next turn: another window may have written from what it read before
      if (tries > 1) await clock.sleep(20 * tries);
    }
    problem = null;
    return ok(undefined);
  }

  return {
    known: () => known,
    problem: () => problem ?? aside,
    change: (added) =>
      inTurn(() => {
        own = merge(own, added);
        return syncNow();
      }),
    sync: () => inTurn(syncNow),
  };
}
