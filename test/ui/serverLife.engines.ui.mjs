// A window reload while a real vLLM imports, loads or serves: the same process is found again, is followed to its ready,
// and is stopped without a trace. In the short form one stage, with VRAM_PILOT_ENGINES=all each of the three.
import assert from 'node:assert/strict';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, livingGroup, readProcesses } from '../support/processes.mjs';
import { until } from './until.mjs';

export const window = 'engines';

const START_MS = 180_000;
const MODEL = path.join(process.env.VRAM_PILOT_TEST_MODELS ?? '', 'tiny-qwen3');
const ALL = process.env.VRAM_PILOT_ENGINES === 'all';

/** How far it has come when the window reloads, by what its row says. */
const STAGES = {
  imports: async (ui) => {
    await ui.treeRow('Servers', 'starting');
    await sleep(3_000);
  },
  loading: (ui) => ui.treeRow('Servers', 'loading weights', START_MS),
  ready: (ui) => ui.treeRow('Servers', 'ready · :', START_MS),
};

const mains = () =>
  readProcesses().filter(
    ({ command, state }) =>
      state !== 'Z' && command.includes('/bin/vllm serve') && command.includes(MODEL),
  );

async function deploy(ui) {
  await ui.runCommand('VRAM Pilot: Deploy Model…');
  await ui.pick('Choose a Folder');
  await ui.chooseFolder(MODEL, 'Use This Model');
  await ui.pick('Deploy');
}

async function portOf(ui) {
  const row = await ui.treeRow('Servers', 'ready · :', START_MS);
  return Number(/ready · :(\d+)/.exec(row)?.[1]);
}

const answers = (port) =>
  fetch(`http://127.0.0.1:${port}/health`).then(
    ({ status }) => status === 200,
    () => false,
  );

export default async ({ ui, test }) => {
  await ui.openSideBar();
  for (const stage of ALL ? Object.keys(STAGES) : ['loading']) {
    await test(`finds it again after a reload at stage ${stage}, and stops it without a trace`, async () => {
      await deploy(ui);
      await STAGES[stage](ui);
      const [main, ...others] = mains();
      assert.ok(main && others.length === 0, 'one server runs');

      await ui.reloadWindow();
      await ui.openSideBar();
      const port = await portOf(ui);
      assert.deepEqual(
        mains().map(({ pid }) => pid),
        [main.pid],
        'the same process',
      );
      assert.equal(await answers(port), true);
      await until(() => livingGroup(main.pid).length >= 3, 'engine and worker');

      await ui.treeAction('Servers', 'tiny-qwen3', 'Stop Server');
      await ui.treeRow('Servers', 'stopped');
      await until(() => !isAlive(main.pid), 'its end');
      assert.deepEqual(livingGroup(main.pid), []);
      assert.equal(await answers(port), false);
      await ui.screenshot(`engines-reload-${stage}`);
      // some seconds after a reload VS Code asks for the tasks it remembers, and would run this one again
      await sleep(8_000);
      assert.deepEqual(mains(), []);
      await ui.treeAction('Servers', 'tiny-qwen3', 'Remove');
      await until(async () => (await ui.treeRows('Servers')).length === 0, 'an empty list');
    });
  }
};
