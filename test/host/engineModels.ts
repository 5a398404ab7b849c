/** Variants of the tiny model that a real vLLM refuses, each for a reason of its own. */
import fs from 'node:fs';
import path from 'node:path';
import { MODEL } from './realVllm';

export interface ModelChange {
  /** Put over its config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** `cut`: only the first half of the file is there. */
  readonly weights?: 'missing' | 'cut';
  /** Nothing at all in the folder. */
  readonly empty?: boolean;
}

/** Path of the new folder; its last part is `name`. */
export function changedModel(name: string, { config, weights, empty }: ModelChange): string {
  const folder = path.join(process.env.TEST_FOLDER ?? '', 'changed-models', name);
  fs.rmSync(folder, { recursive: true, force: true });
  if (empty === true) {
    fs.mkdirSync(folder, { recursive: true });
    return folder;
  }
  fs.cpSync(MODEL, folder, { recursive: true });
  if (config) {
    const file = path.join(folder, 'config.json');
    const known = JSON.parse(fs.readFileSync(file, 'utf8')) as Record<string, unknown>;
    fs.writeFileSync(file, JSON.stringify({ ...known, ...config }));
  }
  const file = path.join(folder, 'model.safetensors');
  if (weights === 'missing') fs.rmSync(file);
  if (weights === 'cut') fs.truncateSync(file, Math.floor(fs.statSync(file).size / 2));
  return folder;
}
