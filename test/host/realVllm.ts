/** What suites with a real vLLM (on the CPU) share: its tiny model, starts, ends, and whether anything is left of one. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { DeployResult } from '../../src/app/launching/deploy';
import type { Server } from '../../src/app/state';
import type { PlanOptions } from '../../src/shared/planRequest';
import type { VramPilotApi } from '../../src/vscode/api';
import { isAlive, livingGroup } from '../support/processes.mjs';
import { eventually } from './eventually';
import { apiWithVllm } from './extensionApi';

/** A start takes 31 s on an idle machine and twice that beside other work. */
export const START_MS = 180_000;
export const MODEL = path.join(process.env.VRAM_PILOT_TEST_MODELS ?? '', 'tiny-qwen3');
/** `npm run test:engines:all`: every case, some hours; else those that fit into a build. */
export const RUNS_ALL = process.env.VRAM_PILOT_ENGINES === 'all';

/** Pool and eager mode come from the settings. */
const OPTIONS: PlanOptions = { dtype: 'bfloat16', maxModelLen: 256 };

let active: VramPilotApi | null = null;

export async function activateWithVllm(): Promise<VramPilotApi> {
  active = await apiWithVllm();
  return active;
}

export function server(id: string): Server {
  const found = active?.getState().servers.find((one) => one.id === id);
  assert.ok(found, 'the server is in the state');
  return found;
}

export function wish(
  change: { model?: string; port?: number; options?: PlanOptions; extraArguments?: string[] } = {},
) {
  return { model: MODEL, ...change, options: { ...OPTIONS, ...change.options } };
}

/** Its id. */
export function started(result: DeployResult): string {
  assert.ok(result.ok, JSON.stringify(result));
  return result.id;
}

export function isReady(id: string): boolean {
  const { phase, diagnosis } = server(id);
  assert.notEqual(phase, 'ended', JSON.stringify(diagnosis?.cause));
  return phase === 'ready';
}

export const ready = (id: string) => eventually(() => isReady(id), 'ready', START_MS);

export const ended = (id: string) =>
  eventually(() => server(id).phase === 'ended', 'its end', START_MS);

/** Engine and worker show some seconds after main; what is not recorded is not checked afterwards. */
export const familyRecorded = (id: string) =>
  eventually(() => (server(id).record?.seen.length ?? 0) >= 3, 'engine and worker recorded');

export function assertGone({ record, port }: Server): void {
  assert.ok(record);
  for (const { pid } of record.seen)
    assert.equal(isAlive(pid), false, `PID ${String(pid)} is gone`);
  assert.deepEqual(livingGroup(record.main.pid), [], 'its process group is empty');
  assert.ok(port > 0);
}

export async function assertPortFree(port: number): Promise<void> {
  await new Promise<void>((settle, reject) => {
    const probe = net.createServer().once('error', reject);
    probe.listen(port, '127.0.0.1', () => probe.close(() => settle()));
  });
}

/** No process, no port, no lock, no record of a launch. Call it before the server is taken off the list. */
export async function assertNothingLeft(id: string): Promise<void> {
  const { record, port, stillHeld } = server(id);
  assert.ok(record);
  // hung up together with its terminal it needs a moment
  await eventually(
    () => livingGroup(record.main.pid).length === 0 && !record.seen.some(({ pid }) => isAlive(pid)),
    'the end of all its processes',
    30_000,
  );
  assertGone(server(id));
  await assertPortFree(port);
  assert.equal(stillHeld, null);
  const storage = storageFolder();
  await eventually(
    () => !namesIn(path.join(storage, 'launches')).includes(`${id}.json`),
    'its record forgotten',
    30_000,
  );
  await eventually(
    () => !namesIn(path.join(storage, 'locks')).some((name) => name.endsWith('.held')),
    'its lock let go',
    10_000,
  );
}

function namesIn(folder: string): string[] {
  return fs.existsSync(folder) ? fs.readdirSync(folder) : [];
}

/** The extension's own, in the browser-hosted window or in the desktop's profile. */
function storageFolder(): string {
  const hosts = [
    path.join(path.dirname(process.env.TEST_HOST_SOCKET ?? '/'), 'server/data'),
    path.join(process.env.TEST_FOLDER ?? '', 'p'),
  ];
  const folders = hosts.map((host) => path.join(host, 'User/globalStorage/vram-pilot.vram-pilot'));
  const found = folders.find((folder) => fs.existsSync(folder));
  assert.ok(found, `no storage folder: ${folders.join(', ')}`);
  return found;
}

/** Reads a chat stream; `onFirst` is called with the first piece of the answer. */
export async function chat(one: Server, maxTokens: number, onFirst?: () => void): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${String(one.port)}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: one.servedModelName,
      messages: [{ role: 'user', content: 'hello' }],
      max_tokens: maxTokens,
      ignore_eos: true,
      stream: true,
    }),
  });
  assert.equal(response.status, 200);
  let text = '';
  for await (const piece of response.body!) {
    if (text === '') onFirst?.();
    text += Buffer.from(piece as Uint8Array).toString('utf8');
  }
  return text;
}
