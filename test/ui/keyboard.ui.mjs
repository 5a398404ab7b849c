// The main job without a mouse: every step is a key. GPU and vLLM are stand-ins.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { isAlive, livingGroup } from '../support/processes.mjs';
import {
  answerByKeys,
  commandByKeys,
  focusInPlanner,
  overwrite,
  pickByKeys,
  tabTo,
  valueBecomes,
} from './keys.mjs';
import { makeModel, mainOf } from './standInServers.mjs';
import { until } from './until.mjs';

export const window = 'folder';

export default async ({ ui, page, test }) => {
  const hand = { page };
  const press = (...keys) => ui.press(...keys);
  const openPlanner = async () => {
    await commandByKeys(hand, 'VRAM Pilot: Open Planner');
    await ui.plannerReady();
  };
  const deploy = async (name) => {
    const model = makeModel(name);
    await commandByKeys(hand, 'VRAM Pilot: Deploy Model…');
    await pickByKeys(hand, model, { typed: model, title: 'Model to deploy' });
    await pickByKeys(hand, 'Deploy', { title: model });
  };
  await ui.gauge('1.4/24.0 GiB');
  await commandByKeys(hand, 'View: Show VRAM Pilot');

  await test('deploys from the palette', async () => {
    await deploy('qwen3-4b');
    await ui.treeRow('Servers', 'ready · :');
    assert.ok(mainOf('qwen3-4b'), 'its process');
  });

  await test('stops it from the planner', async () => {
    const { pid } = mainOf('qwen3-4b');
    await openPlanner();
    await tabTo(hand, 'stop');
    await press('Enter');
    await until(() => livingGroup(pid).length === 0, 'its end');
    await ui.treeRow('Servers', 'stopped');
  });

  await test('goes through the planner in order: engine, model, share, context, Deploy', async () => {
    await openPlanner();
    await tabTo(hand, 'engine');
    const way = [
      ...(await tabTo(hand, 'model')),
      ...(await tabTo(hand, 'utilization')),
      ...(await tabTo(hand, 'context')),
      ...(await tabTo(hand, 'deploy')),
    ];
    assert.ok(!way.includes(null), `the focus stays in the page: ${way.join(' → ')}`);
    for (const name of ['preset-balanced', 'utilization-value', 'context-value', 'command'])
      assert.ok(way.includes(name), `${name} in ${way.join(' → ')}`);
    await press('Tab');
    await until(async () => (await focusInPlanner(hand)) === null, 'a way out of the page');
  });

  await test('sets model, share and context, and deploys', async () => {
    await openPlanner();
    await tabTo(hand, 'model');
    await overwrite(hand, makeModel('qwen3-keys'));
    await ui.plannerSays('verdict', 'Fits');
    await tabTo(hand, 'utilization');
    await press('Home', 'ArrowRight', 'ArrowRight', 'ArrowRight');
    await valueBecomes(hand, 'utilization-value', '0.65');
    await tabTo(hand, 'context-value');
    await overwrite(hand, '4k');
    await press('Enter');
    await ui.plannerSays('command', '--gpu-memory-utilization 0.65 --max-model-len 4096');
    await tabTo(hand, 'deploy');
    await press('Enter');
    await ui.treeRow('Servers', 'ready · :');
    assert.match(mainOf('qwen3-keys').command, /--gpu-memory-utilization 0\.65 /);
  });

  await test('takes a preset', async () => {
    await openPlanner();
    await tabTo(hand, 'preset-conservative');
    await press('Space');
    await valueBecomes(hand, 'utilization-value', '0.60');
    assert.equal(await focusInPlanner(hand), 'preset-conservative');
  });

  await test('applies advice, and takes it back', async () => {
    await tabTo(hand, 'utilization');
    await press('End');
    await ui.plannerSays('verdict', 'Does not fit');
    const before = await ui.plannerText('command');
    await tabTo(hand, 'apply');
    await press('Enter');
    await until(async () => (await ui.plannerText('command')) !== before, 'another command');
    // the focus is not lost with the row that goes away
    await until(async () => (await focusInPlanner(hand)) !== null, 'the focus in the page');
    if ((await focusInPlanner(hand)) !== 'undo') await tabTo(hand, 'undo');
    await press('Enter');
    await until(async () => (await ui.plannerText('command')) === before, 'the command as it was');
    assert.notEqual(await focusInPlanner(hand), null);
  });

  await test('switches the engine: the slider goes, and comes back with its value', async () => {
    await openPlanner();
    await tabTo(hand, 'utilization');
    await press('Home', 'ArrowRight', 'ArrowRight');
    await valueBecomes(hand, 'utilization-value', '0.60');
    await tabTo(hand, 'engine', { key: 'Shift+Tab' });
    await press('ArrowDown');
    await until(async () => (await ui.plannerCount('utilization')) === 0, 'no slider for Ollama');
    assert.equal(await focusInPlanner(hand), 'engine');
    await press('ArrowUp');
    await until(async () => (await ui.plannerCount('utilization')) > 0, 'the slider');
    await valueBecomes(hand, 'utilization-value', '0.60');
  });

  await test('finds its value again after a restart of the window', async () => {
    await tabTo(hand, 'utilization');
    await press('Home', ...Array.from({ length: 6 }, () => 'ArrowRight'));
    await valueBecomes(hand, 'utilization-value', '0.80');
    const loaded = page.waitForEvent('load', { timeout: 120_000 });
    await Promise.all([loaded, commandByKeys(hand, 'Developer: Reload Window')]);
    await ui.gauge('/24.0 GiB');
    await ui.plannerReady();
    await valueBecomes(hand, 'utilization-value', '0.80');
    await ui.treeRow('Servers', 'ready · :');
  });

  await test('stops all servers', async () => {
    await commandByKeys(hand, 'VRAM Pilot: Stop All Servers');
    await ui.dialogText();
    await answerByKeys(hand, 'Stop All');
    await until(() => mainOf('qwen3-keys') === undefined, 'its end');
    await ui.gauge('1.4/24.0 GiB');
  });

  await test('changes a setting, and the planner follows', async () => {
    await commandByKeys(hand, 'Preferences: Open Workspace Settings');
    await page.locator('.settings-editor .suggest-input-container').waitFor();
    await page.keyboard.type('vramPilot.planner.headroomMiB');
    // before that the list is drawn anew
    await page.getByText('1 Setting Found').first().waitFor();
    await page.locator('.setting-item-contents', { hasText: 'Headroom' }).first().waitFor();
    const inField = () =>
      page.evaluate(
        () =>
          document.activeElement?.closest('.setting-item-contents')?.textContent.includes('MiB') ===
            true && document.activeElement.localName === 'input',
      );
    // from the search into the list, and there from the row to its control
    await press('ArrowDown');
    for (const key of ['Enter', 'Tab', 'Tab', 'Tab', 'Tab'])
      if (!(await inField())) await press(key);
    assert.ok(await inField(), 'the field of the setting has the focus');
    await overwrite(hand, '2048');
    await press('Tab');
    // VS Code saves a moment later, and not at all once its editor is closed
    const file = path.join(process.env.TEST_WORKSPACE, '.vscode/settings.json');
    await until(
      () => fs.existsSync(file) && fs.readFileSync(file, 'utf8').includes('2048'),
      'it saved',
    );
    await press('Escape');
    await openPlanner();
    await ui.plannerSays('memory-bar', 'Kept clear 2.00');
  });

  await test('ends what a killed server left', async () => {
    await deploy('qwen3-clings');
    await ui.treeRow('Servers', 'ready · :');
    await ui.treeRow('GPUs', 'our server');
    const { pid } = mainOf('qwen3-clings');
    process.kill(pid, 'SIGKILL');
    await ui.treeRow('GPUs', 'orphaned worker');
    const engine = livingGroup(pid).find(({ command }) => command.startsWith('VLLM::EngineCore'));
    await commandByKeys(hand, 'VRAM Pilot: Clean Up Zombie Processes…');
    await until(
      async () => (await ui.pickEntries()).some((entry) => entry.includes(`PID ${engine.pid}`)),
      'the leftover in the list',
    );
    await press('Enter');
    assert.match(await ui.dialogText(), new RegExp(`PID ${engine.pid}`));
    await answerByKeys(hand, 'End Process');
    await until(() => !isAlive(engine.pid), 'its end');
  });
};
