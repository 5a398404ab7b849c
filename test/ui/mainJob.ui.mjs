// The main job as a person does it, driven from outside the window: so dialogs show, and a reload doesn't end the test.
// GPU and vLLM are stand-ins; the same with a real vLLM is mainJob.engines.test.ts and cleanUp.engines.ui.mjs.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, livingGroup } from '../support/processes.mjs';
import { makeModel, mainOf } from './standInServers.mjs';
import { until } from './until.mjs';

export const window = 'folder';

async function choose(ui, model) {
  await ui.runCommand('VRAM Pilot: Deploy Model…');
  await ui.pick('Choose a Folder');
  await ui.chooseFolder(model, 'Use This Model');
}

export default async ({ ui, test }) => {
  await ui.gauge('1.4/24.0 GiB');
  await ui.openSideBar();
  let main;
  let stoppedAt = 0;

  await test('plans a model chosen in the palette, and deploys it from the panel', async () => {
    await choose(ui, makeModel('qwen3-4b'));
    await ui.pick('Adjust in the Planner');
    await ui.plannerReady();
    await ui.plannerSays('verdict', 'Fits');
    await ui.screenshot('planner');
    await ui.plannerClick('deploy');
    await ui.treeRow('Servers', 'ready · :');
    main = mainOf('qwen3-4b')?.pid;
    assert.ok(main, 'its process');
    await ui.treeRow('GPUs', 'our server');
    await ui.screenshot('servers');
  });

  await test('finds the server again after a reload of the window, the same process', async () => {
    await ui.reloadWindow();
    await ui.gauge('/24.0 GiB');
    await ui.openSideBar();
    await ui.treeRow('Servers', 'ready · :');
    assert.equal(mainOf('qwen3-4b')?.pid, main);
    await ui.treeRow('GPUs', 'our server');
    await ui.plannerReady();
    assert.match(await ui.plannerValue('model'), /qwen3-4b$/, 'the panel keeps its wish');
  });

  await test('stops it from the tree, and nothing of it is left', async () => {
    await ui.treeAction('Servers', 'qwen3-4b', 'Stop Server');
    await ui.treeRow('Servers', 'stopped');
    await until(() => !isAlive(main), 'its end');
    assert.deepEqual(livingGroup(main), []);
    await ui.gauge('1.4/24.0 GiB');
    stoppedAt = performance.now();
  });

  await test('ends what a killed server left, after a confirmation', async () => {
    await choose(ui, makeModel('qwen3-clings'));
    await ui.pick('Deploy');
    await ui.treeRow('Servers', 'ready · :');
    await ui.treeRow('GPUs', 'our server');
    const killed = mainOf('qwen3-clings')?.pid;
    process.kill(killed, 'SIGKILL');
    await ui.treeRow('GPUs', 'orphaned worker');
    const engine = livingGroup(killed).find(({ command }) =>
      command.startsWith('VLLM::EngineCore'),
    );
    await ui.runCommand('VRAM Pilot: Clean Up Zombie Processes…');
    await until(
      async () => (await ui.pickEntries()).some((entry) => entry.includes(`PID ${engine.pid}`)),
      'the leftover in the list',
    );
    await ui.screenshot('cleanup');
    await ui.press('Enter');
    assert.match(await ui.dialogText(), new RegExp(`PID ${engine.pid}`));
    await ui.screenshot('cleanup-dialog');
    await ui.clickDialogButton('End Process');
    await until(() => !isAlive(engine.pid), 'its end');
    await ui.gauge('1.4/24.0 GiB');
    await ui.notification('came back');
  });

  await test('has not started anew what was stopped right after a reload', async () => {
    // some seconds after a reload VS Code asks for the tasks it remembers, and would run this one again
    await sleep(Math.max(0, stoppedAt + 6_000 - performance.now()));
    assert.equal(mainOf('qwen3-4b'), undefined);
  });

  await test('stops all servers after one question', async () => {
    await choose(ui, makeModel('qwen3-4b'));
    await ui.pick('Deploy');
    await ui.treeRow('Servers', 'ready · :');
    const running = mainOf('qwen3-4b')?.pid;
    await ui.runCommand('VRAM Pilot: Stop All Servers');
    assert.match(await ui.dialogText(), /Stop 1 server\?[\s\S]*qwen3-4b: ready/);
    await ui.screenshot('stop-all');
    await ui.clickDialogButton('Stop All');
    await until(() => !isAlive(running), 'its end');
    assert.equal(mainOf('qwen3-4b'), undefined);
  });
};
