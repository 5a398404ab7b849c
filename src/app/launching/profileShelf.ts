/** The saved launches of this window: read into the state, saved and deleted in the file. */
import { wishWithoutKeys } from '../../engines/vllm/keyArguments';
import { ok, type Result } from '../../shared/failure';
import type { Files, Log } from '../ports';
import { changeProfiles, loadProfiles } from './profiles';
import type { Profile } from '../state';
import type { AppStore } from '../store';

export interface ProfileShelf {
  /** The file; it need not be there. */
  readonly path: string;
  readonly read: () => Promise<void>;
  readonly save: (profile: Profile) => Promise<Result<void>>;
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

  let last: Promise<unknown> = Promise.resolve();

  /** One after another: each reads what the one before has written. */
  function change(
    changed: (current: readonly Profile[]) => readonly Profile[],
  ): Promise<Result<void>> {
    const done = last.then(() => write(changed));
    last = done.catch(() => undefined);
    return done;
  }

  async function write(
    changed: (current: readonly Profile[]) => readonly Profile[],
  ): Promise<Result<void>> {
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
    save({ name, wish }) {
      // others read this file, in a repository perhaps
      const profile = { name, wish: wishWithoutKeys(wish) };
      // in its old place: the file is shared, and what has not changed should not show in a diff
      return change((current) =>
        current.some((one) => one.name === name)
          ? current.map((one) => (one.name === name ? profile : one))
          : [...current, profile],
      );
    },
    delete: (name) => change((current) => current.filter((profile) => profile.name !== name)),
  };
}
