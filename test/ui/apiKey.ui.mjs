// A vLLM that other machines can reach: asked about first, closed by a key, which outlives a reload of the window.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { freePort, makeModel, mainOf } from './standInServers.mjs';
import { until } from './until.mjs';

export const window = 'folder';

async function copiedKey(ui) {
  await ui.runCommand('VRAM Pilot: Copy API Key');
  let key = '';
  await until(async () => (key = await ui.clipboard()).startsWith('sk-'), 'a key in the clipboard');
  return key;
}

export default async ({ ui, test }) => {
  const model = makeModel('qwen3-open');
  const port = await freePort();
  const profile = {
    name: 'open',
    engine: 'vllm',
    model,
    options: {},
    extraArguments: ['--host', '0.0.0.0'],
    port,
  };
  const file = path.join(process.env.TEST_WORKSPACE, '.vscode/vram-pilot.profiles.json');
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, JSON.stringify({ version: 1, profiles: [profile] }));
  await ui.gauge('/24.0 GiB');
  await ui.openSideBar();
  await ui.runCommand('VRAM Pilot: Refresh');
  let key;

  await test('asks before it opens a server to others, and gives it a key', async () => {
    await ui.treeAction('Profiles', 'open', 'Deploy Profile');
    assert.match(await ui.dialogText(), /Open this server to other machines\?[\s\S]*API key/);
    await ui.screenshot('open-to-network');
    await ui.clickDialogButton('Deploy Anyway');
    await ui.treeRow('Servers', `ready · :${port}`);
    key = await copiedKey(ui);
    const models = (headers = {}) => fetch(`http://127.0.0.1:${port}/v1/models`, { headers });
    assert.equal((await models()).status, 401);
    assert.equal((await models({ authorization: `Bearer ${key}` })).status, 200);
    assert.ok(!mainOf('qwen3-open').command.includes(key), 'not on its command line');
  });

  await test('finds the key again after a reload of the window', async () => {
    await ui.reloadWindow();
    await ui.gauge('/24.0 GiB');
    await ui.openSideBar();
    await ui.treeRow('Servers', `ready · :${port}`);
    await ui.runCommand('VRAM Pilot: Copy curl Command');
    await until(async () => (await ui.clipboard()).includes('$VLLM_API_KEY'), 'a curl command');
    assert.ok(!(await ui.clipboard()).includes(key));
    assert.equal(await copiedKey(ui), key);
    await ui.runCommand('VRAM Pilot: Send Test Prompt');
    await ui.notification('hello from the stand-in');
  });

  await test('stops it', async () => {
    await ui.treeAction('Servers', 'qwen3-open', 'Stop Server');
    await ui.treeRow('Servers', 'stopped');
  });
};
