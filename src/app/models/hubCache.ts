/** Where Hugging Face keeps downloaded models: by environment, then the default place. */
import type { Files } from '../ports';

export function hubCacheFolders(
  files: Files,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME } = environment;
  const candidates = [
    HF_HUB_CACHE,
    HUGGINGFACE_HUB_CACHE,
    HF_HOME === undefined ? undefined : files.join(HF_HOME, 'hub'),
    files.join(files.homeFolder(), '.cache', 'huggingface', 'hub'),
  ];
  return [
    ...new Set(candidates.filter((folder) => folder !== undefined && folder !== '')),
  ] as string[];
}
