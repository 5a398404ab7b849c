/**
 * The user's own known results: `vram-profiles.json` in the extension's storage, and in the workspace's `.vscode`, whose
 * come first. A file that can't be read is said and left out, never changed.
 */
import { KNOWN_PROFILES_FILE, readKnownProfiles } from '../../planner/knownProfiles';
import type { AppContext } from '../appContext';
import type { KnownState } from '../state';

const MAX_BYTES = 1_000_000;

/** Reads both into the state. */
export async function readKnownResults(
  { files, log, store }: Pick<AppContext, 'files' | 'log' | 'store'>,
  places: { readonly storageFolder: string; readonly workspaceFolder: string | null },
): Promise<void> {
  const paths = [
    ...(places.workspaceFolder === null
      ? []
      : [files.join(places.workspaceFolder, '.vscode', KNOWN_PROFILES_FILE)]),
    files.join(places.storageFolder, KNOWN_PROFILES_FILE),
  ];
  const known: { -readonly [K in keyof KnownState]: KnownState[K][number][] } = {
    profiles: [],
    problems: [],
  };
  for (const path of paths) {
    if (!(await files.stat(path))) continue;
    const text = await files.readText(path, MAX_BYTES);
    const read = text.ok ? readKnownProfiles(text.value) : text;
    if (read.ok) known.profiles.push(...read.value);
    else known.problems.push(`${path} is left out: ${read.failure.detail}.`);
  }
  if (JSON.stringify(known) === JSON.stringify(store.state().known)) return;
  for (const why of known.problems) log.warn('known', 'not read', { why });
  store.dispatch({ type: 'knownResultsRead', known });
}
