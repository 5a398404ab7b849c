// The memory that nobody holds: two cards with all kinds of holders, the notice about what a killed server left, the list
// that says of each holder what to do, and the row's own button. From outside the window, so that dialogs show.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { openFakeGpu } from '../support/fakeGpu.mjs';
import { startGpuCompany } from '../support/gpuCompany.mjs';
import { isAlive, livingGroup } from '../support/processes.mjs';
import { makeModel, mainOf } from './standInServers.mjs';
import { until } from './until.mjs';

export const window = 'folder';

const NOTICE = 'of a server that is gone';
/** A server that ends takes its processes along within fifteen seconds; then they are left over, and that is said. */
const QUIET_MS = 18_000;

async function deploy(ui, name) {
  await ui.runCommand('VRAM Pilot: Deploy Model…');
  await ui.typeInBox(makeModel(name));
  await ui.pick('Deploy');
  await until(() => mainOf(name), `the process of ${name}`);
  await ui.treeRow('Servers', 'ready · :');
}

/** The server dies and leaves its engine; the engine. */
async function orphan(ui, name) {
  const { pid } = mainOf(name);
  await ui.treeRow('GPUs', 'our server');
  process.kill(pid, 'SIGKILL');
  await ui.treeRow('GPUs', 'orphaned worker');
  return livingGroup(pid).find(({ command }) => command.startsWith('VLLM::EngineCore')).pid;
}

/** All of them, also those whose toast is gone. */
async function notices(page) {
  const centre = page.locator('.notifications-center');
  const bell = page.locator('[id="status.notifications"] a');
  if (!(await centre.isVisible())) await bell.click();
  await centre.waitFor();
  const texts = await centre.locator('.notification-list-item-message').allInnerTexts();
  return texts.filter((text) => text.includes(NOTICE));
}

export default async ({ ui, page, test }) => {
  const gpu = openFakeGpu(process.env.TEST_FOLDER);
  const company = startGpuCompany(process.env.TEST_FOLDER);
  const [card] = gpu.state().gpus;
  gpu.setState({
    gpus: [
      { ...card, usedMiB: 2048, temperatureC: 52, utilization: 7 },
      {
        name: 'NVIDIA RTX 6000 Ada Generation',
        totalMiB: 49140,
        usedMiB: 16384,
        reservedMiB: 600,
        temperatureC: 61,
        utilization: 98,
      },
    ],
    processes: company.rows,
  });
  await ui.gauge('16.0/48.0');
  await ui.openSideBar();
  let engine;
  let answeredAt = 0;

  await test('tells each holder of two cards apart', async () => {
    await deploy(ui, 'qwen3-clings');
    engine = await orphan(ui, 'qwen3-clings');
    await deploy(ui, 'qwen3-4b');
    await ui.treeRow('GPUs', 'our server');
    await ui.treeRow('GPUs', 'notebook');
    await ui.treeRow('GPUs', 'display');
    await ui.treeRow('GPUs', 'other program');
    await ui.screenshot('gpus-tree');
  });

  await test('says once that a server left something, and offers the list', async () => {
    await until(async () => (await notices(page)).length === 1, 'the notice');
    await ui.screenshot('orphan-notice');
    await ui.notification(NOTICE, 'Clean Up');
    answeredAt = performance.now();
    const entries = await until(async () => {
      const rows = await ui.pickEntries();
      return rows.some((row) => row.includes(`PID ${engine}`)) && rows;
    }, 'the list');
    const text = entries.join('\n');
    assert.match(text, /Restart the kernel/);
    assert.match(text, /Leave it alone: the screen needs it/);
    assert.match(text, /Stop it where it was started/);
    assert.match(text, /Stop the server in the Servers view/);
    await ui.screenshot('cleanup-list');
    await ui.press('Escape');
    assert.ok(isAlive(engine), 'nothing is ended without a yes');
  });

  await test('says more where one points at the gauge', async () => {
    const hover = page.locator('.monaco-hover:visible').last();
    await until(
      async () => {
        await page.mouse.move(640, 300);
        await page.locator('.statusbar-item[id*="vramPilot.gauge"] a').first().hover();
        await hover.waitFor();
        return (await hover.innerText()).includes('Last 15 min');
      },
      'a second minute to draw',
      90_000,
    );
    await sleep(500);
    await ui.screenshot('gauge-hover');
    await page.mouse.move(640, 300);
  });

  await test('does not say it twice', async () => {
    await sleep(Math.max(0, answeredAt + QUIET_MS - performance.now()));
    assert.deepEqual(await notices(page), []);
    await ui.press('Escape');
  });

  await test('ends it from its row after a question, and nothing else', async () => {
    await ui.treeAction('GPUs', 'orphaned worker', 'Clean Up');
    const asked = await ui.dialogText();
    assert.match(asked, new RegExp(`VLLM::EngineCore[^]*GiB[^]*PID ${engine} of .*, started `));
    await ui.screenshot('cleanup-question');
    await ui.clickDialogButton('End Process');
    await until(() => !isAlive(engine), 'its end');
    await ui.notification('came back');
    assert.ok(mainOf('qwen3-4b'), 'the server that runs');
    for (const { pid } of company.rows) assert.ok(isAlive(pid), 'its neighbours');
    await ui.runCommand('VRAM Pilot: Stop All Servers');
    await ui.clickDialogButton('Stop All');
    await until(() => !mainOf('qwen3-4b'), 'its end');
  });

  await test('is quiet for good where that is the wish', async () => {
    const clear = () => ui.runCommand('Notifications: Clear All Notifications');
    await deploy(ui, 'qwen3-clings-again');
    // the list draws only what there is room for
    await clear();
    await orphan(ui, 'qwen3-clings-again');
    await deploy(ui, 'qwen3-clings-thrice');
    await until(async () => (await notices(page)).length > 0, 'the notice of the second');
    await ui.notification(NOTICE, "Don't Show Again");
    await clear();
    await orphan(ui, 'qwen3-clings-thrice');
    await sleep(QUIET_MS);
    assert.deepEqual(await notices(page), []);
  });

  company.end();
};
