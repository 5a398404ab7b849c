// A look at the product without a GPU: a simulated card and server, and every place that shows them says so.
import fs from 'node:fs';
import path from 'node:path';
import assert from 'node:assert/strict';

export const window = 'folder';

export default async ({ ui, test }) => {
  await ui.gauge('1.4/24.0 GiB');
  const folder = path.join(process.env.TEST_WORKSPACE, '.vscode');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'settings.json'), '{ "vramPilot.simulate": true }');

  await test('says in gauge and tree that the GPU is simulated', async () => {
    await ui.gauge('1.2/24.0 GiB · simulated');
    assert.match(await ui.gaugeHover(), /Simulated GPU/);
    await ui.openSideBar();
    await ui.treeRow('GPUs', '(simulated)');
  });

  await test('starts a simulated server, and stops it', async () => {
    await ui.runCommand('VRAM Pilot: Deploy Model…');
    await ui.pick('Qwen3'.toLowerCase());
    await ui.pick('Deploy');
    await ui.treeRow('Servers', '(simulated)ready · :');
    await ui.gauge('17.7/24.0 GiB · simulated');
    await ui.runCommand('VRAM Pilot: Open Planner');
    await ui.plannerReady();
    await ui.screenshot('simulated');
    await ui.treeAction('Servers', '(simulated)', 'Stop Server');
    await ui.treeRow('Servers', 'stopped');
    await ui.gauge('1.2/24.0 GiB · simulated');
  });
};
