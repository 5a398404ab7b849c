// A ready server tried and measured from outside the window, where messages and documents show; vLLM is a stand-in.
import assert from 'node:assert/strict';
import { makeModel } from './standInServers.mjs';

export const window = 'folder';

export default async ({ ui, test }) => {
  await ui.gauge('/24.0 GiB');
  await ui.openSideBar();

  await test('explains the plan of a model before it is started', async () => {
    await ui.runCommand('VRAM Pilot: Deploy Model…');
    await ui.pick('Choose a Folder');
    await ui.chooseFolder(makeModel('qwen3-4b'), 'Use This Model');
    await ui.pick('Adjust in the Planner');
    await ui.plannerReady();
    await ui.runCommand('VRAM Pilot: Explain This Plan');
    await ui.editorShows('Analysis:');
    await ui.screenshot('plan-report');
  });

  await test('sends a test prompt, and goes on to a short load from its answer', async () => {
    await ui.runCommand('VRAM Pilot: Deploy Model…');
    await ui.pick('Choose a Folder');
    await ui.chooseFolder(makeModel('qwen3-4b'), 'Use This Model');
    await ui.pick('Deploy');
    await ui.treeRow('Servers', 'ready · :');
    await ui.runCommand('VRAM Pilot: Send Test Prompt');
    const answer = await ui.notification('tokens/s', 'Run Short Load…');
    assert.match(answer, /“hello from the stand-in” 4 tokens, the first after \d\.\d\d s/);
    await ui.screenshot('short-load-running');
    await ui.editorShows('one after another');
    await ui.screenshot('short-load');
  });

  await test('stops it', async () => {
    await ui.treeAction('Servers', 'qwen3-4b', 'Stop Server');
    await ui.treeRow('Servers', 'stopped');
  });

  await test('says that the server has ended when its notice is answered too late', async () => {
    await ui.notification('is ready at', 'Copy URL');
    const said = await ui.notification('is no longer ready');
    await ui.screenshot('no-longer-ready');
    assert.match(said, /stopped/);
  });
};
