// What a killed API server of a real vLLM leaves behind is found, ended, and nothing else.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineEnvironment } from '../engines/install.mjs';
import { isAlive, livingGroup } from '../support/processes.mjs';
import { until } from './until.mjs';

export const window = 'engines';

const PORT = 18_431;
const START_MS = 180_000;

/** Its own group, no terminal: as a server from a service or under nohup, whose engine outlives it. */
function startVllm() {
  const { VRAM_PILOT_TEST_VLLM: vllm, VRAM_PILOT_TEST_MODELS: models } = process.env;
  const model = path.join(models, 'tiny-qwen3');
  const args = ['serve', model, '--host', '127.0.0.1', '--port', String(PORT)];
  const small = [
    '--max-model-len',
    '256',
    '--enforce-eager',
    '--kv-cache-memory-bytes',
    '16777216',
  ];
  const env = { ...process.env, ...engineEnvironment };
  return spawn(path.join(vllm, 'bin/vllm'), [...args, ...small], {
    detached: true,
    stdio: 'ignore',
    env,
  });
}

const answers = () =>
  fetch(`http://127.0.0.1:${PORT}/health`).then(
    ({ status }) => status === 200,
    () => false,
  );

export default async ({ ui, test }) => {
  await test('finds and ends the orphans of a killed API server, and nothing else', async () => {
    const { pid } = startVllm();
    await until(answers, 'vLLM ready', START_MS);
    await ui.openSideBar();
    await ui.treeRow('GPUs', 'other program');
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(pid), 'the end of its API server');
    const left = livingGroup(pid);
    const engine = left.find(({ command }) => command.startsWith('VLLM::EngineCore'));
    assert.ok(
      engine && left.length >= 3,
      `engine, worker and tracker are left: ${JSON.stringify(left)}`,
    );
    // a stranger younger than a minute might be a start in progress
    await sleep(60_000);
    await ui.treeRow('GPUs', 'orphaned worker');
    await ui.runCommand('VRAM Pilot: Clean Up Zombie Processes…');
    const entries = await until(async () => {
      const rows = (await ui.pickEntries()).filter((entry) => entry.includes('PID'));
      return rows.length > 0 && rows;
    }, 'the leftover in the list');
    const offered = entries.flatMap((entry) => /PID (\d+)/.exec(entry)?.[1] ?? []).map(Number);
    assert.ok(offered.includes(engine.pid));
    for (const one of offered)
      assert.ok(
        left.some((row) => row.pid === one),
        entries.join('\n'),
      );
    await ui.press('Enter');
    await ui.screenshot('engines-cleanup');
    await ui.clickDialogButton('End');
    await until(() => livingGroup(pid).length === 0, 'everything of it gone', 30_000);
  });
};
