/**
 * What the environment says about the hub and what was downloaded from it, read as Hugging Face's own client does
 * (huggingface_hub/constants.py): whether to ask at all, the token, and where its files are.
 */
import type { Environment, Files } from '../ports';

const isOn = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? '');

/** HF_HUB_OFFLINE: no request at all, only what was read before. */
export function isOffline(environment: Environment): boolean {
  return isOn(environment.HF_HUB_OFFLINE) || isOn(environment.TRANSFORMERS_OFFLINE);
}

const MAX_TOKEN_BYTES = 4096;

/** HF_TOKEN, else the file that `hf auth login` writes; null: none, or one that can't be a token. */
export async function environmentToken(
  files: Files,
  environment: Environment,
): Promise<string | null> {
  if (isOn(environment.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return null;
  const named = environment.HF_TOKEN ?? environment.HUGGING_FACE_HUB_TOKEN;
  if (named !== undefined && named.trim() !== '') return cleanToken(named);
  const path =
    pathOf(files, environment.HF_TOKEN_PATH) ??
    files.join(huggingFaceHome(files, environment), 'token');
  const text = await files.readText(path, MAX_TOKEN_BYTES);
  return text.ok ? cleanToken(text.value) : null;
}

/** Only what a header can carry: anything else is a file given by mistake. */
export function cleanToken(text: string): string | null {
  const token = text.trim();
  return /^[\x21-\x7e]{1,1000}$/.test(token) ? token : null;
}

/** Folders that may hold downloaded models, the likeliest first; they need not be there. */
export function hubCacheFolders(files: Files, environment: Environment): readonly string[] {
  const folders = [
    pathOf(files, environment.HF_HUB_CACHE),
    pathOf(files, environment.HUGGINGFACE_HUB_CACHE),
    files.join(huggingFaceHome(files, environment), 'hub'),
    // what was downloaded before one of these variables was set
    files.join(files.homeFolder(), '.cache', 'huggingface', 'hub'),
  ];
  return [...new Set(folders.filter((folder) => folder !== null))];
}

/** Where a front door without a storage of its own keeps what it read. */
export function userCacheFolder(files: Files, environment: Environment): string {
  return files.join(userCache(files, environment), 'vram-pilot', 'hub');
}

const huggingFaceHome = (files: Files, environment: Environment): string =>
  pathOf(files, environment.HF_HOME) ?? files.join(userCache(files, environment), 'huggingface');

const userCache = (files: Files, { XDG_CACHE_HOME }: Environment): string =>
  pathOf(files, XDG_CACHE_HOME) ?? files.join(files.homeFolder(), '.cache');

/** A path that a variable names; null: it names none. No shell has seen those of a settings file, so `~` is still one. */
function pathOf(files: Files, text = ''): string | null {
  if (text.startsWith('~/')) return files.join(files.homeFolder(), text.slice(2));
  return text === '' ? null : text;
}
