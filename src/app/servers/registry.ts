/**
 * Launches that outlive the window, shared by all windows: one small file per launch in the extension's storage,
 * written whole or not at all, so that no lock is needed. How a launch ended stays beside them for a while, so that
 * every window says the same about it.
 */
import { fateText, parseFate, type LaunchFate } from './launchFate';
import type { Files, Log } from '../ports';
import { launchText, mergeLaunch, parseLaunch } from './savedLaunch';
import type { Server } from '../state';

const MAX_BYTES = 1_000_000;
/** Every window looks within seconds; these are some days' launches. */
const MAX_FATES = 100;

export interface Registry {
  load(): Promise<Server[]>;
  /** null: there is no such file, or it can't be read. */
  read(id: string): Promise<Server | null>;
  /** Keeps what other windows wrote; does nothing once the launch has ended. */
  save(server: Server): Promise<void>;
  /** It has ended; its file stays as long as processes of it live. Who says it first is right. */
  end(id: string, fate: LaunchFate): Promise<void>;
  fateOf(id: string): Promise<LaunchFate | null>;
  /** Forgets the file; `fate` where nobody told it yet. */
  remove(id: string, fate?: LaunchFate): Promise<void>;
  /** Another value whenever a file came, went or was written; null while there is no folder. */
  changedAt(): Promise<number | null>;
}

export function createRegistry(files: Files, folder: string, log: Log): Registry {
  const ends = files.join(folder, '..', 'ended');
  const pathOf = (id: string) => files.join(folder, `${id}.json`);
  const endPathOf = (id: string) => files.join(ends, `${id}.json`);
  const saidOf = new Set<string>();
  /** Files are read far more often than they change. */
  const parsedOf = new Map<string, { text: string; server: Server }>();
  /** Writes of one launch go one after another, so that the last one counts. */
  const writing = new Map<string, Promise<void>>();

  const say = (what: string, name: string) => {
    if (!saidOf.has(name)) log.warn('registry', what, { name });
    saidOf.add(name);
  };

  async function readNamed(name: string): Promise<Server | null> {
    const path = files.join(folder, name);
    const text = await files.readText(path, MAX_BYTES);
    if (!text.ok) {
      // another window may have forgotten it between the look at the folder and this one
      if (await files.stat(path)) say('launch record that cannot be read left alone', name);
      return null;
    }
    const known = parsedOf.get(name);
    const parsed = known?.text === text.value ? known.server : parseLaunch(text.value);
    if (parsed === 'foreign') say('launch record of another version left alone', name);
    else if (parsed === 'unreadable') {
      await files.rename(path, `${path}.unreadable`);
      say('unreadable launch record set aside', name);
    } else {
      parsedOf.set(name, { text: text.value, server: parsed });
      return parsed;
    }
    return null;
  }

  async function write(server: Server): Promise<void> {
    const { id } = server;
    // written late, it would bring a launch back that another window saw end
    if (await files.stat(endPathOf(id))) return;
    const before = (await files.stat(pathOf(id))) ? await readNamed(`${id}.json`) : null;
    const merged = before ? mergeLaunch(before, server) : server;
    // a command may hold what the user put there, keys too
    const written = await files.writeAtomic(pathOf(id), launchText(merged), { isPrivate: true });
    if (!written.ok) log.error('registry', 'could not write', { id, why: written.failure.detail });
  }

  function inTurn(id: string, act: () => Promise<void>): Promise<void> {
    const done = (writing.get(id) ?? Promise.resolve()).then(act);
    writing.set(id, done);
    return done.finally(() => {
      if (writing.get(id) === done) writing.delete(id);
    });
  }

  async function end(id: string, fate: LaunchFate): Promise<void> {
    const created = await files.createNew(endPathOf(id), fateText(fate));
    if (!created.ok)
      log.error('registry', 'could not write the end', { id, why: created.failure.detail });
    const names = await files.list(ends);
    if (names.length <= MAX_FATES) return;
    const aged = await Promise.all(
      names.map(async (name) => {
        const path = files.join(ends, name);
        return { path, atMs: (await files.stat(path))?.modifiedMs ?? 0 };
      }),
    );
    aged.sort((a, b) => a.atMs - b.atMs);
    for (const { path } of aged.slice(0, names.length - MAX_FATES)) await files.remove(path);
  }

  return {
    async load() {
      const names = (await files.list(folder)).filter((name) => name.endsWith('.json'));
      const servers = (await Promise.all(names.map(readNamed))).filter((one) => one !== null);
      return servers.sort((a, b) => a.startedAtMs - b.startedAtMs);
    },
    read: async (id) => ((await files.stat(pathOf(id))) ? readNamed(`${id}.json`) : null),
    save: (server) => inTurn(server.id, () => write(server)),
    end: (id, fate) => inTurn(id, () => end(id, fate)),
    async fateOf(id) {
      const text = await files.readText(endPathOf(id), MAX_BYTES);
      return text.ok ? parseFate(text.value) : null;
    },
    remove: (id, fate) =>
      inTurn(id, async () => {
        if (fate) await end(id, fate);
        await files.remove(pathOf(id));
        parsedOf.delete(`${id}.json`);
      }),
    changedAt: async () => (await files.stat(folder))?.modifiedMs ?? null,
  };
}
