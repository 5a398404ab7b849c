// The four standard themes in the real window: axe on the planner with VS Code's own colours, pictures of every surface,
// and whether test/support/pageThemes.json still says what VS Code says.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { out } from '../scripts/paths.mjs';
import { themes } from '../support/pagePreview.mjs';
import { livingGroup } from '../support/processes.mjs';
import { graveViolations, runAxe, tally } from './pageAxe.mjs';
import { makeModel, mainOf } from './standInServers.mjs';
import { until } from './until.mjs';
import { readTheme, setTheme } from './windowTheme.mjs';

export const window = 'folder';

async function deploy(ui, name) {
  await ui.runCommand('VRAM Pilot: Deploy Model…');
  await ui.typeInBox(makeModel(name));
  await ui.pick('Deploy');
}

/** One server that runs, one that failed, and what a killed one left. */
async function makeScene(ui) {
  await ui.gauge('1.4/24.0 GiB');
  await ui.openSideBar();
  await deploy(ui, 'qwen3-clings');
  await ui.treeRow('Servers', 'ready · :');
  await ui.treeRow('GPUs', 'our server');
  const { pid } = mainOf('qwen3-clings');
  process.kill(pid, 'SIGKILL');
  await ui.treeRow('GPUs', 'orphaned worker');
  await deploy(ui, 'qwen3-fails-kv');
  await ui.treeRow('Servers', 'failed: ');
  await deploy(ui, 'qwen3-4b');
  await ui.treeRow('Servers', 'ready · :');
  await ui.runCommand('VRAM Pilot: Open Planner');
  await ui.plannerReady();
  return { orphans: () => livingGroup(pid) };
}

const surfaces = {
  planner: async ({ ui }) => {
    await ui.runCommand('VRAM Pilot: Open Planner');
    await ui.plannerReady();
  },
  hover: async ({ page }) => {
    await page.locator('.statusbar-item[id*="vramPilot.gauge"] a').first().hover();
    await page.locator('.monaco-hover:visible', { hasText: 'Open Planner' }).waitFor();
  },
  'deploy-pick': async ({ ui }) => {
    await ui.runCommand('VRAM Pilot: Deploy Model…');
    await ui.pickEntries();
  },
  'deploy-plan': async ({ ui, page }) => {
    // a page that has just been drawn may have taken the focus, and so closed the list
    if (!(await page.locator('.quick-input-widget').isVisible()))
      await ui.runCommand('VRAM Pilot: Deploy Model…');
    await ui.typeInBox(makeModel('qwen3-4b'));
    await until(
      async () => (await ui.pickEntries()).some((entry) => entry.includes('Adjust in the Planner')),
      'the plan',
    );
  },
  cleanup: async ({ ui, page }) => {
    await page.keyboard.press('Escape');
    await ui.runCommand('VRAM Pilot: Clean Up Zombie Processes…');
    await until(
      async () => (await ui.pickEntries()).some((entry) => entry.includes('PID')),
      'the leftover in the list',
    );
  },
  'cleanup-dialog': async ({ ui }) => {
    await ui.press('Enter');
    await ui.dialogText();
  },
  explanation: async ({ ui, page }) => {
    await page.keyboard.press('Escape');
    await ui.runCommand('VRAM Pilot: Explain Last Failure');
    await ui.editorShows('Corrected launch');
  },
};

export default async ({ ui, page, test }) => {
  const hand = { page, ui };
  const scene = await makeScene(ui);
  const seen = {};
  const table = {};

  await test('gauge and trees are spoken with stage, GiB and class', async () => {
    const { label } = await ui.gauge();
    assert.match(label, /GPU 0: [\d.]+ GiB of 24\.0 GiB used/);
    const spoken = async (view) => (await ui.treeRows(view)).map((row) => row.label).join('\n');
    assert.match(await spoken('Servers'), /qwen3-4b, ready · :\d+ · [\d.]+ GiB/);
    assert.match(await spoken('GPUs'), /orphaned worker, [\d.]+ GiB, .*PID \d+/);
  });

  for (const [name, theme] of Object.entries(themes)) {
    await test(`${theme.id}: no serious or critical violation on the planner`, async () => {
      await surfaces.planner(hand);
      await setTheme(hand, theme);
      seen[name] = await readTheme(hand);
      await ui.screenshot(`theme-${name}-planner`);
      // high enough for all of it: what lies under the launch bar has no colour axe could judge
      await ui.resize(1600, 4000);
      const frame = await ui.plannerFrame();
      await frame.waitForFunction(() => innerHeight > 3000);
      await ui.screenshot(`theme-${name}-whole`);
      const result = await runAxe(frame);
      await ui.resize(1280, 800);
      table[theme.id] = { axe: tally(result) };
      assert.deepEqual(graveViolations(result), []);
    });

    await test(`${theme.id}: pictures of every surface`, async () => {
      for (const [surface, show] of Object.entries(surfaces)) {
        await show(hand);
        await ui.screenshot(`theme-${name}-${surface}`);
      }
      await page.keyboard.press('Escape');
    });
  }
  console.log('    critical/serious/moderate/minor, rules passed, rules axe could not decide');
  console.table(table);

  await test('the previews hold the colours of VS Code', () => {
    fs.writeFileSync(path.join(out, 'pageThemes.json'), `${JSON.stringify(seen, null, 2)}\n`);
    assert.deepEqual(themes, seen, 'copy out/pageThemes.json to test/support/pageThemes.json');
  });

  await test('leaves nothing behind', async () => {
    for (const orphan of scene.orphans()) process.kill(orphan.pid, 'SIGKILL');
    const { pid } = mainOf('qwen3-4b');
    await ui.treeAction('Servers', 'qwen3-4b', 'Stop Server');
    await until(() => livingGroup(pid).length === 0, 'its end');
  });
};
