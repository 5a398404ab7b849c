// Folders every script works with.
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
export const out = path.join(root, 'out');

/** Big things that outlive a clone: the VS Code test host, the vLLM environment, tiny models. */
export const cacheFolder =
  process.env.VRAM_PILOT_CACHE ??
  path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'vram-pilot');
