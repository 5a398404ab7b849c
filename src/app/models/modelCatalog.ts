/** What the model picker offers: Ollama's tags, the local Hugging Face cache, and folders that hold models. */
import type { OllamaTag } from '../../models/ollamaShow';
import type { ModelChoice } from '../../shared/protocol';
import { formatBytes } from '../../shared/units';
import { cachedModelName, mainSnapshot } from './huggingFaceCache';
import { ggufFilesOf, pickledFilesOf, totalSize, weightFilesOf } from './modelFiles';
import type { Files } from '../ports';

const MAX_CHOICES = 500;
const MAX_DEPTH = 3;
/** Enough for any collection of models, small enough for a home folder given by mistake. */
const MAX_FOLDERS = 2000;
/** A blob store, a build, hidden folders: never where models are kept, often where thousands of files are. */
const PASSED_OVER = /^(\.|node_modules$|__pycache__$|blobs$|venv$|site-packages$)/;

/** Not asked about; a name like `Qwen2.5-7B` must be. */
const FILES = /\.(json|txt|md|py|log|gguf|safetensors|bin)$/i;

export interface CatalogSources {
  /** Local Hugging Face caches (HF_HUB_CACHE, HF_HOME). */
  readonly cacheFolders: readonly string[];
  /** Folders to look into, three levels deep. */
  readonly roots: readonly string[];
  readonly ollamaTags: readonly OllamaTag[];
}

/** At most 500 choices, each once; what can't be read is left out. */
export async function listModels(
  files: Files,
  sources: CatalogSources,
): Promise<readonly ModelChoice[]> {
  const choices = new Map<string, ModelChoice>();
  const add = (choice: ModelChoice): void => {
    if (choices.size < MAX_CHOICES && !choices.has(choice.id)) choices.set(choice.id, choice);
  };
  sources.ollamaTags.map(tagChoice).forEach(add);
  for (const cache of sources.cacheFolders)
    for (const choice of await cachedChoices(files, cache)) add(choice);
  const walk: Walk = { files, seen: new Set(), foldersLeft: MAX_FOLDERS };
  for (const root of sources.roots)
    for (const choice of await folderChoices(walk, root, 0)) add(choice);
  return [...choices.values()];
}

function tagChoice(tag: OllamaTag): ModelChoice {
  const parts = [tag.parameterSize, tag.quantization, size(tag.sizeBytes)];
  return {
    id: tag.name,
    label: tag.name,
    detail: ['Ollama', ...parts].filter((part) => part !== null).join(' · '),
    source: 'ollama',
  };
}

async function cachedChoices(files: Files, cache: string): Promise<ModelChoice[]> {
  const choices: ModelChoice[] = [];
  for (const folder of [cache, files.join(cache, 'hub')]) {
    for (const entry of (await files.list(folder)).slice(0, MAX_FOLDERS)) {
      const name = cachedModelName(entry);
      const snapshot = name === null ? null : await mainSnapshot(files, files.join(folder, entry));
      if (name === null || snapshot === null) continue;
      const found = await modelsIn(files, snapshot, name);
      for (const choice of found)
        choices.push(
          choice.source === 'folder'
            ? { ...choice, id: name, label: name, source: 'huggingFaceCache' }
            : { ...choice, label: `${name} · ${choice.label}` },
        );
    }
  }
  return choices;
}

interface Walk {
  readonly files: Files;
  /** Real paths of folders that were visited: a link back up ends here. */
  readonly seen: Set<string>;
  foldersLeft: number;
}

async function folderChoices(walk: Walk, folder: string, depth: number): Promise<ModelChoice[]> {
  const { files, seen } = walk;
  const real = await files.realPath(folder);
  if (real === null || seen.has(real) || walk.foldersLeft <= 0) return [];
  seen.add(real);
  walk.foldersLeft -= 1;
  const [label = folder] = folder.split(/[/\\]/).filter(Boolean).slice(-1);
  const choices = await modelsIn(files, folder, label);
  if (depth >= MAX_DEPTH || choices.some((choice) => choice.source === 'folder')) return choices;
  for (const name of await files.list(folder)) {
    if (PASSED_OVER.test(name) || FILES.test(name)) continue;
    const child = files.join(folder, name);
    if ((await files.stat(child))?.kind === 'folder')
      choices.push(...(await folderChoices(walk, child, depth + 1)));
    if (choices.length >= MAX_CHOICES) break;
  }
  return choices;
}

/** A folder with a config and weights is one model; every .gguf file beside is another. */
async function modelsIn(files: Files, folder: string, label: string): Promise<ModelChoice[]> {
  const names = await files.list(folder);
  const choices: ModelChoice[] = [];
  const shards = weightFilesOf(names);
  const weights = shards.length > 0 ? shards : pickledFilesOf(names);
  const ggufs = ggufFilesOf(names);
  if (names.includes('config.json') && (weights.length > 0 || ggufs.length === 0)) {
    const bytes = await totalSize(files, folder, weights);
    const detail = [size(bytes > 0 ? bytes : null) ?? 'without weights', folder].join(' · ');
    choices.push({ id: folder, label, detail, source: 'folder' });
  }
  for (const name of ggufs.slice(0, MAX_CHOICES)) {
    const path = files.join(folder, name);
    const detail = [size(await totalSize(files, folder, [name])), path]
      .filter((part) => part !== null)
      .join(' · ');
    choices.push({ id: path, label: name, detail, source: 'gguf' });
  }
  return choices;
}

function size(bytes: number | null): string | null {
  return bytes === null ? null : formatBytes(bytes);
}
