// npm start: VS Code with the extension from this checkout, on a fresh copy of the sample workspace. Desktop VS Code
// where there is one, else a browser VS Code served on this machine until Ctrl+C. Without nvidia-smi the workspace turns
// on the simulated GPU.
//   --check   opens the window in headless Chromium, waits for the gauge, and ends
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './paths.mjs';
import { findOnPath, main, must, run } from './processes.mjs';
import { setUp } from './setup.mjs';

const isCheck = process.argv.includes('--check');

function copyWorkspace(folder) {
  const workspace = path.join(folder, 'sample');
  fs.cpSync(path.join(root, 'test/fixtures/workspace'), workspace, { recursive: true });
  if (findOnPath('nvidia-smi') !== null) return workspace;
  console.log('No nvidia-smi on PATH: the GPU and the servers of this session are SIMULATED.');
  const file = path.join(workspace, '.vscode/settings.json');
  const settings = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8')) : {};
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, JSON.stringify({ ...settings, 'vramPilot.simulate': true }, null, 2));
  return workspace;
}

async function openDesktop() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-'));
  const workspace = copyWorkspace(folder);
  console.log(`Opening VS Code on ${workspace} …`);
  const args = ['--new-window', `--extensionDevelopmentPath=${root}`, workspace];
  const { code } = await run('code', args, { shell: process.platform === 'win32' });
  process.exit(code);
}

/** Serves VS Code on this machine; what it started and wrote is gone when this process ends, however it ends. */
async function serve() {
  const { installHost, installServer } = await import('../host/install.mjs');
  const { startReaper } = await import('../host/reaper.mjs');
  const { startServer, windowUrl } = await import('../host/vscodeServer.mjs');
  const { MARK } = await import('../host/markedProcesses.mjs');
  const { hostFolder, chromium } = isCheck
    ? await installHost()
    : { hostFolder: await installServer(), chromium: null };
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vram-pilot-'));
  const id = randomUUID();
  const reap = startReaper(id, folder);
  let isEnding = false;
  const finish = async (code) => {
    if (isEnding) return;
    isEnding = true;
    await reap();
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => finish(0));
  try {
    const env = { ...process.env, [MARK]: id };
    const workspace = copyWorkspace(folder);
    const { port } = await startServer({
      hostFolder,
      folder,
      env,
      installed: [root],
      onEnd: async (why) => {
        if (!isEnding) console.error(why);
        await finish(1);
      },
    });
    const url = windowUrl({ port, folder: workspace });
    if (isCheck) {
      await waitForGauge(url, chromium, env);
      await finish(0);
    }
    console.log(`\nOpen VS Code with VRAM Pilot in a browser (Ctrl+C ends it):\n\n  ${url}\n`);
  } catch (error) {
    console.error(error);
    await finish(1);
  }
}

async function waitForGauge(url, chromium, env) {
  const { launchBrowser, newContext } = await import('../host/browser.mjs');
  const { gauge } = await import('../ui/page.mjs');
  const browser = await launchBrowser(chromium, env);
  const page = await (await newContext(browser)).newPage();
  await page.goto(url, { waitUntil: 'domcontentloaded' });
  const { text } = await gauge({ page }, '', 90_000);
  console.log(`VS Code shows the gauge: ${text}`);
  await browser.close();
}

main(async () => {
  await setUp();
  await must(process.execPath, ['esbuild.js'], { cwd: root });
  const { findDesktop } = await import('../host/desktop.mjs');
  if (!isCheck && findDesktop() !== null && findOnPath('code') !== null) await openDesktop();
  else await serve();
});
