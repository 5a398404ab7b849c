/** The local Hugging Face cache: `models--org--name/{refs/main, snapshots/<revision>/…}`, whose files are links to blobs. */
import type { Files } from '../ports';

const MAX_REF_BYTES = 200;

export interface CachedModel {
  /** `org/name`. */
  readonly name: string;
  /** Folder of the snapshot that `main` stands for. */
  readonly snapshot: string;
}

/** `models--Qwen--Qwen3-4B` → `Qwen/Qwen3-4B`; null for anything else. */
export function cachedModelName(folderName: string): string | null {
  const name = /^models--(.+)$/.exec(folderName)?.[1];
  return name === undefined ? null : name.replace('--', '/');
}

/** Looks a Hub name up in the caches; a cache may be given by its `hub` folder or by the folder above it (HF_HOME). */
export async function findCachedModel(
  files: Files,
  name: string,
  cacheFolders: readonly string[],
): Promise<CachedModel | null> {
  if (!/^[\w.-]+(\/[\w.-]+)?$/.test(name) || name.includes('..')) return null;
  const folderName = `models--${name.replace('/', '--')}`;
  for (const cache of cacheFolders) {
    for (const folder of [files.join(cache, folderName), files.join(cache, 'hub', folderName)]) {
      const snapshot = await mainSnapshot(files, folder);
      if (snapshot !== null) return { name, snapshot };
    }
  }
  return null;
}

/** Folder of the snapshot that `refs/main` names, else of the newest one; null where there is none. */
export async function mainSnapshot(files: Files, modelFolder: string): Promise<string | null> {
  const snapshots = files.join(modelFolder, 'snapshots');
  const ref = await files.readText(files.join(modelFolder, 'refs', 'main'), MAX_REF_BYTES);
  const revision = ref.ok ? ref.value.trim() : '';
  if (/^[\w-]+$/.test(revision)) {
    const folder = files.join(snapshots, revision);
    if ((await files.stat(folder))?.kind === 'folder') return folder;
  }
  let newest: { folder: string; modifiedMs: number } | null = null;
  for (const entry of await files.list(snapshots)) {
    const folder = files.join(snapshots, entry);
    const facts = await files.stat(folder);
    if (facts?.kind !== 'folder') continue;
    if (!newest || facts.modifiedMs > newest.modifiedMs)
      newest = { folder, modifiedMs: facts.modifiedMs };
  }
  return newest?.folder ?? null;
}
