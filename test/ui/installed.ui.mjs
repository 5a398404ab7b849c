// The packed extension, installed from its file into a fresh VS Code: the main job, and a restart of VS Code, whose
// profile is kept. Quitting VS Code hangs up its terminals: what ends of it and what lives on is shown as it is.
import assert from 'node:assert/strict';
import { isAlive } from '../support/processes.mjs';
import { makeModel, mainOf } from './standInServers.mjs';
import { until } from './until.mjs';

export const window = 'folder';
export const fromPackage = true;

async function deploy(ui, name) {
  await ui.runCommand('VRAM Pilot: Deploy Model…');
  await ui.pick('Choose a Folder');
  await ui.chooseFolder(makeModel(name), 'Use This Model');
  await ui.pick('Deploy');
  await ui.treeRow('Servers', 'ready · :');
  return mainOf(name).pid;
}

export default async ({ ui, test }) => {
  let main;

  await test('is installed from the file and shows the GPU', async () => {
    await ui.gauge('1.4/24.0 GiB');
    await ui.runCommand('Extensions: Show Installed Extensions');
    await until(async () => (await ui.extensionNames()).includes('VRAM Pilot'), 'its entry');
    await ui.screenshot('installed');
  });

  await test('deploys, uses and stops a server', async () => {
    await ui.openSideBar();
    main = await deploy(ui, 'qwen3-4b');
    await ui.treeRow('GPUs', 'our server');
    await ui.runCommand('VRAM Pilot: Send Test Prompt');
    await ui.notification('tokens');
    await ui.treeAction('Servers', 'qwen3-4b', 'Stop Server');
    await ui.treeRow('Servers', 'stopped');
    await until(() => !isAlive(main), 'its end');
  });

  await test('after a restart of VS Code a server that ended with its terminal is not shown as running', async () => {
    main = await deploy(ui, 'qwen3-other');
    await ui.restartVsCode();
    await until(() => !isAlive(main), 'its end');
    await ui.gauge('1.4/24.0 GiB');
    await ui.openSideBar();
    const rows = await ui.treeRows('Servers');
    assert.deepEqual(
      rows.filter(({ text }) => /ready|starting/.test(text)),
      [],
      JSON.stringify(rows),
    );
  });

  await test('after a restart of VS Code a server that outlived its terminal is found again', async () => {
    main = await deploy(ui, 'qwen3-outlives');
    await ui.restartVsCode();
    assert.equal(isAlive(main), true, 'it lives');
    await ui.gauge('/24.0 GiB');
    await ui.openSideBar();
    await ui.treeRow('Servers', 'ready · :');
    assert.equal(mainOf('qwen3-outlives')?.pid, main, 'and was not started again');
    await ui.screenshot('restarted');
    await ui.treeAction('Servers', 'qwen3-outlives', 'Stop Server');
    await ui.treeRow('Servers', 'stopped');
    await until(() => !isAlive(main), 'its end');
  });
};
