/** What the environment says about the hub, read as Hugging Face's own client does: which one, whether at all, and the token. */
import type { Files } from '../ports';

export type Environment = Readonly<Record<string, string | undefined>>;

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
  const { HF_HOME, HF_TOKEN_PATH, XDG_CACHE_HOME } = environment;
  const cache = nonEmpty(XDG_CACHE_HOME) ?? files.join(files.homeFolder(), '.cache');
  const home = nonEmpty(HF_HOME) ?? files.join(cache, 'huggingface');
  const text = await files.readText(
    nonEmpty(HF_TOKEN_PATH) ?? files.join(home, 'token'),
    MAX_TOKEN_BYTES,
  );
  return text.ok ? cleanToken(text.value) : null;
}

/** Only what a header can carry: anything else is a file given by mistake. */
export function cleanToken(text: string): string | null {
  const token = text.trim();
  return /^[\x21-\x7e]{1,1000}$/.test(token) ? token : null;
}

/** Where a front door without a storage of its own keeps what it read. */
export function userCacheFolder(files: Files, { XDG_CACHE_HOME }: Environment): string {
  const cache = nonEmpty(XDG_CACHE_HOME) ?? files.join(files.homeFolder(), '.cache');
  return files.join(cache, 'vram-pilot', 'hub');
}

const nonEmpty = (text: string | undefined): string | null => (text === '' ? null : (text ?? null));
