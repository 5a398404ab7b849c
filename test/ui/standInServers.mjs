// Models for the stand-in vLLM in page scripts, and the processes that serve them.
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { readProcesses } from '../support/processes.mjs';

const folder = process.env.TEST_FOLDER;
const workspace = process.env.TEST_WORKSPACE;

/** A copy of the sample model under a name that tells the stand-in what to do. */
export function makeModel(name) {
  const model = path.join(folder, 'models', name);
  fs.cpSync(path.join(workspace, 'models/qwen3-4b'), model, { recursive: true });
  return model;
}

/** One that nobody listens on now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** The API server of a model; undefined where none lives. */
export const mainOf = (name) =>
  readProcesses().find(
    ({ command, state }) =>
      state !== 'Z' && command.includes('/bin/vllm serve') && command.includes(`/${name} `),
  );
