/** The saved launches of this window: read into the state, saved and deleted in the file. */
import { wishWithoutKeys } from '../../engines/vllm/keyArguments';
import { ok, type Result } from '../../shared/failure';
import { createTurns } from '../../shared/turns';
import type { Files, Log } from '../ports';
import { changeProfiles, loadProfiles } from './profiles';
import type { Profile } from '../state';
import type { AppStore } from '../store';

export interface ProfileShelf {
  /** The file; it need not be there. */
  readonly path: string;
  readonly read: () => Promise<void>;
  /** @param at its place in the file if it is a new one; else the last */
  readonly save: (profile: Profile, at?: number) => Promise<Result<void>>;
  readonly delete: (name: string) => Promise<Result<void>>;
}

export function createProfileShelf(
  { files, log, store }: { files: Files; log: Log; store: AppStore },
  places: { readonly storageFolder: string; readonly workspaceFolder: string | null },
): ProfileShelf {
  const path =
    places.workspaceFolder === null
      ? files.join(places.storageFolder, 'profiles.json')
      : files.join(places.workspaceFolder, '.vscode', 'vram-pilot.profiles.json');

  type Change = (current: readonly Profile[]) => readonly Profile[];

  const inTurn = createTurns();

  /** One after another: each reads what the one before has written. */
  const change = (changed: Change) => inTurn(() => write(changed));

  async function write(changed: Change): Promise<Result<void>> {
    const saved = await changeProfiles(files, path, changed);
    if (!saved.ok) {
      await read();
      return saved;
    }
    store.dispatch({ type: 'profilesLoaded', profiles: saved.value });
    return ok(undefined);
  }

  async function read(): Promise<void> {
    const loaded = await loadProfiles(files, path);
    if (loaded.ok) {
      store.dispatch({ type: 'profilesLoaded', profiles: loaded.value });
      return;
    }
    const text = loaded.failure.detail;
    if (store.state().profilesProblem?.text === text) return;
    log.warn('profiles', 'could not be read', { why: text });
    store.dispatch({ type: 'profilesUnreadable', problem: { path, text } });
  }

  return {
    path,
    read,
    save({ name, wish }, at) {
      // others read this file, in a repository perhaps
      const profile = { name, wish: wishWithoutKeys(wish) };
      // in its old place: the file is shared, and what has not changed should not show in a diff
      return change((current) =>
        current.some((one) => one.name === name)
          ? current.map((one) => (one.name === name ? profile : one))
          : current.toSpliced(at ?? current.length, 0, profile),
      );
    },
    delete: (name) => change((current) => current.filter((profile) => profile.name !== name)),
  };
}
