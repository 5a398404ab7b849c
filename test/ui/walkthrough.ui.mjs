// "Get Started with VRAM Pilot" with the keyboard: each step is completed by what is really done, and by nothing less.
import assert from 'node:assert/strict';
import { settle } from './settle.mjs';
import { makeModel } from './standInServers.mjs';
import { until } from './until.mjs';

export const window = 'folder';

/** A step takes the focus once more 250 ms after it unfolds; a list that opens sooner than that is closed by it. */
const SETTLED_MS = 500;
const STEPS = ['gpu', 'plan', 'deploy', 'use', 'cleanUp'];

export default async ({ page, ui, test }) => {
  const checkbox = (step) => page.locator(`[data-done-step-id$="#${step}"]`).first();
  const isDone = async (step) => (await checkbox(step).getAttribute('aria-checked')) === 'true';
  const done = (step) => until(() => isDone(step), `the end of step ${step}`);
  const doneSteps = async () => {
    const found = await Promise.all(STEPS.map(async (step) => ((await isDone(step)) ? step : '')));
    return found.filter((step) => step !== '');
  };

  async function open() {
    await ui.runCommand('Welcome: Open Walkthrough...');
    await ui.pick('Get Started with VRAM Pilot');
    await checkbox('gpu').waitFor();
    await settle(page, SETTLED_MS);
  }

  /** Opens a step and presses its button, both with Enter. */
  async function press(step, label) {
    const row = page.locator(`[data-step-id$="#${step}"]`).first();
    const button = page.locator('.getting-started-step.expanded .monaco-button', {
      hasText: label,
    });
    // a step that was done unfolds the next one by itself, and Enter on that would fold it again
    await until(async () => {
      await settle(page, SETTLED_MS);
      if (await button.isVisible()) return true;
      await row.press('Enter');
      return false;
    }, `step ${step} unfolded`);
    await row.focus();
    await until(async () => {
      await page.keyboard.press('Tab');
      return button.evaluate((element) => element.contains(element.ownerDocument.activeElement));
    }, `the focus on ${label}`);
    // held as long as a finger holds it: let go before the list is up, the step hears it and takes the focus back
    await page.keyboard.press('Enter', { delay: 400 });
  }

  await ui.gauge('/24.0 GiB');
  // wide enough for the pictures beside the steps
  await ui.resize(1600, 900);
  await open();

  await test('begins with nothing done, and draws its picture in the colours of the theme', async () => {
    assert.deepEqual(await doneSteps(), []);
    await ui.screenshot('walkthrough');
  });

  await test('see your GPU: done when the GPUs view shows', async () => {
    await press('gpu', 'Show GPUs');
    await done('gpu');
    assert.deepEqual(await doneSteps(), ['gpu']);
  });

  await test('plan a model: done with the first plan, not with the open planner', async () => {
    await press('plan', 'Open Planner');
    await ui.plannerReady();
    await ui.plannerFill('model', makeModel('qwen3-4b'));
    await ui.plannerSays('verdict', 'Fits');
    await open();
    await done('plan');
    assert.deepEqual(await doneSteps(), ['gpu', 'plan']);
  });

  await test('deploy it: done when the server is ready', async () => {
    await press('deploy', 'Deploy a Model');
    await ui.pick('qwen3-4b');
    await ui.pick('Deploy');
    await ui.openSideBar();
    await ui.treeRow('Servers', 'ready · :');
    await open();
    await done('deploy');
    assert.deepEqual(await doneSteps(), ['gpu', 'plan', 'deploy']);
  });

  await test('use it: done when the model has answered', async () => {
    await press('use', 'Send Test Prompt');
    await ui.notification('hello from the stand-in');
    await done('use');
    await ui.screenshot('walkthrough-use');
  });

  await test('clean up: done when it was looked for', async () => {
    await press('cleanUp', 'Clean Up…');
    await done('cleanUp');
    await ui.press('Escape');
    assert.deepEqual(await doneSteps(), STEPS);
    await ui.treeAction('Servers', 'qwen3-4b', 'Stop Server');
    await ui.treeRow('Servers', 'stopped');
  });

  await test('opens from the link in the empty Servers view', async () => {
    await ui.runCommand('View: Close All Editors');
    await ui.treeAction('Servers', 'qwen3-4b', 'Remove from List');
    await page.locator('.welcome-view-content a', { hasText: 'Get started' }).click();
    await checkbox('gpu').waitFor();
    assert.deepEqual(await doneSteps(), STEPS);
  });
};
