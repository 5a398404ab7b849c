/** Workers and servers beside an Ollama of somebody else. Ollama, vLLM and GPU are stand-ins. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { VramPilotApi } from '../../../src/vscode/api';
import { openFakeGpu } from '../../support/fakeGpu.mjs';
import { writeModelFolder } from '../../support/modelFiles';
import { SMALL_MODEL } from '../standInModel';
import { hasPage, onPage } from '../../ui/onPage';
import { cardSeen } from '../extensionApi';
import { removeServers } from '../removeServers';
import { eventually } from '../eventually';
import { setting } from '../setting';
import { openNet } from '../../../src/system/net';

const EXTENSION = vscode.extensions.getExtension('vram-pilot.vram-pilot')!;
const FOLDER = process.env.TEST_FOLDER ?? '';
const MODEL = path.join(FOLDER, 'models', 'coexistence-tiny');
const OLLAMA = path.join(EXTENSION.extensionPath, 'test/support/fakeOllama.mjs');
const COMMAND = 'VRAM Pilot: Plan GPU Workers';

describe('living together with Ollama', () => {
  let api: VramPilotApi;
  let base: string;
  let terminals = 0;
  const daemons: ChildProcess[] = [];
  const gpu = openFakeGpu(FOLDER);
  const found = gpu.state();

  /** What a terminal opened now gets of ours. */
  async function variablesInTerminal(): Promise<string[]> {
    const file = path.join(FOLDER, `variables-${String((terminals += 1))}`);
    const script = `env | grep -E '^VRAM_PILOT_(WORKERS|MIB_PER_WORKER|DEVICE)=' | sort > '${file}.new'; mv '${file}.new' '${file}'`;
    const terminal = vscode.window.createTerminal({
      name: 'worker',
      shellPath: '/bin/sh',
      shellArgs: ['-c', script],
    });
    await eventually(() => fs.existsSync(file), 'the terminal');
    terminal.dispose();
    return fs.readFileSync(file, 'utf8').trim().split('\n').filter(Boolean);
  }

  const openText = () => vscode.window.activeTextEditor?.document.getText() ?? '';
  const shows = (pattern: RegExp) => eventually(() => pattern.test(openText()), String(pattern));

  async function ask(model: string): Promise<void> {
    const body = JSON.stringify({ model, keep_alive: -1 });
    const answer = await fetch(`${base}/api/generate`, { method: 'POST', body });
    assert.equal(answer.status, 200);
  }

  before(async function () {
    if (!hasPage) this.skip();
    api = (await EXTENSION.activate()) as VramPilotApi;
    await removeServers(api);
    // 22.0 GiB free
    const [card] = found.gpus;
    assert.ok(card);
    gpu.setState({
      holders: [],
      gpus: [{ ...card, totalMiB: 24576, usedMiB: 2048, reservedMiB: 0 }],
    });
    await vscode.commands.executeCommand('vramPilot.refresh');
    await eventually(() => api.getState().engines.vllm.found, 'vLLM found');
    base = `http://127.0.0.1:${String(await openNet().freePort())}`;
    await setting('ollama.host', base);
  });

  after(async () => {
    for (const daemon of daemons) daemon.kill('SIGTERM');
    gpu.setState({ gpus: found.gpus, holders: found.holders ?? [] });
    await setting('ollama.host', undefined);
    if (!hasPage) return;
    await removeServers(api);
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    await cardSeen(api);
  });

  it('plans workers with a preset, as a document that can’t be changed', async () => {
    void onPage.runCommand(COMMAND);
    await onPage.pick('Aggressive');
    await shows(/GPU workers enabled: 2 workers × 5\.0 GB = 10\.0 GB total/);
    assert.match(openText(), /Settings: preset aggressive/);
    assert.match(openText(), /Ollama should retain 11\.0 GB/);
    assert.equal(vscode.window.activeTextEditor?.document.uri.scheme, 'vram-pilot-report');
    await onPage.notification('2 GPU workers × 5120 MiB');
    assert.deepEqual(await variablesInTerminal(), []);
  });

  it('hands a plan over to new terminals, and takes it back', async () => {
    void onPage.runCommand(COMMAND);
    let entries: string[] = [];
    const isOpen = async () => {
      entries = await onPage.pickEntries();
      return entries.some((text) => text.includes('As Set'));
    };
    await eventually(isOpen, 'the pick');
    assert.ok(!entries.some((text) => text.includes('Remove from Terminals')), entries.join());
    await onPage.screenshot('workers-pick');
    await onPage.pick('As Set');
    await shows(/GPU workers enabled: 2 workers × 4\.5 GB = 9\.0 GB total/);
    await onPage.notification('2 GPU workers × 4608 MiB', 'Hand Over to New Terminals');
    await shows(/New terminals get\nVRAM_PILOT_WORKERS=2\n/);
    await onPage.screenshot('workers-document');
    assert.deepEqual(await variablesInTerminal(), [
      'VRAM_PILOT_DEVICE=cuda',
      'VRAM_PILOT_MIB_PER_WORKER=4608',
      'VRAM_PILOT_WORKERS=2',
    ]);
    void onPage.runCommand(COMMAND);
    await onPage.pick('Remove from Terminals');
    await eventually(() => !openText().includes('New terminals get'), 'the removal');
    assert.deepEqual(await variablesInTerminal(), []);
  });

  it('sees an Ollama that somebody uses, plans again and says so', async () => {
    const daemon = spawn(process.execPath, [OLLAMA, 'serve'], {
      stdio: 'ignore',
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', OLLAMA_HOST: base },
    });
    daemons.push(daemon);
    const answers = () =>
      fetch(`${base}/api/version`).then(
        () => true,
        () => false,
      );
    await eventually(answers, 'the daemon');
    await vscode.commands.executeCommand('vramPilot.refresh');
    const ollama = () => api.getState().coexistence.ollama;
    await eventually(() => ollama().answers, 'Ollama seen');
    assert.equal(ollama().isInUse, false);
    await ask('tiny2');
    await vscode.commands.executeCommand('vramPilot.refresh');
    await eventually(() => ollama().isInUse, 'its use seen');
    await shows(/Ollama now\ntiny2:latest: 1\.4 GiB, all on the GPU\./);
    assert.match(openText(), /Ollama holds 1\.4 GiB already, so 10\.6 GiB is still kept for it/);
    await vscode.commands.executeCommand('vramPilot.openPlanner');
    await onPage.plannerReady();
    await onPage.screenshot('coexistence-planner');
  });

  it('warns once when Ollama falls back to the CPU beside our server, with the cause', async () => {
    writeModelFolder(MODEL, SMALL_MODEL);
    const options = { gpuMemoryUtilization: 0.35, maxModelLen: 4096 };
    const result = await api.deploy({ model: MODEL, options }, { force: true });
    assert.ok(result.ok, JSON.stringify(result));
    const server = () => api.getState().servers.find(({ id }) => id === result.id);
    await eventually(() => server()?.phase === 'ready', 'ready');
    const [card] = gpu.state().gpus;
    assert.ok(card);
    gpu.setState({ gpus: [{ ...card, usedMiB: 24_200 }] });
    await vscode.commands.executeCommand('vramPilot.refresh');
    await ask('tiny-half');
    // by itself within ten seconds
    await vscode.commands.executeCommand('vramPilot.refresh');
    const text = await onPage.notification('of tiny-half:latest on the CPU', 'Show');
    assert.match(text, /^Ollama runs 704 MiB of the 1\.4 GiB of tiny-half:latest on the CPU/);
    assert.match(text, /coexistence-tiny.* holds \d/);
    assert.match(text, /ollamaVramReservationMb/);
    await shows(/tiny-half:latest: 1\.4 GiB, 704 MiB of it on the CPU/);
    await onPage.screenshot('coexistence-warning');
    const said = (await onPage.notifications()).filter((one) => one.includes('tiny-half'));
    for (let look = 0; look < 3; look++) await vscode.commands.executeCommand('vramPilot.refresh');
    await new Promise((next) => setTimeout(next, 1_000));
    const again = (await onPage.notifications()).filter((one) => one.includes('tiny-half'));
    assert.ok(again.length <= said.length, again.join('\n'));
  });
});
