// From a failed start to a corrected one, as a person sees it: the notification, the tree, the page, the explanation.
// GPU and vLLM are stand-ins; the same without dialogs is correctedLaunch.folder.test.ts.
import assert from 'node:assert/strict';
import { livingGroup } from '../support/processes.mjs';
import { makeModel, mainOf } from './standInServers.mjs';
import { until } from './until.mjs';

export const window = 'folder';

async function fail(ui, name) {
  await ui.runCommand('VRAM Pilot: Deploy Model…');
  await ui.pick('Choose a Folder');
  await ui.chooseFolder(makeModel(name), 'Use This Model');
  await ui.pick('Deploy');
  await ui.treeRow('Servers', 'failed: ');
}

export default async ({ ui, test }) => {
  await ui.gauge('1.4/24.0 GiB');
  await ui.openSideBar();

  await test('a failed start says its cause, with evidence and one launch to try', async () => {
    await fail(ui, 'qwen3-small-kv');
    await ui.treeRow('Servers', '--max-model-len 8192 → 4096');
    await ui.treeRow('Servers', 'max seq len');
    await ui.screenshot('corrected-1-failed');
  });

  await test('explains it, and leads from the evidence into the output', async () => {
    await ui.notification('failed: ', 'Explain');
    await ui.editorShows('Corrected launch');
    await ui.screenshot('corrected-2-explained');
    await ui.clickTreeRow('Servers', 'max seq len');
    await ui.screenshot('corrected-3-output');
  });

  await test('shows the change and its arithmetic on the page', async () => {
    await ui.runCommand('VRAM Pilot: Open Planner');
    await ui.plannerReady();
    await ui.plannerSays('start-corrected-diff', '--max-model-len 8192 → 4096');
    await ui.screenshot('corrected-4-page');
  });

  await test('starts it from the tree after a confirmation', async () => {
    await ui.treeAction('Servers', 'qwen3-small-kv', 'Start Corrected Launch');
    const dialog = await ui.dialogText();
    assert.match(dialog, /--max-model-len 8192 → 4096/);
    assert.match(dialog, /GiB of/);
    await ui.screenshot('corrected-5-dialog');
    await ui.clickDialogButton('Start');
    await ui.treeRow('Servers', 'ready · :');
    assert.match(mainOf('qwen3-small-kv')?.command ?? '', /--max-model-len 4096/);
    await ui.screenshot('corrected-6-ready');
  });

  await test('stops it, and nothing of it is left', async () => {
    const { pid } = mainOf('qwen3-small-kv');
    await ui.treeAction('Servers', 'qwen3-small-kv', 'Stop Server');
    await ui.treeRow('Servers', 'stopped');
    await until(() => livingGroup(pid).length === 0, 'its end');
    await ui.gauge('1.4/24.0 GiB');
    await ui.screenshot('corrected-7-stopped');
  });

  await test('starts one from the page, which has shown it', async () => {
    await fail(ui, 'qwen3-page-small-kv');
    await ui.plannerSays('start-corrected-diff', '--max-model-len 8192 → 4096');
    await ui.plannerClick('start-corrected');
    await ui.treeRow('Servers', 'ready · :');
    await ui.screenshot('corrected-8-from-the-page');
    await ui.treeAction('Servers', 'qwen3-page-small-kv', 'Stop Server');
    await until(() => mainOf('qwen3-page-small-kv') === undefined, 'its end');
  });
};
