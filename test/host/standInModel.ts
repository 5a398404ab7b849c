import fs from 'node:fs';
import path from 'node:path';
import { qwen600m } from '../fixtures/planner/configs';

const MODELS = path.join(process.env.TEST_FOLDER ?? '', 'models');

/** Shape of a dense model of 0.6B parameters: 1.1 GiB of weights in 16 bit. */
export const SMALL_MODEL = qwen600m;

/**
 * A folder that reads as a small dense model: its shape alone, no weights. The name tells the stand-in vLLM what to do
 * (test/support/fakeVllm.mjs).
 */
export function makeModel(name: string): string {
  const folder = path.join(MODELS, name);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify(SMALL_MODEL));
  return folder;
}

/** Lets a stand-in go on that is held in its load. */
export function letGo(name: string): void {
  fs.writeFileSync(path.join(MODELS, name, 'go'), '');
}
